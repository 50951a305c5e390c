"""hpsearch: run a training script over a grid of option values, gather the results in one table.

No relative import in here: scripts that are run inside this folder import it as top-level ``__init__``.
"""

# Started by name, a command passes here before it can care for Ctrl-C: no import that takes time.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__version__ = "1.0.0"


def end_at_ctrl_c() -> None:
    """Let Ctrl-C end this process without a word while a command imports what it needs: nothing is begun yet."""
    import _signal  # of this the module signal is made; it needs no import that Ctrl-C could break off
    import os

    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, lambda *_: os._exit(130))


def __getattr__(name: str) -> "Any":  # Any: a module attribute can be anything
    """Give grid modules ``from hpsearch import Not`` and the like without loading anything at start."""
    if name in ("Not", "LogUniform", "Uniform", "IntUniform"):
        from hpsearch.core import conditions

        return getattr(conditions, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
