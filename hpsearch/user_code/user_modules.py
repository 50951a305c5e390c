"""The user's own modules (grid, scheduler): imported by name; errors in their code are reported as mistakes."""

from __future__ import annotations

import contextlib
import importlib
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from hpsearch.backends.scheduler import Scheduler
from hpsearch.console.user_output import output_on_stderr
from hpsearch.core.errors import ConfigError, UsageError
from hpsearch.core.hints import nearest
from hpsearch.user_code.import_paths import first_searched


def import_grid_module(name: str) -> ModuleType:
    """Import a grid module by its dotted name. Raises ConfigError, with the line, if it is missing or fails."""
    if name.startswith(".") or name.endswith(".py") or "/" in name:
        dotted = name.removesuffix(".py").strip("./").replace("/", ".") or "my_grid"
        raise ConfigError(f"--grid_module={name}: expected a dotted module name, as in --grid_module={dotted}")
    importlib.invalidate_caches()
    # A program may search several times, in other folders or after an edit: earlier imports are stale.
    if not _is_of_python(sys.modules.get(name)):
        sys.modules.pop(name, None)
    with output_on_stderr(), as_config_error(f"--grid_module={name}"):
        module = _imported(name)
    if _is_of_python(module):
        where = f" ({module.__file__})" if getattr(module, "__file__", None) else ""
        raise ConfigError(
            f"--grid_module={name}: this name belongs to a module of Python's own{where}; "
            "give the module with your grid another name"
        )
    return module


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        remedy = "start hpsearch from the folder that the dotted name begins in"
        far = f" (looked in {first_searched()}, ...); {remedy}"
        raise ConfigError(
            f"--grid_module={name}: there is no module {error.name!r}{_near_module(error.name) or far}"
        ) from error


def _near_module(name: str) -> str:
    """Return a hint at a module or package here with a similar name; empty if there is none."""
    *packages, last = name.split(".")
    try:
        entries = [entry for entry in Path(*packages).iterdir() if entry.suffix == ".py" or entry.is_dir()]
    except (OSError, ValueError):
        return ""
    near = nearest(last, [entry.stem for entry in entries])
    return f"; did you mean {'.'.join([*packages, near])}?" if near else ""


@contextlib.contextmanager
def as_config_error(where: str, advice: str = "") -> Iterator[None]:
    """Turn any error of user code (also of values' classes and a module's `__getattr__`) into ConfigError."""
    try:
        yield
    except (ConfigError, UsageError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise ConfigError(f"{where}: {_failure(error)}{advice}") from error


def _is_of_python(module: ModuleType | None) -> bool:
    """Return whether a module comes with Python: it has no file, or one in the standard library's folder."""
    if module is None or getattr(module, "__name__", "").partition(".")[0] not in sys.stdlib_module_names:
        return False
    file = getattr(module, "__file__", None)
    if file is None:
        # A user's folder without __init__.py, named like a module of Python's, has a __path__ but no file.
        return not hasattr(module, "__path__")
    return Path(file).is_relative_to(sysconfig.get_path("stdlib")) and "site-packages" not in Path(file).parts


def _failure(error: BaseException) -> str:
    """Return what a user's code raised, and in which line of the user's."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}, line {error.lineno}: {error.msg}"
    import traceback

    # The last line of the user's own, not of the import system or ours.
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_of_tool(frame.filename)]
    line = f"{frames[-1].filename}, line {frames[-1].lineno}: " if frames else ""
    return f"{line}{type(error).__name__}: {error}"


def _is_of_tool(file: str) -> bool:
    # A user's module may lie in the package's folder itself, beside hpsearch.py.
    return "importlib" in file or Path(file).parent.parent == Path(__file__).parents[1]


def own_scheduler(given: str) -> Scheduler:
    """Import a module and call what ``MODULE:NAME`` names in it, without arguments; return the scheduler.

    Raises UsageError if there is no such name or it makes no scheduler, ConfigError if its code fails.
    """
    module_name, _, name = given.partition(":")
    option = f"--scheduler={given}"
    with output_on_stderr(), as_config_error(option):
        try:
            made = getattr(importlib.import_module(module_name), name)()
        except ModuleNotFoundError as error:
            raise UsageError(f"{option}: {error}; start hpsearch from the folder in which the module lies") from error
        except AttributeError as error:
            raise UsageError(f"{option}: {error}") from error
        except TypeError as error:
            expected = f"{name} has to make a scheduler when it is called without arguments"
            raise UsageError(f"{option}: {expected}: {error}") from error
    promised = [*Scheduler.__annotations__, *vars(Scheduler)]
    missing = [needed for needed in promised if not needed.startswith("_") and not hasattr(made, needed)]
    if missing:
        raise UsageError(f"{option}: {name} makes no scheduler; it lacks {', '.join(missing)}")
    return _Quiet(made)


class _Quiet:
    """A user's own scheduler; output of its methods goes to standard error."""

    def __init__(self, scheduler: Any) -> None:  # Any: of whatever class the user made
        self._scheduler = scheduler
        # From Python 3.12 on, isinstance with a protocol does not use __getattr__.
        methods = [name for name in dir(scheduler) if callable(getattr(type(scheduler), name, None))]
        vars(self).update({name: self.__getattr__(name) for name in methods if not name.startswith("_")})

    def __getattr__(self, name: str) -> Any:  # Any: the scheduler's own types
        found = getattr(self._scheduler, name)
        return output_on_stderr()(found) if callable(found) else found
