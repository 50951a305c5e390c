"""The summary that a run left in its folder, read by the tool's own parser or by the user's."""

from __future__ import annotations

import contextlib
import errno
import inspect
import json
import os
from collections.abc import Mapping
from pathlib import Path

from hpsearch.config.grid_module import SearchConfig, SummaryParser
from hpsearch.config.old_names import using_config
from hpsearch.console.user_output import output_on_stderr
from hpsearch.core.errors import ParserTimeout, SummaryError, SummaryUnreadable, reason_of
from hpsearch.core.model import Run
from hpsearch.core.summary import as_lists, parse_summary
from hpsearch.store.layout import read_whole
from hpsearch.store.values import encode

#: What the system says of a path at which there never will be a file by waiting for it.
_NO_SUCH_FILE = (None, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL)
#: A summary is a few lines: a larger file is something else, and reading it would hold up all other runs. In bytes.
_MOST_SUMMARY_BYTES = 10_000_000


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
