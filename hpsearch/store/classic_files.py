"""The files that the older tool has, too: written for its users, and read where no journal tells of the runs."""

import argparse
import os
import pickle
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpsearch.core.command import argv, shell_line, words_of_line
from hpsearch.core.errors import reason_of
from hpsearch.core.model import Configuration, Run, RunState
from hpsearch.core.value_text import integer, whole_text
from hpsearch.pickles.plain_pickle import MOST_BYTES, load_plain_pickle
from hpsearch.store.layout import SearchFolder, append_text, read_whole, write_whole
from hpsearch.store.record import RunRecord
from hpsearch.store.settings import Settings

#: In a run's folder: what a simulation may leave of its options, and what we leave of its command.
CONFIG_FILE, COMMAND_FILE = "config.pickle", "hpsearch_command.sh"
#: How the names of all runs' folders begin.
RUN_PREFIX = "sim_"
_RUN_NAME = re.compile(r"sim_\d+_\d+")
#: A search that was added to the folder of another one renamed the other's file, with a time stamp.
_COMMANDS = re.compile(r"commands(_[\d_-]+)?\.pickle(\.\d+)?")


@dataclass(frozen=True)
class Listing:
    """What lies in a search folder: names of its files, of its runs' folders, and of those set apart."""

    files: frozenset[str]
    run_folders: frozenset[str]
    to_be_deleted: frozenset[str]


def read_plain_pickle(path: Path) -> object:
    """Read a file as `load_plain_pickle` does. Raises OSError if that fails, ValueError if it is no file, too."""
    return load_plain_pickle(read_whole(path, MOST_BYTES))


def list_folder(folder: Path, to_be_deleted: Path) -> Listing:
    """Return what lies in a search folder. Raises OSError if it cannot be listed."""
    apart = _names(to_be_deleted)[1] if to_be_deleted.is_dir() else frozenset[str]()
    return Listing(*_names(folder), apart)


def is_search_folder(folder: SearchFolder, listing: Listing) -> bool:
    """Return whether anything in a folder looks like a search's."""
    is_named = folder.results.name in listing.files or any(map(_COMMANDS.fullmatch, listing.files))
    return is_named or bool(listing.run_folders or listing.to_be_deleted) or folder.journal.exists()


def _names(folder: Path) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of the files and of the runs' folders in a folder."""
    with os.scandir(folder) as entries:
        is_folder = {entry.name: _is_folder(entry) for entry in entries}
    files = frozenset(name for name, is_one in is_folder.items() if not is_one)
    return files, frozenset(name for name, is_one in is_folder.items() if is_one and name.startswith(RUN_PREFIX))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # A link that leads in a circle, or where we may not look.


def has_name_of_run(name: str) -> bool:
    """Return whether a name is exactly what runs' folders get; those that users copy have something added."""
    return _RUN_NAME.fullmatch(name) is not None


def folder_name(out_dir: object) -> str:
    """Return the name of a run's folder from its output option, whatever that was relative to."""
    return str(out_dir).rstrip("/").rpartition("/")[2]


def runs_of_commands(folder: Path, files: Collection[str], out_arg: str) -> tuple[list[Run], list[str]]:
    """Return the runs that ``commands.pickle`` (and renamed earlier ones) lists, and what is wrong with those files."""
    runs: dict[str, Run] = {}
    problems: list[str] = []
    for name in sorted(name for name in files if _COMMANDS.fullmatch(name)):
        try:
            found = _configurations(folder / name, out_arg)
        except (OSError, ValueError) as error:
            problems.append(f"{folder / name}: cannot be used ({reason_of(error)})")
            continue
        for options in found:
            run = _run(options, out_arg, len(runs) + 1)
            runs.setdefault(run.folder, run)
    return list(runs.values()), problems


def _configurations(path: Path, out_arg: str) -> Sequence[Mapping[str, object]]:
    loaded = read_plain_pickle(path)
    if not isinstance(loaded, (list, tuple)) or not all(isinstance(options, dict) for options in loaded):
        raise ValueError(f"expected a list of dicts, found {type(loaded).__name__}")
    if not all(options.get(out_arg) for options in loaded):
        raise ValueError(f"expected the output option {out_arg!r} in every dict; is _OUT_ARG of the grid module right?")
    return loaded


def run_of_folder(path: Path, out_arg: str, script_name: str, number: int) -> tuple[Run | None, str]:
    """Return the run that a folder says it belongs to, and what is wrong with the files that should tell it.

    Its command says exactly what was searched; `config.pickle` has all options of the simulation.
    number: the run's, if the folder's name tells none. No run: nothing in the folder names it as its output folder.
    """
    problem = ""
    for name in (COMMAND_FILE, CONFIG_FILE):
        try:
            content = read_whole(path / name, MOST_BYTES)
            options = options_of_command(content, script_name) if name == COMMAND_FILE else namespace_in(content)
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            problem = problem or f"{path / name}: cannot be used ({reason_of(error)})"
            continue
        if folder_name(options.get(out_arg, "")) == path.name:
            return _run(options, out_arg, number), problem
    return None, problem


def run_of_row(row: Mapping[str, str], out_arg: str, keywords: Collection[str], number: int) -> Run | None:
    """Return the run that a row of a table of results tells of; None if it names no run's folder."""
    if not folder_name(row.get(out_arg, "")).startswith(RUN_PREFIX):
        return None
    return _run({**options_of_row(row, keywords), out_arg: row[out_arg]}, out_arg, number)


def options_of_row(row: Mapping[str, str], but: Collection[str]) -> dict[str, object]:
    """Return the options that a row of a table of results tells. but: its other columns."""
    truths: dict[str, object] = {"True": True, "False": False}
    return {name: truths.get(cell, _value_of(cell)) for name, cell in row.items() if name not in but}


def options_of_command(content: bytes, script_name: str) -> dict[str, object]:
    """Return the options in the script that runs one command again. Raises ValueError if a quote is not closed."""
    lines = content.decode("utf-8", "surrogateescape").split("\n")
    command = "\n".join(line for number, line in enumerate(lines) if not (line.startswith("#") and number < 3))
    words = words_of_line(command)
    pairs = [word[2:].partition("=") for word in words[_end_of_program(words, script_name) :] if word.startswith("--")]
    return {name: _value_of(text) if equals else True for name, equals, text in pairs}


def _end_of_program(words: Sequence[str], script_name: str) -> int:
    """Return how many words stand before the options; 0 if unclear. Interpreter and folders may have changed."""
    names = [_name(word) for word in words]
    if _name(script_name) in names:
        return names.index(_name(script_name)) + 1
    program = [_name(word) for word in words_of_line(script_name)]
    for tail in (program[skipped:] for skipped in range(len(program))):
        for end in range(len(tail), len(names) + 1):
            if names[end - len(tail) : end] == tail:
                return end
    return 0


def _name(word: str) -> str:
    """Return the last part of a path; options stay whole."""
    return word if word.startswith("-") else os.path.basename(word)  # noqa: PTH119  (a name, not a path of this machine)


def _value_of(text: str) -> object:
    """Return a number where its text is exactly the one given, else the text: both make the same command."""
    for kind in (int, float):
        try:
            if str(kind(text)) == text:
                return kind(text)
        except ValueError:
            continue
    return text


def namespace_in(content: bytes) -> dict[str, object]:
    """Return the attributes of a pickled argparse.Namespace. Raises ValueError saying what it is instead."""
    loaded = load_plain_pickle(content, may_be_namespace=True)
    if not isinstance(loaded, argparse.Namespace):
        raise ValueError(f"found an object of the class {type(loaded).__qualname__}")
    return dict(vars(loaded))


def _run(options: Mapping[str, object], out_arg: str, number: int) -> Run:
    """Return a run from its options with the output option among them."""
    configuration = Configuration(tuple((name, value) for name, value in options.items() if name != out_arg))
    out_dir = str(options[out_arg])
    folder = folder_name(out_dir)
    last = folder.rpartition("_")[2]
    return Run(own if (own := integer(last)) is not None else number, folder, configuration, out_dir)


def command_line(run: Run, settings: Settings, with_folder: bool = True) -> str:
    """Return a run's command as one line for a shell."""
    out_dir = run.out_dir if with_folder else None
    return shell_line(argv(settings.program, run.configuration, settings.out_arg, out_dir))


def configuration_dict(run: Run, settings: Settings) -> dict[str, object]:
    """Return a run's options with the output option last."""
    return {**run.configuration.as_dict(), settings.out_arg: run.out_dir}


def write_commands(folder: SearchFolder, runs: Sequence[Run], settings: Settings) -> None:
    """Write the two scripts of all commands, and their pickle."""
    count = f"{len(runs)} " if runs else ""
    about = [f"The {count}commands of this search, in order of execution.", f"Run in: {settings.run_cwd}"]
    write_whole(folder.commands, _script(about, (command_line(run, settings) for run in runs)))
    about.append("The output option is left out here; commands.sh has it.")
    write_whole(folder.commands_without_folders, _script(about, (command_line(run, settings, False) for run in runs)))
    write_dicts(folder.commands_pickle, [configuration_dict(run, settings) for run in runs])


def append_commands(folder: SearchFolder, runs: Sequence[Run], settings: Settings) -> None:
    """Add the commands of new runs to the two scripts. Never fails: they are written anew when the search ends."""
    for path, with_folder in ((folder.commands, True), (folder.commands_without_folders, False)):
        append_text(path, "".join(f"{command_line(run, settings, with_folder)}\n" for run in runs))


def write_run_command(path: Path, run: Run, settings: Settings) -> None:
    """Write the script that runs one command again."""
    path.write_bytes(_script([f"Run in: {settings.run_cwd}"], [command_line(run, settings)]))


def _script(about: Iterable[str], lines: Iterable[str]) -> bytes:
    # A folder's name may hold a line break, and a comment ends there.
    comments = ("# " + text.replace("\n", "\\n") for text in about)
    return ("\n".join(["#!/bin/sh", *comments, *lines]) + "\n").encode("utf-8", "surrogateescape")


def write_not_completed(folder: SearchFolder, entries: Iterable[RunRecord], settings: Settings) -> None:
    """Write the configurations of all runs that did not finish; no file if there are none."""
    dicts = [configuration_dict(e.run, settings) for e in entries if e.state is not RunState.FINISHED]
    if dicts:
        write_dicts(folder.not_completed, dicts)
    else:
        folder.not_completed.unlink(missing_ok=True)


def write_dicts(path: Path, dicts: list[dict[str, object]]) -> None:
    """Write configurations as a pickle. Raises StoreError if it cannot be written."""
    try:
        content = pickle.dumps(dicts)
    except (pickle.PicklingError, AttributeError, TypeError):
        # A value of a class that cannot be pickled: its text is what the simulation receives anyway.
        plain = (str, int, float, bool, type(None))
        texts = [{k: v if isinstance(v, plain) else whole_text(v) for k, v in options.items()} for options in dicts]
        content = pickle.dumps(texts)
    write_whole(path, content)
