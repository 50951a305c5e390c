"""The first words of commands: of the runs' commands, and of commands that start hpsearch again from any folder."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import site
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

from hpsearch.config.given_paths import absolute
from hpsearch.core.command import ScriptLine, script_line, shell_line
from hpsearch.core.errors import ConfigError, UsageError, reason_of
from hpsearch.core.hints import did_you_mean, typed_line
from hpsearch.journal.settings import Settings
from hpsearch.store.layout import SearchFolder
from hpsearch.user_code.import_paths import editable_installs

_PACKAGE = Path(__file__).resolve().parents[1]


def problem_of_script(script_name: str, run_cwd: Path, interpreter: str) -> str:
    """Return why a script cannot be run; empty if it can. Raises UsageError if there is no such interpreter."""
    words = _interpreter_words(interpreter, run_cwd) if interpreter else []
    try:
        line = _script_line(script_name, run_cwd, words)
        return _problem_of_module(line, run_cwd, words) if line.is_module else _problem_of_file(line, run_cwd)
    except ValueError as error:
        return str(error)


def _script_line(script_name: str, run_cwd: Path, interpreter: list[str]) -> ScriptLine:
    # The last word of an interpreter need not be a path.
    name = os.path.basename(interpreter[-1]) if interpreter else "python"  # noqa: PTH119
    return script_line(script_name, lambda name: _is_file(name, run_cwd), name.startswith(("python", "pypy")))


def program_of(script_name: str, run_cwd: Path, interpreter: str) -> tuple[str, ...]:
    """Return the words of a command before its options.

    Raises ConfigError if the script cannot be run, UsageError if there is no such interpreter.
    """
    if problem := problem_of_script(script_name, run_cwd, interpreter):
        raise ConfigError(f"_SCRIPT_NAME is {script_name!r}, but {problem}")
    words = _interpreter_words(interpreter, run_cwd) if interpreter else []
    line = _script_line(script_name, run_cwd, words)
    script = str(Path(line.script).expanduser()) if line.script.startswith("~") else line.script
    if not words and _is_run_directly(line, run_cwd):
        # Without a slash, the command would be looked up on PATH.
        return (script if "/" in script else f"./{script}", *line.after)
    return (*(words or [interpreter_word()]), *line.before, script, *line.after)


def program_in_copy(
    program: Sequence[str], top: Path, run_cwd: Path, is_copied: Callable[[str], bool]
) -> tuple[str, ...]:
    """Return the words of a command that runs in a copy of the folder `top`; absolute paths into it lead to the copy.

    is_copied: whether a path relative to `top` is in the copy.
    """

    def in_copy(word: str) -> str:
        path = Path(word)
        if not path.is_absolute() or not is_copied(os.path.relpath(path.parent.resolve() / path.name, top)):
            return word
        return os.path.join(".", os.path.relpath(path.parent.resolve() / path.name, run_cwd))  # noqa: PTH118

    return tuple(map(in_copy, program))


def path_of_copy(top: Path, run_cwd: Path) -> list[str]:
    """Return the words before a command that make it import from a copy of `top` instead of `top` itself.

    It would import from `top` because of PYTHONPATH or ``pip install -e``. run_cwd: the folder below `top` in whose
    copy the command starts.
    """
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    editable = [os.path.join(path, name) for path in editable_installs() for name in ("src", "")]  # noqa: PTH118
    real = {entry: Path(entry).resolve() for entry in (*given, *editable) if Path(entry).is_absolute()}
    inside = [entry for entry, path in real.items() if path.is_relative_to(top) and path.is_dir()]
    if not inside:
        return []
    entries = [*filter(None, given), *(entry for entry in editable if entry in inside)]
    mapped = [os.path.relpath(real[entry], run_cwd) if entry in inside else entry for entry in entries]
    return ["env", f"PYTHONPATH={os.pathsep.join(mapped)}"]


def path_of_snapshot(settings: Settings, folder: SearchFolder) -> list[str]:
    """Return what `path_of_copy` does for the snapshot of a search's code; nothing if it has none."""
    if not settings.options.get("snapshot"):
        return []
    depth = len(folder.work_folder(settings).relative_to(folder.code).parts)
    return path_of_copy([settings.home, *settings.home.parents][depth], settings.home)


def words_of_script(script_name: str, run_cwd: Path) -> tuple[str, ...]:
    """Return the words that ``_SCRIPT_NAME`` stands for in a command, without checking that there is such a script."""
    try:
        return script_line(script_name, lambda name: _is_file(name, run_cwd)).words
    except ValueError:
        return (script_name,)


def _is_file(name: str, run_cwd: Path) -> bool:
    # The name need not be a path: os.path says False then, pathlib raises errors.
    return os.path.isfile(os.path.join(run_cwd, os.path.expanduser(name)))  # noqa: PTH111, PTH113, PTH118


def _is_run_directly(line: ScriptLine, run_cwd: Path) -> bool:
    script = absolute(line.script, run_cwd)
    return not line.before and script.suffix != ".py" and os.access(script, os.X_OK)


def _problem_of_file(line: ScriptLine, run_cwd: Path) -> str:
    """Return why a script cannot be run; empty if it can."""
    script = absolute(line.script, run_cwd, "_SCRIPT_NAME")
    try:
        script.stat()
    except (FileNotFoundError, NotADirectoryError):
        whole = " (nor one with the whole as its name)" if line.before or line.after else ""
        return f"there is no file {script}{whole}{_near_file(script) or '; is --run_cwd right?'}"
    except OSError as error:
        return f"the file {script} cannot be looked at ({reason_of(error)})"
    if not script.is_file():
        return f"{script} is no file; is --run_cwd right?"
    return "" if os.access(script, os.R_OK) or _is_run_directly(line, run_cwd) else f"{script} may not be read"


def _near_file(script: Path) -> str:
    try:
        return did_you_mean(script.name, [entry.name for entry in os.scandir(script.parent) if entry.is_file()])
    except OSError:
        return ""


def _problem_of_module(line: ScriptLine, run_cwd: Path, interpreter: list[str]) -> str:
    """Return why a module cannot be run by its name; empty if it can, or if only another interpreter can tell."""
    parts = line.script.split(".")
    if not all(part.isidentifier() for part in parts):
        return f"{line.script!r} behind -m is no dotted name of a module"
    path = Path(run_cwd, *parts)
    if any(path.parent.glob(f"{parts[-1]}.*")) or any(path.glob("__main__.*")):
        return ""
    begins_here = any((run_cwd / name).exists() for name in (parts[0], f"{parts[0]}.py"))
    if not begins_here and (interpreter or _is_installed(parts[0], run_cwd)):
        return ""
    return f"there is no module {line.script}: neither {path}.py nor {path / '__main__.py'}; is --run_cwd right?"


def _is_installed(name: str, run_cwd: Path) -> bool:
    """Return whether a run finds a package; the folder in which hpsearch was started does not count."""
    spec = None
    with contextlib.suppress(ImportError, ValueError):
        spec = find_spec(name)
    if spec is None:
        return False
    paths = [Path(path) for path in spec.submodule_search_locations or [spec.origin or ""]]
    given = _python_path(run_cwd)
    return any(path.resolve().parent in given or path.parent != Path.cwd() for path in paths)


def _python_path(base: Path) -> list[Path]:
    """Return the folders that PYTHONPATH names for a program started in `base`."""
    return [Path(base, entry).resolve() for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]


def _interpreter_words(interpreter: str, run_cwd: Path) -> list[str]:
    try:
        words = shlex.split(interpreter)
    except ValueError as error:
        raise UsageError(f"--interpreter={interpreter}: a quote is not closed ({error})") from error
    if not words:
        raise UsageError(f"--interpreter={interpreter!r}: expected a command, found only blanks")
    path = str(absolute(words[0], run_cwd, "--interpreter")) if "/" in words[0] else words[0]
    if shutil.which(path) is None:
        looked = f"looked for {path}" if "/" in words[0] else "looked on PATH"
        raise UsageError(f"--interpreter={interpreter}: there is no command {words[0]!r} ({looked})")
    # No shell expands a ~ in these words.
    return [path if words[0].startswith("~") else words[0], *words[1:]]


def interpreter_word() -> str:
    """Return ``python3`` where that is the interpreter running this, else that interpreter's path."""
    found, running = Path(shutil.which("python3") or "/"), Path(sys.executable)
    # Virtual environments link to the same interpreter file: the folder tells them apart.
    is_same = found.resolve() == running.resolve() and found.parent.resolve() == running.parent.resolve()
    return "python3" if is_same else str(running)


def command_hint(subcommand: str, folder: Path, *words: str) -> str:
    """Return a subcommand for a search as a line that works in the current folder, spelled as its user types."""
    if typed := typed_line(subcommand, folder, *words):
        return typed
    if subcommand == "resume":
        return _from_here("hpsearch.hpsearch", "--resume", str(folder), *words)
    return _from_here("hpsearch", subcommand, str(folder), *words)


def resume_hint(folder: Path) -> str:
    """Return the command that goes on with an ended search."""
    return command_hint("resume", folder)


def retry_hint(folder: Path, numbers: Iterable[int]) -> str:
    """Return the command that runs these runs again, although they have results."""
    return command_hint("retry", folder, *(f"--run={number}" for number in sorted(numbers)))


def logs_hint(folder: Path, number: int, is_err: bool) -> str:
    """Return the command that shows what a run printed, on standard error or else on standard output."""
    return command_hint("logs", folder, str(number), *(["--err"] if is_err else []))


def _from_here(module: str, *words: str) -> str:
    line = shell_line([interpreter_word(), "-m", module, *words])
    return line if _is_found_from(Path.cwd()) else f"cd {shlex.quote(str(_PACKAGE.parent))} && {line}"


def search_program(folder: Path | None) -> list[str]:
    """Return the words that start the main module from a folder (None = any): by name if it is found, else by file."""
    return ["-m", "hpsearch.hpsearch"] if _is_found_from(folder) else [str(_PACKAGE / "hpsearch.py")]


def _is_found_from(folder: Path | None) -> bool:
    """Return whether Python, started in a folder, finds this very package by its name."""
    root = _PACKAGE.parent
    return folder == root or root in _python_path(folder or Path("/")) or _in_site_packages()


def _in_site_packages() -> bool:
    from importlib.metadata import distributions

    paths = [*site.getsitepackages(), site.getusersitepackages()]
    if _PACKAGE.parent in [Path(path).resolve() for path in paths]:
        return True
    # An editable installation says where its checkout lies.
    urls = (found.read_text("direct_url.json") or "" for found in distributions(name="hpsearch", path=paths))
    return any(f'"{_PACKAGE.parent.as_uri()}"' in url for url in urls)
