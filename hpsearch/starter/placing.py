"""Where a new grid module goes, its dotted name for a search, and the command that starts the search."""

from __future__ import annotations

import contextlib
import keyword
import os
import re
import shlex
import sys
from importlib.util import find_spec
from pathlib import Path

from hpsearch.config.given_paths import absolute
from hpsearch.config.program import interpreter_word, search_program
from hpsearch.core.command import shell_line
from hpsearch.core.errors import UsageError
from hpsearch.core.hints import own_spelling


def file_for(given: str | None, script: Path) -> Path:
    """Return the file of a new grid module for a script. given: by the user, None = not given.

    Raises UsageError if the file cannot be there, or could not be imported.
    """
    stem = script.parent.name if script.name == "__main__.py" else script.stem
    default = script.with_name(f"{module_name(f'grid_{stem}')}.py")
    out = default if given is None else absolute(given, Path.cwd(), "--out")
    if out.is_dir():
        out = out / default.name
    if given is not None and out.suffix == "":
        out = out.with_name(f"{out.name}.py")
    if out.suffix != ".py" or not out.stem.isidentifier() or keyword.iskeyword(out.stem):
        proposed = out.with_name(f"{module_name(out.stem)}.py").name
        raise UsageError(f"--out={given}: Python cannot import a module of this name; take one such as {proposed}")
    if not out.parent.is_dir():
        raise UsageError(f"--out={given}: there is no folder {out.parent}")
    if os.path.lexists(out):
        raise UsageError(f"{out}: this file exists and is not overwritten; name another one with --out")
    if hidden := _hidden_module(out):
        raise UsageError(f"{out}: it would hide the module {out.stem} ({hidden}); name another file with --out")
    return out


def module_name(stem: str) -> str:
    """Turn a file's name into one that Python can import: ``my-train 2`` becomes ``my_train_2``."""
    name = re.sub(r"\W", "_", stem)
    return f"grid_{name}" if name[:1].isdigit() or not name or keyword.iskeyword(name) else name


def _hidden_module(out: Path) -> str:
    """Return which other module a new file's name would hide; empty if none."""
    if (out.parent / out.stem / "__init__.py").exists():
        return f"{out.parent / out.stem}"
    if out.stem in sys.stdlib_module_names:
        return "of Python's own"
    with contextlib.suppress(ImportError, ValueError):
        spec = find_spec(out.stem)
        # A module of the same name in the current folder is no obstacle: the grid module has a dotted name.
        if spec is not None and Path(spec.origin or "").parent != Path.cwd():
            return spec.origin or ", ".join(spec.submodule_search_locations or ())
    return ""


def next_command(out: Path, run_cwd: Path, interpreter: str) -> str:
    """Return the command that starts the search, to be typed in the current folder."""
    here = Path.cwd()
    dotted = _dotted_name(out, here)
    start = here if dotted else out.parent
    words = [f"--grid_module={dotted or out.stem}"]
    if os.path.realpath(run_cwd) != os.path.realpath(start):
        words.append(f"--run_cwd={os.path.relpath(run_cwd, start)}")
    words += [f"--interpreter={interpreter}"] if interpreter else []
    line = shell_line([*_search_words(start, here), *words])
    return line if dotted else f"cd {shlex.quote(os.path.relpath(start, here))} && {line}"


def _dotted_name(out: Path, here: Path) -> str:
    """Return the dotted name by which a search started in `here` finds a new module; empty if it does not."""
    try:
        parts = Path(os.path.normpath(out)).relative_to(here).with_suffix("").parts
    except ValueError:
        return ""
    if not all(part.isidentifier() for part in parts):
        return ""
    for depth in range(1, len(parts)):
        folder = here.joinpath(*parts[:depth])
        if not (folder / "__init__.py").exists() and folder.with_name(f"{folder.name}.py").exists():
            return ""
    return ".".join(parts) if len(parts) == 1 or _leads_to(parts[0], here / parts[0]) else ""


def _leads_to(name: str, folder: Path) -> bool:
    """Return whether Python finds this folder under a name, and not an installed package."""
    with contextlib.suppress(ImportError, ValueError):
        spec = find_spec(name)
        return spec is not None and str(folder) in map(os.path.abspath, spec.submodule_search_locations or ())
    return False


def _search_words(start: Path, here: Path) -> list[str]:
    """Return the first words of a command that starts a search in a folder, spelled as the user types."""
    program = own_spelling().program
    classic = [interpreter_word(), *search_program(start)]
    if not program or ("-m" in program and start != here and "-m" not in classic):
        return classic
    first = str(Path(program[0]).absolute()) if "/" in program[0] and start != here else program[0]
    return [first, *program[1:], "run"]
