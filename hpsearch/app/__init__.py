"""The names that copies of version 1.0's ``hpsearch.py``, which lie beside simulations, import from here."""

import sys

from hpsearch.config import old_names as oldnames
from hpsearch.console import exit_status
from hpsearch.search import command

__all__ = ["command", "exit_status", "oldnames"]

for _name in __all__:
    sys.modules[f"{__name__}.{_name}"] = globals()[_name]
