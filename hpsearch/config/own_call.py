"""Lines for a shell that start hpsearch again, wherever its package lies."""

from __future__ import annotations

import os
import shlex
import site
from collections.abc import Iterable
from pathlib import Path

from hpsearch.config.program import interpreter_word
from hpsearch.core.command import shell_line

_PACKAGE = Path(__file__).resolve().parents[1]


def resume_hint(folder: Path) -> str:
    """Return how an ended search is taken up again, from where we are."""
    return _from_here("hpsearch.hpsearch", "--resume", str(folder))


def retry_hint(folder: Path, numbers: Iterable[int]) -> str:
    """Return how these runs, which have results already, are run again, from where we are."""
    return _from_here("hpsearch", "retry", str(folder), *(f"--run={number}" for number in sorted(numbers)))


def _from_here(module: str, *words: str) -> str:
    line = shell_line([interpreter_word(), "-m", module, *words])
    return line if _is_found_from(Path.cwd()) else f"cd {shlex.quote(str(_PACKAGE.parent))} && {line}"


def search_program(folder: Path | None) -> list[str]:
    """Return the words that start the main module from a folder (None: any): by name if it is found, else its file."""
    return ["-m", "hpsearch.hpsearch"] if _is_found_from(folder) else [str(_PACKAGE / "hpsearch.py")]


def _is_found_from(folder: Path | None) -> bool:
    """Return whether Python, started in a folder, finds this very package by its name."""
    base = folder or Path("/")
    given = (Path(base, entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry)
    return folder == _PACKAGE.parent or _PACKAGE.parent in [entry.resolve() for entry in given] or _is_installed()


def _is_installed() -> bool:
    from importlib.metadata import distributions

    places = [*site.getsitepackages(), site.getusersitepackages()]
    if _PACKAGE.parent in [Path(place).resolve() for place in places]:
        return True
    # An installation that only points to a checkout says where that lies.
    urls = (found.read_text("direct_url.json") or "" for found in distributions(name="hpsearch", path=places))
    return any(f'"{_PACKAGE.parent.as_uri()}"' in url for url in urls)
