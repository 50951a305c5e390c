"""Where the values of live runs are read, and the curve of one run."""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from hpsearch.core.errors import ConfigError, UsageError
from hpsearch.core.ranking import low_is_good
from hpsearch.folder.reading import logs_of_attempts
from hpsearch.journal.run_record import RunRecord
from hpsearch.startup.classes import dataclass
from hpsearch.stopping.curves import Curve
from hpsearch.stopping.output_values import LineMatcher, OutputReader
from hpsearch.stopping.progress_files import ProgressReader, Reader
from hpsearch.stopping.summary_values import SummaryReader
from hpsearch.store.layout import SearchFolder
from hpsearch.store.run_folders import folder_of, folders_aside

#: The most pieces read of each file of an ended run.
_MOST_PIECES = 64
_HIGH_IS_GOOD = re.compile(
    r"(^|[_\W\d])(acc(uracy|\d|$|[_\W])|auc|auroc|f1|prec|recall|iou|map($|[_\W\d])|bleu|rouge|r2|score|reward|return)",
    re.IGNORECASE,
)
#: Keywords that `low_is_good` does not know: ``logloss`` and the like, and words that begin like one of the others.
_LOW_IS_GOOD = re.compile(r"(loss|err|error)$|mape|brier|cost", re.IGNORECASE)


class SourceKind(enum.Enum):
    """Where values are read."""

    SUMMARY = "summary"
    OUTPUT = "output"
    FILE = "file"


@dataclass(frozen=True)
class ValueSettings:
    """A search's settings about values.

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
class ValueSource:
    """Where the values of a search's runs are read.

    value_key: the name of the values. ascending: small ones are good. step_key: name of the steps; empty = a usual one.
    file: relative to a run's folder. matcher: for lines of its output.
    """

    kind: SourceKind
    value_key: str
    ascending: bool = False
    step_key: str = ""
    file: str = ""
    matcher: LineMatcher | None = None

    @property
    def text(self) -> str:
        """Say what is read: ``'acc' in metrics.csv (large is good)``."""
        where = "the output of runs" if self.kind is SourceKind.OUTPUT else self.file
        return f"{self.value_key!r} in {where} ({'small' if self.ascending else 'large'} is good)"


def source_of(settings: ValueSettings, option: str) -> ValueSource:
    """Return the source of a search's values: output with a pattern, else a file, else the summary.

    option: as the user wrote it, for messages: ``--stop_early=median``.
    Raises UsageError if there is no source or the pattern is wrong, ConfigError if the grid module is.
    """
    _check_file(settings)
    value_key, step_key = (*settings.keys, "", "")[:2]
    value_key = value_key or settings.performance_key
    if settings.pattern:
        matcher = LineMatcher(settings.pattern)
        ascending = is_ascending(settings, matcher.value_name)
        return ValueSource(SourceKind.OUTPUT, matcher.value_name or value_key, ascending, matcher=matcher)
    if not settings.file and settings.has_parser:
        raise UsageError(
            f"{option} needs values while a run goes on: your own parser reads the summary at the end only, so give "
            "--progress_pattern, or _PROGRESS_FILE in the grid module"
        )
    kind = SourceKind.FILE if settings.file else SourceKind.SUMMARY
    file = settings.file or settings.summary_filename
    return ValueSource(kind, value_key, is_ascending(settings, value_key), step_key, file)


def _check_file(settings: ValueSettings) -> None:
    path = PurePosixPath(settings.file)
    if path.is_absolute() or ".." in path.parts or "**" in settings.file or "\0" in settings.file:
        raise ConfigError(
            f"_PROGRESS_FILE is {settings.file!r}; expected a path inside a run's folder, as in 'metrics.csv' or "
            "'lightning_logs/version_*/metrics.csv'"
        )


def is_ascending(settings: ValueSettings, key: str) -> bool:
    """Return whether small values under a key are good.

    Under the performance key, the grid module says so; another key's own name counts, if it tells.
    """
    is_low_good = low_is_good(key) or _LOW_IS_GOOD.search(key) is not None
    if key in ("", settings.performance_key) or is_low_good == (_HIGH_IS_GOOD.search(key) is not None):
        return settings.sort_ascending
    return is_low_good


class RunCurve:
    """The growing curve of one run; files are open only while they are read."""

    def __init__(
        self,
        source: ValueSource,
        run_folder: Path,
        logs: Sequence[Path],
        earlier_folders: Sequence[Path] = (),
        from_start: bool = True,
    ) -> None:
        """logs: files of the run's output, which need not exist yet.

        earlier_folders: of the attempts that the run goes on from, in order.
        from_start: False if first values may have been missed, so that changes of the summary cannot be counted.
        """
        self._reader: Reader
        if source.matcher is not None:
            self._reader = OutputReader(logs, source.matcher)
        elif source.kind is SourceKind.FILE:
            folders = (*earlier_folders, run_folder)
            self._reader = ProgressReader(folders, source.file, source.value_key, source.step_key)
        else:
            path = run_folder / source.file
            self._reader = SummaryReader(path, source.value_key, source.step_key, from_start)

    @property
    def problem(self) -> str:
        """Why there are no values, in one line for people; empty if there are some."""
        return self._reader.problem

    def update(self, is_last: bool = False) -> Curve:
        """Read a bounded part of what is new; return the whole curve, the same object if nothing is new.

        Never raises for what the script writes, and never waits for it. is_last: the run has ended, so read all, up to
        `_MOST_PIECES`.
        """
        curve, is_all = self._reader.update(is_last)
        pieces = 1
        while is_last and not is_all and pieces < _MOST_PIECES:
            curve, is_all = self._reader.update(is_last)
            pieces += 1
        return curve


def run_curve(
    source: ValueSource, folder: SearchFolder, entry: RunRecord, continues: bool, from_start: bool = False
) -> RunCurve:
    """Return the curve of a run's newest attempt, live or ended, and of the attempts that it went on from.

    continues: see `Settings.continues`. from_start: see `RunCurve`.
    """
    first = entry.attempts - entry.continuations if continues else entry.attempts
    found = {suffix: logs_of_attempts(folder, entry, suffix) for suffix in (".out", ".err")}
    live = [folder.logs / f"{entry.token}{suffix}" for suffix in found] if entry.is_live else []
    numbered = sorted((number, path) for logs in found.values() for number, path in logs.items() if number >= first)
    logs = list(dict.fromkeys([*(path for _, path in numbered), *live]))
    aside = [path for number, path in folders_aside(folder, entry.run).items() if first <= number < entry.attempts]
    return RunCurve(source, folder_of(entry, folder), logs, aside, from_start)
