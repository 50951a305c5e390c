"""What an earlier search was set up with: from its journal, its grid module, or the module's copy."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import ModuleType

from hpsearch.config.grid_module import SearchConfig, config_from_module
from hpsearch.config.program import words_of_script
from hpsearch.console.user_output import output_on_stderr
from hpsearch.core.command import shell_line
from hpsearch.core.errors import ConfigError, SummaryError
from hpsearch.journal.settings import Settings
from hpsearch.startup.classes import replace
from hpsearch.store.layout import open_file
from hpsearch.user_code.import_paths import add_first, add_last
from hpsearch.user_code.user_modules import as_config_error, import_grid_module

#: Settings that a grid module named by the user decides, instead of the recorded ones.
_SUMMARIES = ("summary_filename", "summary_keywords", "performance_key", "sort_ascending", "has_parser")

#: The attributes of a grid module that are needed to look at a search: constants, and perhaps a summary parser.
_SETTINGS_OF_MODULE = (
    *("_SCRIPT_NAME", "_OUT_ARG", "_SUMMARY_FILENAME", "_SUMMARY_KEYWORDS", "_SUMMARY_PARSER_HANDLE"),
    *("_PERFORMANCE_KEY", "_PERFORMANCE_SORT_ASC", "_CONTINUE_ARG"),
)
_REQUIRED = {"_SCRIPT_NAME", "_SUMMARY_FILENAME", "_SUMMARY_KEYWORDS"}


def config_of(settings: Settings, needs_functions: bool = False) -> SearchConfig:
    """Return what a search with a journal was set up with; its grid module is imported only for its functions.

    needs_functions: import the functions even if there is no summary parser.
    From here on, modules are found as they were when the search started (also the user's own scheduler).
    Raises ConfigError if the module is needed and cannot be imported.
    """
    add_first(settings.import_paths)
    if settings.has_parser or needs_functions:
        module = import_grid_module(settings.grid_module)
        check_is_recorded_module(module.__file__ or "", settings)
        return _as_recorded(config_from_module(module, settings.grid_module, needs_grid=False), settings)
    return _without_module(settings)


def check_is_recorded_module(found: str, settings: Settings) -> None:
    """Raise ConfigError if an imported module's file is not the file of the search's grid module."""
    if Path(settings.grid_file).exists() and not Path(found).samefile(settings.grid_file):
        raise ConfigError(
            f"the grid and functions of this search are in {settings.grid_file}, but importing {settings.grid_module} "
            f"here finds {found}; start from the folder in which the search was started"
        )


def config_to_end(settings: Settings, warn: Callable[[str], None]) -> SearchConfig:
    """Return what a search was set up with, for ending it; a broken module does not matter for that."""
    try:
        return config_of(settings)
    except ConfigError as error:
        warn(f"summaries of runs that have ended cannot be read ({error})")
        reason = str(error)

    def unreadable(out_dir: str, number: int) -> Mapping[str, object]:
        raise SummaryError(reason)

    return replace(_without_module(settings), summary_parser=unreadable)


def _without_module(settings: Settings) -> SearchConfig:
    return SearchConfig(settings, shell_line(settings.program))


def _as_recorded(config: SearchConfig, settings: Settings, also: Collection[str] = ()) -> SearchConfig:
    """Return a module's functions with the settings that the search recorded. also: settings the module decides."""
    taken = {name: getattr(config.settings, name) for name in ("grid_module", "grid_file", *also)}
    return replace(config, settings=replace(settings, **taken))


def config_for_folder(
    folder: Path,
    files: Collection[str],
    settings: Settings | None,
    grid_module: str,
    run_cwd: Path,
    needs_functions: bool,
) -> SearchConfig:
    """Return what the search in a folder was set up with; the older tool may have made the folder.

    files: names of the files in the folder. settings: what its journal says, None if there is none.
    grid_module: the dotted name that the user gave; empty = what the folder records. It and the
    modules that it imports are also looked for in `run_cwd` and in the search folder.
    Raises ConfigError if there is no grid module, or it is wrong.
    """
    add_last((str(run_cwd), str(folder)))
    if grid_module:
        config = config_from_module(import_grid_module(grid_module), grid_module, needs_grid=False)
        return _unrecorded(config, folder, run_cwd) if settings is None else _as_recorded(config, settings, _SUMMARIES)
    if settings is None:
        return _unrecorded(_config_of_copy(_only_copy(folder, files), needs_functions), folder, run_cwd)
    try:
        return config_of(settings, needs_functions)
    except ConfigError:
        # The folder or the module was moved: the copy will do.
        copy = folder / Path(settings.grid_file or f"{settings.grid_module.rpartition('.')[2]}.py").name
        if not copy.is_file():
            raise
        return _as_recorded(_config_of_copy(copy, needs_functions), settings)


def _unrecorded(config: SearchConfig, folder: Path, run_cwd: Path) -> SearchConfig:
    """Complete the settings for a search that recorded none."""
    program = ("python3", *words_of_script(config.script_name, run_cwd))
    settings = replace(config.settings, program=program, run_cwd=str(run_cwd), shown_folder=str(folder))
    return replace(config, settings=settings)


def _only_copy(folder: Path, files: Collection[str]) -> Path:
    """Return the copy of the grid module in a search folder. Raises ConfigError if there is none, or several."""
    from hpsearch.user_code.copied_module import mentions  # a new search reads no copy

    modules = sorted(folder / name for name in files if name.endswith(".py"))
    if len(modules) > 1:
        modules = [path for path in modules if mentions(path, b"_SUMMARY_KEYWORDS")] or modules
    if not modules:
        raise ConfigError(f"{folder}: no copy of the grid module lies here; name the module with --grid_module=MODULE")
    if len(modules) > 1:
        names = ", ".join(path.name for path in modules)
        raise ConfigError(
            f"{folder}: several copies of grid modules lie here ({names}); say which counts, "
            f"as in --grid_module={modules[0].stem}"
        )
    return modules[0]


def _config_of_copy(path: Path, needs_functions: bool) -> SearchConfig:
    """Return what a copy of a grid module says; it is executed only for functions, or if code makes its values."""
    from hpsearch.user_code.copied_module import certain_constants

    names = _SETTINGS_OF_MODULE + (("_PERFORMANCE_EVAL_HANDLE",) if needs_functions else ())
    constants = certain_constants(path, names)
    if constants is None or not constants.keys() >= _REQUIRED:
        # A required attribute may be missing because the code above it fails.
        module = _executed(path)
    else:
        module = ModuleType(path.stem)
        module.__file__ = str(path)
        vars(module).update(constants)
    return config_from_module(module, path.stem, needs_grid=False)


def _executed(path: Path) -> ModuleType:
    """Execute a grid module's copy where it lies; unlike an import, this leaves no compiled file in the folder."""
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    # Classes defined in there look their module up by its name.
    sys.modules.setdefault(path.stem, module)
    advice = "; name the module itself with --grid_module=MODULE"
    with output_on_stderr(), as_config_error(f"the copy of the grid module {path}", advice):
        exec(compile(_own_code(path), str(path), "exec"), module.__dict__)
    return module


def _own_code(path: Path) -> bytes:
    """Return a module's text. Raises ConfigError if it is too long, or another user's: nobody said to execute that."""
    from hpsearch.user_code.copied_module import MOST_MODULE_BYTES

    with open(path, "rb", opener=open_file) as file:
        owners, code = {os.fstat(file.fileno()).st_uid, path.parent.stat().st_uid}, file.read(MOST_MODULE_BYTES + 1)
    if len(code) > MOST_MODULE_BYTES:
        raise ConfigError(f"{path}: expected a grid module of at most {MOST_MODULE_BYTES:,} bytes; it is longer")
    if owners != {os.geteuid()}:
        problem = "it or its folder belongs to another user, and only executing it tells what was searched"
        raise ConfigError(f"{path}: {problem}; if you trust it, say so with --grid_module={path.stem}")
    return code
