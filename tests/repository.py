"""A git repository for tests: made and changed by git itself, without the settings of the user who runs the tests."""

from __future__ import annotations

import subprocess
from pathlib import Path

_AUTHOR = ("-c", "user.name=a", "-c", "user.email=a@lab.org", "-c", "init.defaultBranch=main")


def git(folder: Path, *words: str) -> str:
    """Run git in a folder; return what it prints."""
    argv = ["git", "-C", str(folder), *_AUTHOR, *words]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


def commit_all(folder: Path) -> str:
    """Make a folder a repository if it is none yet, and commit everything in it; return the commit."""
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "all")
    return git(folder, "rev-parse", "HEAD")
