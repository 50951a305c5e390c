"""hpsearch: run a training script over a grid of option values, gather the results in one table.

No relative import in here: scripts that are run inside this folder import it as top-level ``__init__``.
"""

# Commands started by module name import this file before they can handle Ctrl-C: no slow import in here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__version__ = "1.0.0"


def end_at_ctrl_c() -> None:
    """Let Ctrl-C end this process silently while a command is still importing: nothing has begun yet."""
    import _signal  # the core of the module signal; loading it runs no import that Ctrl-C could interrupt
    import os

    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, lambda *_: os._exit(130))


def __getattr__(name: str) -> "Any":  # Any: a module attribute can be anything
    """Import names for grid modules (``from hpsearch import Not``) only when they are asked for."""
    if name in ("Not", "LogUniform", "Uniform", "IntUniform"):
        from hpsearch.core import conditions

        return getattr(conditions, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
