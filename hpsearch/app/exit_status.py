"""The end of a command, as earlier copies of ``hpsearch.py`` name it."""

from hpsearch.console.exit_status import whole_process

__all__ = ["whole_process"]
