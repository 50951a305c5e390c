"""What a run left in its folder: its summary and its configuration."""

from __future__ import annotations

import codecs
import contextlib
import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path

from hpsearch.config.grid_module import SearchConfig, SummaryParser
from hpsearch.config.old_names import using_config
from hpsearch.console.user_output import output_on_stderr
from hpsearch.core.errors import ConfigError, ParserTimeout, SummaryError, SummaryUnreadable, reason_of
from hpsearch.core.model import Run
from hpsearch.core.summary import as_lists, parse_summary
from hpsearch.journal.values import decode, encode
from hpsearch.startup.classes import dataclass
from hpsearch.store.classic_files import COMMAND_FILE, CONFIG_FILE, MOST_BYTES, namespace_in, options_of_command
from hpsearch.store.layout import read_whole

#: Errors for a path where waiting will not bring a file.
_NO_SUCH_FILE = (None, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL)
#: In bytes. A summary is a few lines; a larger file is something else, and reading it would hold up other runs.
_MOST_SUMMARY_BYTES = 10_000_000


def read_summary(run_folder: Path | str, run: Run, config: SearchConfig) -> dict[str, list[object]]:
    """Return a run's summary, read by the user's own parser if there is one.

    Raises SummaryError saying what is wrong; SummaryUnreadable if a later try may succeed.
    """
    if config.summary_parser is not None:
        return _by_own_parser(config.summary_parser, run_folder, run, config)
    # A text: with 100,000 summaries, making a Path for each takes as long as parsing.
    path = os.path.join(run_folder, config.settings.summary_filename)  # noqa: PTH118
    return parse_summary(read_summary_text(path), config.settings.summary_keywords, path)


def read_summary_text(path: Path | str) -> str:
    """Return the text of a summary file.

    Raises SummaryError if it is missing, too large or no text, SummaryUnreadable if the system does not let it be read
    now.
    """
    try:
        content = _read_although_new(path)
    except FileNotFoundError:
        raise SummaryError(f"there is no summary file {path}") from None
    except OSError as error:
        kind = SummaryUnreadable if _may_pass(error) else SummaryError
        raise kind(f"{path}: cannot be read ({reason_of(error)})") from error
    except ValueError as error:
        raise SummaryError(f"{path}: {error}") from error
    if b"\0" in content:
        line = content[: content.find(b"\0")].count(b"\n") + 1
        raise SummaryError(f"{path}, line {line}: binary data; expected a line 'keyword value' for each keyword")
    # Not "utf-8-sig", whose decoder is written in Python.
    return content.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")


def _read_although_new(path: Path | str) -> bytes:
    try:
        return read_whole(path, _MOST_SUMMARY_BYTES)
    except FileNotFoundError:
        # A network file system may not show a new file until the folder is listed again.
        with contextlib.suppress(OSError):
            os.listdir(os.path.dirname(path))  # noqa: PTH120, PTH208  (the listing itself is what counts)
        return read_whole(path, _MOST_SUMMARY_BYTES)


def _by_own_parser(
    parser: SummaryParser, run_folder: Path | str, run: Run, config: SearchConfig
) -> dict[str, list[object]]:
    import inspect

    name = f"_SUMMARY_PARSER_HANDLE for {run_folder}"
    arguments: dict[str, None] = {}
    with contextlib.suppress(TypeError, ValueError):
        taken = inspect.signature(parser).parameters.get("summary_fn")
        if taken is not None and taken.default is inspect.Parameter.empty:
            arguments["summary_fn"] = None
    try:
        # What the parser prints must not mix with the results on standard output.
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
    """Return whether the system kept a file from being read, for another reason than that it does not exist."""
    return isinstance(error, OSError) and error.errno not in _NO_SUCH_FILE


def _check_can_be_kept(summary: object) -> None:
    """Check that journal and table can hold a parser's result; raises what its values raise."""
    if isinstance(summary, Mapping):
        for keyword, value in summary.items():
            json.dumps(encode(value))
            if b"\0" in f"{keyword}{value}".encode():
                raise ValueError(f"a NUL character under {keyword!r}")


_PLAIN = (str, int, float, bool)


@dataclass(frozen=True)
class RunConfiguration:
    """The options of one run, with the output option if it is known.

    is_complete: True if these are all options of the script, False if only those on the run's command.
    problem: why an existing ``config.pickle`` was not used; may be empty.
    """

    options: Mapping[str, object]
    is_complete: bool
    problem: str = ""


def read_configuration(
    folder: Path, script_name: str, recorded: Mapping[str, object] | None = None
) -> RunConfiguration | None:
    """Return a run's configuration from its ``config.pickle``, else from its command; None if it has neither.

    script_name: the simulation script, after which the options of a command begin.
    recorded: the options of the run's command, if its search has recorded them.
    Raises ConfigError if the command is not known and ``config.pickle`` is no pickled Namespace of plain values.
    """
    given, path = recorded, folder / CONFIG_FILE
    if given is None:
        with contextlib.suppress(OSError, ValueError):
            given = options_of_command(read_whole(folder / COMMAND_FILE, MOST_BYTES), script_name)
    if not path.is_file():
        return None if given is None else RunConfiguration(given, False)
    try:
        return RunConfiguration(options_of(namespace_in(read_whole(path, MOST_BYTES)), given or {}), True)
    except OSError as error:
        problem = f"{path}: cannot be read ({reason_of(error)})"
    except ValueError as error:
        problem = f"{path}: expected a pickled argparse.Namespace of plain values, but {error}"
    if given is None:
        raise ConfigError(problem)
    return RunConfiguration(given, False, problem)


def is_run_folder(folder: Path) -> bool:
    """Return whether a folder holds files that a run leaves."""
    return (folder / CONFIG_FILE).is_file() or (folder / COMMAND_FILE).is_file()


def options_of(attributes: Mapping[str, object], given: Mapping[str, object]) -> dict[str, object]:
    """Return the options in a Namespace's attributes, with values that a command line can carry.

    For None (an option that was not given) and lists (whose text depends on the script), the run's command (`given`)
    counts, if it is known.
    """
    options = {}
    for name, value in attributes.items():
        if not isinstance(value, _PLAIN) and name in given:
            options[name] = given[name]
        elif value is not None:
            options[name] = decode(encode(value))
    return options


def is_within(value: object, folder: Path, out_dir: object, run_cwd: Path) -> bool:
    """Return whether an option's value is the path of a run's own folder, or a path inside it.

    out_dir: the folder as the run's command names it; None if that is not known.
    """
    if not isinstance(value, str) or "/" not in value:
        return False
    if out_dir is not None and (value + "/").startswith(str(out_dir).rstrip("/") + "/"):
        return True
    path = Path(os.path.abspath(run_cwd / value))  # noqa: PTH100  (it need not exist)
    return path == folder or folder in path.parents
