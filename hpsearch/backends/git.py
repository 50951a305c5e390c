"""What git says about a user's code. Each question has a time limit, and none changes the repository or runs a hook."""

from __future__ import annotations

import os
import time
from pathlib import Path

from hpsearch.backends.shell import run_command
from hpsearch.core.errors import BackendError, UsageError
from hpsearch.core.model import CodeTree
from hpsearch.startup.classes import dataclass

#: No file monitor and no hook of the repository may run; reading the index needs no lock.
_GIT = ("git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
#: How long git may take to list the files of a repository, in seconds.
_LISTING_S = 60.0
#: Compiled files, which Python makes anew.
_COMPILED = ("__pycache__/", ".pyc")

_DIFF = ("diff", "--binary", "--no-color", "--no-ext-diff", "--no-textconv", "HEAD")
#: Writes the beginning of a command's output to a file: a diff may hold any bytes, and be too large for the memory.
_BEGINNING = '"$@" | head -c "$MOST" >"$FILE"'


def ask_git(folder: Path, *words: str, limit_s: float) -> str:
    """Return what git prints in a folder. Raises BackendError, in git's own words, if it does not answer or refuses."""
    argv = (*_GIT, "-C", str(folder), *words)
    answer = run_command(argv, max(limit_s, 0.1), is_killed_by_ctrl_c=True)
    if answer.exit_status is None:
        raise BackendError(f"git gave no answer within {limit_s:.2g} s")
    if answer.exit_status:
        raise BackendError(f"git: {(answer.stderr or 'no word').splitlines()[0]}")
    return answer.stdout


@dataclass(frozen=True)
class Head:
    """What is checked out. top: the repository's folder. branch: ``HEAD`` if there is none."""

    top: Path
    commit: str
    branch: str


def head_of(folder: Path, limit_s: float) -> Head:
    """Return what is checked out around a folder. Raises BackendError if there is no commit, or git does not say."""
    answer = ask_git(folder, "rev-parse", "--show-toplevel", "HEAD", "--abbrev-ref", "HEAD", limit_s=limit_s)
    words = answer.rstrip("\n").rsplit("\n", 2)
    if len(words) < 3:
        raise BackendError(f"git: expected a folder, a commit and a branch, each in a line, found {words[0]!r:.200}")
    return Head(Path(words[0]), words[1], words[2])


def changed_files(top: Path, limit_s: float) -> list[str]:
    """Return what differs from the commit, untracked files included: ``M train.py``, ``?? new.py``."""
    lines = ask_git(top, "status", "--porcelain", "-z", "--no-renames", limit_s=limit_s).split("\0")
    return [line.strip() for line in lines if line]


def write_diff(top: Path, file: Path, most_bytes: int, limit_s: float) -> None:
    """Write the working tree's difference from its commit to a file, for ``git apply``: at most the first `most_bytes`.

    Raises BackendError if git does not answer.
    """
    environment = {**os.environ, "FILE": str(file), "MOST": str(most_bytes)}
    argv = ["/bin/sh", "-c", _BEGINNING, "sh", *_GIT, "-C", str(top), *_DIFF]
    answer = run_command(argv, max(limit_s, 0.1), environment=environment)
    if answer.exit_status or answer.stderr:
        raise BackendError(f"git diff: {answer.words or 'no answer in time'}")


def code_around(run_cwd: Path) -> CodeTree:
    """Return the code around the working directory of runs, to be copied. Raises UsageError if git does not know it."""
    problem = f"--snapshot copies what git knows around {run_cwd}, but"
    try:
        code = code_tree(run_cwd, _LISTING_S)
    except BackendError as error:
        hint = "; git init makes one" if "not a git repository" in str(error) else ""
        raise UsageError(f"{problem} {error}{hint}") from error
    below = os.path.relpath(run_cwd, code.top)
    if below != "." and not any(name.startswith(f"{below}/") for name in code.files):
        raise UsageError(f"{problem} it ignores that folder")
    return code


def code_tree(folder: Path, limit_s: float) -> CodeTree:
    """Return the working tree around a folder, with submodules, without search folders.

    Raises BackendError if there is none, or git does not list it.
    """
    end = time.monotonic() + limit_s
    top = Path(ask_git(folder, "rev-parse", "--show-toplevel", limit_s=limit_s).rstrip("\n"))
    files, links = list[str](), list[str]()
    folders = [""]
    while folders:
        inside = folders.pop()
        left = end - time.monotonic()
        names = _listed(top / inside, "--cached", limit_s=left) + _listed(top / inside, limit_s=left)
        for name in (inside + each for each in dict.fromkeys(names)):
            path = top / name
            if path.is_dir() and not path.is_symlink():
                # A submodule, or another repository inside this one.
                folders += [name.rstrip("/") + "/"] if (path / ".git").exists() else []
            elif "\ufffd" in name:
                raise BackendError(f"{path} has a name that is not UTF-8")
            elif os.path.lexists(path):
                files.append(name)
        ignored = _listed(top / inside, "--ignored", "--directory", limit_s=left)
        links += [inside + name for name in ignored if not name.endswith(_COMPILED)]
    searches = tuple({name.partition(".hpsearch/")[0] for name in files if "/.hpsearch/" in f"/{name}"})
    return CodeTree(top, [name for name in files if not name.startswith(searches)], links)


def _listed(folder: Path, *which: str, limit_s: float) -> list[str]:
    others = () if "--cached" in which else ("--others", "--exclude-standard")
    return [name for name in ask_git(folder, "ls-files", "-z", *others, *which, limit_s=limit_s).split("\0") if name]
