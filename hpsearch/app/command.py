"""The classic command, as earlier copies of ``hpsearch.py`` name it."""

from hpsearch.search.command import hpsearch_cli_arguments, main, run

__all__ = ["hpsearch_cli_arguments", "main", "run"]
