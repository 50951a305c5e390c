"""The scripts and pickles that users of the older tool read: views of the search, never read back as its state."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from hpsearch.core.command import argv, shell_line
from hpsearch.core.model import Run, RunState
from hpsearch.core.value_text import whole_text
from hpsearch.store.layout import SearchFolder, write_whole
from hpsearch.store.record import RunRecord, Settings


def command_line(run: Run, settings: Settings, with_folder: bool = True) -> str:
    """Return a run's command as one line for a shell."""
    out_dir = run.out_dir if with_folder else None
    return shell_line(argv(settings.program, run.configuration, settings.out_arg, out_dir))


def configuration_dict(run: Run, settings: Settings) -> dict[str, object]:
    """Return a run's options with the output option last."""
    return {**run.configuration.as_dict(), settings.out_arg: run.out_dir}


def write_commands(folder: SearchFolder, runs: Sequence[Run], settings: Settings) -> None:
    """Write the two scripts of all commands, and their pickle."""
    about = [f"The {len(runs)} commands of this search, in order of execution.", f"Run in: {settings.run_cwd}"]
    _write_script(folder.commands, about, (command_line(run, settings) for run in runs))
    without = [*about, "The output option is left out here; commands.sh has it."]
    _write_script(folder.commands_without_folders, without, (command_line(run, settings, False) for run in runs))
    write_dicts(folder.commands_pickle, [configuration_dict(run, settings) for run in runs])


def write_not_completed(folder: SearchFolder, entries: Iterable[RunRecord], settings: Settings) -> None:
    """Write the configurations of all runs that did not finish; no file if there are none."""
    dicts = [configuration_dict(e.run, settings) for e in entries if e.state is not RunState.FINISHED]
    if dicts:
        write_dicts(folder.not_completed, dicts)
    else:
        folder.not_completed.unlink(missing_ok=True)


def write_run_command(path: Path, run: Run, settings: Settings) -> None:
    """Write the script that runs one command again."""
    line = command_line(run, settings)
    content = f"#!/bin/sh\n{_comment(f'Run in: {settings.run_cwd}')}\n{line}\n"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))


def _comment(text: str) -> str:
    # A folder's name may hold a line break, and a comment ends there.
    return "# " + text.replace("\n", "\\n")


def _write_script(path: Path, about: Iterable[str], lines: Iterable[str]) -> None:
    content = "\n".join(["#!/bin/sh", *map(_comment, about), *lines]) + "\n"
    write_whole(path, content.encode("utf-8", "surrogateescape"))


def write_dicts(path: Path, dicts: list[dict[str, object]]) -> None:
    """Write configurations as a pickle. Raises StoreError if it cannot be written."""
    try:
        content = pickle.dumps(dicts)
    except (pickle.PicklingError, AttributeError, TypeError):
        # A value of a class that cannot be pickled: its text is what the simulation receives anyway.
        content = pickle.dumps([_texts_for_objects(options) for options in dicts])
    write_whole(path, content)


def _texts_for_objects(options: Mapping[str, object]) -> dict[str, object]:
    plain = (str, int, float, bool, type(None))
    return {name: value if isinstance(value, plain) else whole_text(value) for name, value in options.items()}
