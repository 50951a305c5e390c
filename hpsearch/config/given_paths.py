"""Paths that a user gives, made absolute; every reason why one cannot be used is told in one line."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from pathlib import Path

from hpsearch.core.errors import UsageError, reason_of


def absolute(given: str, base: Path, option: str = "") -> Path:
    """Return an absolute path; a relative one starts at `base`. option: its name, for the message.

    Raises UsageError if the text cannot be a path.
    """
    name, user = _named(given, option), given.partition("/")[0]
    if "\0" in given:
        raise UsageError(f"{name}: a path cannot hold a NUL character")
    try:
        os.fsencode(given)
        return Path(base, Path(given).expanduser())
    except UnicodeEncodeError as error:
        raise UsageError(f"{name}: the file system has no such characters ({error.reason})") from error
    except RuntimeError as error:
        advice = f"(a path that begins like this is written ./{given})"
        raise UsageError(f"{name}: the home folder of {user!r} is not known {advice}") from error


def written_file(given: str, option: str) -> Path:
    """Return the file that a user wants written, absolute and without links; it need not exist.

    option: its name, for the message. Raises UsageError if it cannot be a file.
    """
    path = absolute(given, Path.cwd(), option)
    # Before Python 3.13, links that lead back to themselves raise.
    with contextlib.suppress(RuntimeError):
        path = path.resolve()
    if path.is_symlink():
        raise UsageError(f"{option} {path}: expected a file, found a link that leads back to itself")
    if path.exists() and not path.is_file():
        raise UsageError(f"{option} {path}: expected a file, found something else (a folder, a device)")
    return path


def existing_folder(given: str, *bases: Path, option: str = "", if_missing: str = "there is no such folder") -> Path:
    """Return a folder that a user names, absolute and without links; the first of `bases` that has it counts.

    option: its name, for the message. Raises UsageError if it is no folder, or may not be entered.
    """
    name = _named(given, option)
    if not given:
        raise UsageError(f"{name}: expected a folder, found an empty text")
    paths = list(dict.fromkeys(absolute(given, base, option) for base in bases))
    problems = [_folder_problem(path) for path in paths]
    if None in problems:
        return paths[problems.index(None)].resolve()
    # Something that lies at one place and cannot be used says more than an empty other place.
    problem = next(filter(None, problems), if_missing)
    looked = f" (looked for {' and '.join(map(str, paths))})" if len(paths) > 1 else ""
    raise UsageError(f"{name}: {problem}{looked}")


#: A text that becomes part of a file's name: the characters that are replaced, and how many bytes are kept.
_NOT_IN_NAMES, _MOST_BYTES = re.compile(r"[^\w.+=@-]+"), 100


def file_name_of(text: str) -> str:
    """Return a text as a part of a file's name: ``lr & width`` becomes ``lr_width``; empty if nothing is left."""
    safe = _NOT_IN_NAMES.sub("_", text).encode()[:_MOST_BYTES].decode(errors="ignore").strip("_")
    return safe if any(map(str.isalnum, safe)) else ""


def _folder_problem(path: Path) -> str | None:
    """Return why a path is no folder to work in: an empty text if nothing lies there, None if it is one."""
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return "there is no such folder (this link leads nowhere)" if path.is_symlink() else ""
    except OSError as error:
        return f"this folder cannot be looked at ({reason_of(error)})"
    if not is_folder:
        return "there is no such folder (it is a file)"
    return None if os.access(path, os.X_OK) else f"this folder may not be entered ({os.strerror(errno.EACCES)})"


def _named(given: str, option: str) -> str:
    return f"{option}={given}" if option else given or "a folder"
