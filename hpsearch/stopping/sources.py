"""Where the values of a search's runs stand while they go on, and the curve of one run."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hpsearch.stopping.curves import Curve


class SourceKind(enum.Enum):
    """What values are read from."""

    SUMMARY = "summary"
    OUTPUT = "output"
    FILE = "file"


@dataclass(frozen=True)
class Wanted:
    """What a search says of its values.

    pattern: ``--progress_pattern``. file, keys: ``_PROGRESS_FILE`` and ``_PROGRESS_KEYS`` (value, and step if given).
    has_parser: whether the user's own parser reads summaries.
    """

    summary_filename: str
    performance_key: str
    sort_ascending: bool = False
    has_parser: bool = False
    pattern: str = ""
    file: str = ""
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """From what the values of a search's runs are read.

    ascending: small values are good (of the key that is read, which need not be the performance key).
    """

    kind: SourceKind
    value_key: str
    ascending: bool = False
    step_key: str = ""
    pattern: str = ""
    file: str = ""

    @property
    def text(self) -> str:
        """What is read, for people: ``'acc' in metrics.csv (large is good)``."""
        return self.value_key


def source_of(wanted: Wanted, option: str) -> Source:
    """Return from what a search's values are read: a pattern, else a file, else the summary.

    option: as the user wrote it, for messages: ``--stop_early=median``.
    Raises UsageError if there is no source or the pattern is none, ConfigError if the grid module says something wrong.
    """
    return Source(SourceKind.SUMMARY, wanted.performance_key, wanted.sort_ascending)


class RunCurve:
    """The curve of one run as it grows; it opens files only while it looks."""

    def __init__(self, source: Source, run_folder: Path, logs: Sequence[Path]) -> None:
        """logs: the run's output, whether there yet or not."""
        self._source, self._run_folder, self._logs = source, run_folder, logs
        self._curve = Curve()

    @property
    def problem(self) -> str:
        """Why no values are read, in one line for people; empty if they are, or nothing is known."""
        return ""

    def update(self, is_last: bool = False) -> Curve:
        """Read what is new, at most some megabytes; return the whole curve, the same object if nothing is new.

        Never raises for what the script writes, and never waits for it. is_last: the run has ended.
        """
        return self._curve


def curve_of(source: Source, run_folder: Path, logs: Sequence[Path]) -> Curve:
    """Return the whole curve of an ended run."""
    return RunCurve(source, run_folder, logs).update(is_last=True)
