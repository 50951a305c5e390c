"""From a run that ended to what it came to: its logs put in place, its summary read, its state decided."""

from __future__ import annotations

import contextlib
import errno
import inspect
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from hpsearch.backends.base import LogFile
from hpsearch.config.grid_module import SearchConfig, SummaryParser
from hpsearch.config.old_names import using_config
from hpsearch.console.user_output import output_on_stderr
from hpsearch.core.errors import ParserTimeout, SummaryError, SummaryUnreadable, reason_of
from hpsearch.core.model import Run, RunState
from hpsearch.core.out_of_memory import says_gpu_out_of_memory
from hpsearch.core.summary import as_lists, is_finished, parse_summary
from hpsearch.store.events import AttemptEnded
from hpsearch.store.layout import SearchFolder, free_name, move_file, read_whole
from hpsearch.store.legacy import write_run_command
from hpsearch.store.record import Settings
from hpsearch.store.values import encode

#: So much of a log's end is searched for the reason of a failure, in bytes; and so much of the reason is shown.
_LOG_END, _SAID_WIDTH = 65536, 300
#: What the system says of a path at which there never will be a file by waiting for it.
_NO_SUCH_FILE = (None, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL)
#: A summary is a few lines: a larger file is something else, and reading it would hold up all other runs. In bytes.
_MOST_SUMMARY_BYTES = 10_000_000


@dataclass(frozen=True)
class Outcome:
    """What an attempt came to. problem: why it did not finish, or what is odd about it; may be empty."""

    state: RunState
    summary: dict[str, list[object]] | None
    problem: str = ""


def collect(folder: SearchFolder, run: Run, ended: AttemptEnded, config: SearchConfig) -> Outcome:
    """Read the summary of an ended run and decide its state.

    Raises SummaryUnreadable if the summary may be read later.
    """
    try:
        summary = read_summary(folder.run_folder(run), run, config)
        finished = is_finished(summary)
    except SummaryUnreadable:
        raise
    except SummaryError as error:
        return without_summary(ended, str(error))
    if finished:
        odd = f"the summary says finished, but: {ended.reason}" if ended.exit_status else ""
        return Outcome(RunState.FINISHED, summary, odd)
    state = RunState(ended.cause) if ended.cause else RunState.FAILED if ended.exit_status else RunState.UNFINISHED
    return Outcome(state, summary, ended.reason or "its summary does not say finished 1")


def with_memory_cause(outcome: Outcome, logs: Iterable[LogFile], run_folder: Path) -> Outcome:
    """Return the outcome of a run as "out of memory" if the end of its logs says that the GPU had no more."""
    if outcome.state not in (RunState.FAILED, RunState.UNFINISHED):
        return outcome
    # Postprocessing of a killed search has put them in place already.
    places = (path for log in logs for path in (log.path, run_folder / log.final_name))
    said = next(filter(None, (says_gpu_out_of_memory(_end_of(path)) for path in places)), "")
    return replace(outcome, state=RunState.OUT_OF_MEMORY, problem=said[:_SAID_WIDTH]) if said else outcome


def _end_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _LOG_END))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def without_summary(ended: AttemptEnded, problem: str) -> Outcome:
    """Return what an attempt came to that delivered no summary. problem: why."""
    state = RunState(ended.cause) if ended.cause else RunState.FAILED
    if state is RunState.CANCELLED and ended.reason:
        return Outcome(state, None, ended.reason)
    # After a crash a missing summary is no news; after a good end it is the reason.
    return Outcome(state, None, f"{ended.reason}; {problem}" if ended.reason else problem)


def read_summary(run_folder: Path, run: Run, config: SearchConfig) -> dict[str, list[object]]:
    """Return a run's summary, by the user's own parser if there is one.

    Raises SummaryError saying what is wrong with it; SummaryUnreadable if that may be over later.
    """
    if config.summary_parser is not None:
        return _by_own_parser(config.summary_parser, run_folder, run, config)
    path = run_folder / config.settings.summary_filename
    return parse_summary(read_summary_text(path), config.settings.summary_keywords, str(path))


def read_summary_text(path: Path) -> str:
    """Return the text of a summary file.

    Raises SummaryError if there is none, it is no text or too large, SummaryUnreadable if the system does not let it be
    read now.
    """
    try:
        content = read_whole(path, _MOST_SUMMARY_BYTES)
    except FileNotFoundError:
        # A network file system may show a new file late to whoever has an old listing; listing again refreshes it.
        with contextlib.suppress(OSError):
            os.listdir(path.parent)  # noqa: PTH208  (the listing itself is what counts)
        if not _exists(path):
            raise SummaryError(f"there is no summary file {path}") from None
        return read_summary_text(path)
    except OSError as error:
        raise _unreadable(path, error) from error
    except ValueError as error:
        raise SummaryError(f"{path}: {error}") from error
    line = content[: content.find(b"\0")].count(b"\n") + 1
    if b"\0" in content:
        raise SummaryError(f"{path}, line {line}: binary data; expected a line 'keyword value' for each keyword")
    return content.decode("utf-8-sig", "replace")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> SummaryError:
    kind = SummaryUnreadable if _may_pass(error) else SummaryError
    return kind(f"{path}: cannot be read ({reason_of(error)})")


def _by_own_parser(parser: SummaryParser, run_folder: Path, run: Run, config: SearchConfig) -> dict[str, list[object]]:
    name = f"_SUMMARY_PARSER_HANDLE for {run_folder}"
    arguments = {"summary_fn": None} if _requires(parser, "summary_fn") else {}
    try:
        # Whatever it prints must not come between the results on standard output.
        with output_on_stderr(), using_config(config):
            summary = parser(str(run_folder), run.number - 1, **arguments)
            _check_can_be_kept(summary)
    except ParserTimeout as error:
        raise ParserTimeout(f"{name}: {error}") from error
    except (Exception, SystemExit) as error:
        kind = SummaryUnreadable if _may_pass(error) else SummaryError
        raise kind(f"{name}: {type(error).__name__}: {error}") from error
    if not isinstance(summary, Mapping):
        raise SummaryError(f"{name}: it returned {summary!r}; expected a dict: keyword -> [value]")
    try:
        return as_lists(summary)
    except SummaryError as error:
        raise SummaryError(f"{name}: {error}") from error


def _may_pass(error: BaseException) -> bool:
    """Return whether the system kept a file from being read, other than by telling that there is no such file."""
    return isinstance(error, OSError) and error.errno not in _NO_SUCH_FILE


def _check_can_be_kept(summary: object) -> None:
    """Make sure that the journal and the table can hold what a parser returned; raises whatever its values raise."""
    if isinstance(summary, Mapping):
        for keyword, value in summary.items():
            json.dumps(encode(value))
            if b"\0" in f"{keyword}{value}".encode():
                raise ValueError(f"a NUL character under {keyword!r}")


def _requires(function: SummaryParser, name: str) -> bool:
    """Return whether a function has a parameter of this name without a default."""
    try:
        parameter = inspect.signature(function).parameters.get(name)
    except (TypeError, ValueError):
        return False
    return parameter is not None and parameter.default is inspect.Parameter.empty


def put_files_in_place(run_folder: Path, logs: list[LogFile], run: Run, settings: Settings) -> None:
    """Move a job's logs into the run's folder (made if the run did not), and write the run's command there.

    Doing it twice does no harm. Raises OSError if the folder cannot be written.
    """
    run_folder.mkdir(exist_ok=True)
    for log in logs:
        target = run_folder / log.final_name
        if log.path.exists():
            move_file(log.path, free_name(target))
    write_run_command(run_folder / "hpsearch_command.sh", run, settings)
