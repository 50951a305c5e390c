"""The configuration of a run: from what the simulation left in the run's folder, and from the run's command."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hpsearch.core.errors import ConfigError, reason_of
from hpsearch.store.classic_files import COMMAND_FILE, CONFIG_FILE, namespace_in, options_of_command
from hpsearch.store.layout import read_whole
from hpsearch.store.plain_pickle import MOST_BYTES
from hpsearch.store.values import decode, encode

_PLAIN = (str, int, float, bool)


@dataclass(frozen=True)
class RunConfiguration:
    """The options of one run, the output option among them if it is known.

    is_complete: True if these are all options of the script, False if only those on the run's command.
    problem: why ``config.pickle`` was not used although there is one; may be empty.
    """

    options: Mapping[str, object]
    is_complete: bool
    problem: str = ""


def read_configuration(
    folder: Path, script_name: str, recorded: Mapping[str, object] | None = None
) -> RunConfiguration | None:
    """Return a run's configuration: what its ``config.pickle`` says, else its command; None if there is neither.

    script_name: the simulation script, behind which the options of a command begin.
    recorded: the options of the run's command, if the search that it belongs to knows them.
    Raises ConfigError if the command is not known, and ``config.pickle`` is no pickled Namespace of plain values.
    """
    given = recorded if recorded is not None else _given_options(folder / COMMAND_FILE, script_name)
    path = folder / CONFIG_FILE
    if not path.is_file():
        return None if given is None else RunConfiguration(given, False)
    try:
        return RunConfiguration(_combined(_namespace(path), given or {}), True)
    except ConfigError as error:
        if given is None:
            raise
        return RunConfiguration(given, False, str(error))


def is_run_folder(folder: Path) -> bool:
    """Return whether a folder holds what a run leaves."""
    return (folder / CONFIG_FILE).is_file() or (folder / COMMAND_FILE).is_file()


def _namespace(path: Path) -> dict[str, object]:
    try:
        return namespace_in(read_whole(path, MOST_BYTES))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({reason_of(error)})") from error
    except ValueError as error:
        raise ConfigError(f"{path}: expected a pickled argparse.Namespace of plain values, but {error}") from error


def options_of(namespace: argparse.Namespace) -> dict[str, object]:
    """Return the options that a Namespace stands for; None means that an option is absent."""
    return _combined(vars(namespace), {})


def _combined(attributes: Mapping[str, object], given: Mapping[str, object]) -> dict[str, object]:
    """Return the options that a simulation had, with values that its command line takes.

    None stands for an option that was not given, and the text of a list depends on the script: for these the run's
    command counts, if it is known.
    """
    options = {}
    for name, value in attributes.items():
        if not isinstance(value, _PLAIN) and name in given:
            options[name] = given[name]
        elif value is not None:
            options[name] = decode(encode(value))
    return options


def _given_options(path: Path, script_name: str) -> dict[str, object] | None:
    try:
        return options_of_command(read_whole(path, MOST_BYTES), script_name)
    except (OSError, ValueError):
        return None


def is_within(value: object, folder: Path, out_dir: object, run_cwd: Path) -> bool:
    """Return whether an option's value is a path inside a run's own folder, or that folder.

    out_dir: the folder as the run was given it; None if that is not known.
    """
    if not isinstance(value, str) or "/" not in value:
        return False
    if out_dir is not None and (value + "/").startswith(str(out_dir).rstrip("/") + "/"):
        return True
    path = Path(os.path.abspath(run_cwd / value))  # noqa: PTH100  (it need not exist)
    return path == folder or folder in path.parents
