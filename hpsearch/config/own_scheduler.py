"""A scheduler of the user's own, from a module that lies where the search is started."""

from __future__ import annotations

import importlib
from typing import Any

from hpsearch.backends.scheduler import Scheduler
from hpsearch.config.grid_import import failed_import
from hpsearch.console.user_output import output_on_stderr
from hpsearch.core.errors import UsageError


def own_scheduler(given: str) -> Scheduler:
    """Import a module and call what ``MODULE:NAME`` names in it, without arguments.

    Raises UsageError if there is no such thing, or if it does not make a scheduler; ConfigError if its code fails.
    """
    module_name, _, name = given.partition(":")
    option = f"--scheduler={given}"
    try:
        with output_on_stderr():
            made = getattr(importlib.import_module(module_name), name)()
    except ModuleNotFoundError as error:
        raise UsageError(f"{option}: {error}; start hpsearch from the folder in which the module lies") from error
    except AttributeError as error:
        raise UsageError(f"{option}: {error}") from error
    except TypeError as error:
        raise UsageError(
            f"{option}: {name} has to make a scheduler when it is called without arguments: {error}"
        ) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise failed_import(option, error) from error
    missing = [needed for needed in vars(Scheduler) if not needed.startswith("_") and not hasattr(made, needed)]
    if missing:
        raise UsageError(f"{option}: {name} makes no scheduler; it lacks {', '.join(missing)}")
    return _Quiet(made)


class _Quiet:
    """A scheduler of the user's own, whose methods print to standard error whatever they print."""

    def __init__(self, scheduler: Any) -> None:  # Any: of whatever class the user made
        self._scheduler = scheduler
        # From Python 3.12 on, isinstance with a protocol does not ask __getattr__.
        methods = [name for name in dir(scheduler) if callable(getattr(type(scheduler), name, None))]
        vars(self).update({name: self.__getattr__(name) for name in methods if not name.startswith("_")})

    def __getattr__(self, name: str) -> Any:  # Any: the scheduler's own types
        found = getattr(self._scheduler, name)
        return output_on_stderr()(found) if callable(found) else found
