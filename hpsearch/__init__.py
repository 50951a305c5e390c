"""hpsearch: run a training script over a grid of option values, gather the results in one table.

No relative import in here: scripts that are run inside this folder import it as top-level ``__init__``.
"""

# Started by name, a command passes here before it can care for Ctrl-C: no import that takes time.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__version__ = "1.0.0"


def __getattr__(name: str) -> "Any":  # Any: a module attribute can be anything
    """Give grid modules ``from hpsearch import Not`` without loading anything at start."""
    if name == "Not":
        from hpsearch.core.conditions import Not

        return Not
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
