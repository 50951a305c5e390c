"""What messages tell people to type: commands, spelled as they typed theirs, and the name that they meant."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from hpsearch.core.command import shell_line
from hpsearch.startup.classes import dataclass

#: How alike a known name has to be: 0 to 1.
_HOW_NEAR = 0.7


@dataclass(frozen=True)
class Spelling:
    """How the user starts hpsearch; a tuple is empty if the user does not start it that way.

    program: the words before a subcommand, as in ``hpsearch``. classic: the words before the options of a search, as
    in ``python3 -m hpsearch.hpsearch``.
    """

    program: tuple[str, ...] = ()
    classic: tuple[str, ...] = ()


def spelling_of(started: Sequence[str], installed: str | None) -> Spelling:
    """Return the spelling that the words show which started a process (without its program's arguments).

    installed: the path of the command ``hpsearch`` that a shell finds, None if there is none.
    """
    *before, last = started or [""]
    if before[-1:] == ["-m"]:
        package, _, module = last.partition(".")
        own = Spelling((*before, "hpsearch"), () if module in ("", "__main__") else (*before, "hpsearch.hpsearch"))
        return own if package == "hpsearch" else Spelling()
    name = last.rpartition("/")[2]
    if name == "hpsearch":
        is_found = installed is not None and os.path.realpath(installed) == os.path.realpath(last)
        return Spelling(("hpsearch",) if is_found else (last,))
    return Spelling(classic=tuple(started)) if name == "hpsearch.py" else Spelling()


def own_spelling() -> Spelling:
    """Return the spelling of the command that runs here."""
    from shutil import which  # with its kinds of archives, it takes 3 ms, and few messages need it

    return spelling_of(started_words(sys.orig_argv, sys.argv[1:]), which("hpsearch"))


def started_words(original: Sequence[str], arguments: Sequence[str]) -> list[str]:
    """Return the words of a process without the arguments of its program; none if they were changed meanwhile.

    original, arguments: as in ``sys.orig_argv`` and ``sys.argv[1:]``.
    """
    end = len(original) - len(arguments)
    if end <= 0 or list(original[end:]) != list(arguments):
        return []
    # A process that needs UTF-8 starts itself again, see `whole_process`.
    is_again = list(original[1:3]) == ["-X", "utf8"]
    return [original[0], *original[3:end]] if is_again else list(original[:end])


def shown_path(path: Path) -> str:
    """Return a path as it is typed here: relative to the current folder where that is shorter."""
    try:
        relative = os.path.relpath(path)
    except OSError:
        return str(path)  # The current folder is gone.
    if relative.startswith("-"):
        relative = f"./{relative}"
    return min(relative, str(path), key=len)


def typed_line(subcommand: str, folder: Path, *words: str, spelling: Spelling | None = None) -> str:
    """Return a subcommand for a search as its user would type it; empty if this process does not tell how.

    spelling: None = of the command that runs here.
    """
    spelling = own_spelling() if spelling is None else spelling
    if subcommand == "resume" and spelling.classic:
        return shell_line([*spelling.classic, "--resume", shown_path(folder), *words])
    return shell_line([*spelling.program, subcommand, shown_path(folder), *words]) if spelling.program else ""


def hint(subcommand: str, folder: Path, *words: str) -> str:
    """Return the line to type for a subcommand; ``hpsearch ...`` where nothing tells how its user starts it."""
    return typed_line(subcommand, folder, *words) or shell_line(["hpsearch", subcommand, shown_path(folder), *words])


def did_you_mean(name: str, known: Iterable[str], how_near: float = _HOW_NEAR) -> str:
    """Return the end of a message, ``; did you mean 'lr'?``; empty if no known name is near.

    how_near: 0 (anything) to 1 (only upper and lower case, and underscores in front, may differ).
    """
    near = nearest(name, known, how_near)
    return f"; did you mean {near!r}?" if near else ""


def nearest(name: str, known: Iterable[str], how_near: float = _HOW_NEAR) -> str:
    """Return the known name that is most like this one; empty if none is near. how_near: see `did_you_mean`."""
    from difflib import get_close_matches  # only a mistake needs it

    plain: dict[str, str] = {}
    for each in known:
        plain.setdefault(_plain(each), each)
    found = get_close_matches(_plain(name), plain, 1, how_near)
    return plain[found[0]] if found else ""


def _plain(name: str) -> str:
    return name.casefold().strip("_-")
