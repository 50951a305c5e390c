"""The files that the older tool has, too: written for its users, and read if no journal tells of the runs."""

from __future__ import annotations

import argparse
import os
import re
import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice, repeat
from pathlib import Path
from typing import TypeVar

from hpsearch.core.command import argument, argv, shell_line, words_of_line
from hpsearch.core.errors import reason_of
from hpsearch.core.model import Configuration, Run, RunState
from hpsearch.core.value_text import integer, whole_text
from hpsearch.journal.planned import RunBlock
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.run_record import RunRecord
from hpsearch.journal.settings import Settings
from hpsearch.startup.classes import dataclass
from hpsearch.store.layout import RUN_PREFIX, SearchFolder, append_text, read_whole, write_whole

T = TypeVar("T")

#: In a run's folder: the options, which a simulation may save there, and the command, which we write.
CONFIG_FILE, COMMAND_FILE = "config.pickle", "hpsearch_command.sh"
#: The largest file that is read, in bytes.
MOST_BYTES = 256 * 2**20
#: How many runs are written at a time.
_AT_ONCE = 1_000
_RUN_NAME = re.compile(r"sim_\d+_\d+")
#: A search that is added to another search's folder renames that search's file, with a time stamp.
_COMMANDS = re.compile(r"commands(_[\d_-]+)?\.pickle(\.\d+)?")


@dataclass(frozen=True)
class Listing:
    """What lies in a search folder: names of its files, of its runs' folders, and of run folders set apart."""

    files: frozenset[str]
    run_folders: frozenset[str]
    to_be_deleted: frozenset[str]


def read_plain_pickle(path: Path) -> object:
    """Read a file as `load_plain_pickle` does. Raises OSError if that fails, ValueError also if it is no file."""
    # Most commands read no pickle: the two modules would cost them 3 ms.
    from hpsearch.pickles.plain_pickle import load_plain_pickle

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
        return False  # A link that leads in a circle, or to where we may not look.


def has_name_of_run(name: str) -> bool:
    """Return whether a name is exactly like those of runs' folders; users' copies have something added."""
    return _RUN_NAME.fullmatch(name) is not None


def folder_name(out_dir: object) -> str:
    """Return the name of a run's folder from its output option, which may be relative to any folder."""
    return str(out_dir).rstrip("/").rpartition("/")[2]


def runs_of_commands(
    folder: Path, files: Collection[str], out_arg: str, known: Collection[str] = ()
) -> tuple[list[Run], list[str]]:
    """Return the runs that ``commands.pickle`` (and renamed earlier ones) lists, and what is wrong with those files.

    known: names of the folders of runs that are left out.
    """
    runs: dict[str, Run] = {}
    problems: list[str] = []
    for name in sorted(name for name in files if _COMMANDS.fullmatch(name)):
        try:
            found = _configurations(folder / name, out_arg)
        except (OSError, ValueError) as error:
            problems.append(f"{folder / name}: cannot be used ({reason_of(error)})")
            continue
        for options in found:
            if folder_name(options[out_arg]) not in known:
                run = _run(options, out_arg, len(known) + len(runs) + 1)
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

    Its command has exactly the options of the search; `config.pickle` has all options of the simulation.
    number: the run's, if the folder's name has none. None: nothing in the folder names it as its output folder.
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
    """Return the run in a row of a table of results; None if the row names no run's folder."""
    if not folder_name(row.get(out_arg, "")).startswith(RUN_PREFIX):
        return None
    return _run({**options_of_row(row, keywords), out_arg: row[out_arg]}, out_arg, number)


def options_of_row(row: Mapping[str, str], but: Collection[str]) -> dict[str, object]:
    """Return the options in a row of a table of results. but: its other columns."""
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
    """Return how many words stand before the options; 0 if unclear. Interpreter and paths may differ from today's."""
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
    from hpsearch.pickles.plain_pickle import load_plain_pickle  # see above

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


def block_lines(block: RunBlock, settings: Settings, with_folder: bool = True) -> Iterator[str]:
    """Return the commands of planned runs as lines for a shell, as `command_line` does, ten times as fast."""
    program = shell_line(settings.program)
    options = block.options_as(lambda name, value: _quoted(argument(name, value)))
    # Digits need no quotes, so the text around them is quoted once for all runs.
    before, after = shlex.quote(f"--{settings.out_arg}={block.out_stem}0").rsplit("0", 1)
    last = block.numbered(f" {before}", after) if with_folder else repeat("")
    for number, words, out_word in zip(block.numbers, options, last):
        line = " ".join([program, *words]) + out_word
        # A word with a line break needs more than quotes.
        yield line if "\n" not in line else command_line(block.run(number), settings, with_folder)


def _quoted(word: str | None) -> str:
    return "" if word is None else shlex.quote(word)


def configuration_dict(run: Run, settings: Settings) -> dict[str, object]:
    """Return a run's options with the output option last."""
    return {**run.configuration.as_dict(), settings.out_arg: run.out_dir}


def _block_dicts(block: RunBlock, settings: Settings) -> Iterator[dict[str, object]]:
    for pairs, out_dir in zip(block.options_as(lambda name, value: (name, value)), block.numbered(block.out_stem)):
        options = dict(pairs)
        options[settings.out_arg] = out_dir
        yield options


def write_commands(folder: SearchFolder, record: SearchRecord) -> None:
    """Write the two scripts of all commands of a search, and their pickle; runs of another search are left out."""
    settings = record.known_settings()
    count = len(record.runs) - sum(bool(entry.reused) for entry in record.with_events)
    about = [f"The {f'{count} ' if count else ''}commands of this search, in order of execution."]
    about.append(f"Run in: {settings.run_cwd}")
    for path, with_folder in ((folder.commands, True), (folder.commands_without_folders, False)):
        of_block, of_run = partial(block_lines, with_folder=with_folder), partial(command_line, with_folder=with_folder)
        write_whole(path, _script(about), _parts(_of_runs(record, of_block, of_run, lambda entry: not entry.reused)))
        about.append("The output option is left out here; commands.sh has it.")
    write_dicts(
        folder.commands_pickle,
        lambda: _of_runs(record, _block_dicts, configuration_dict, lambda entry: not entry.reused),
    )


def _of_runs(
    record: SearchRecord,
    of_block: Callable[[RunBlock, Settings], Iterator[T]],
    of_run: Callable[[Run, Settings], T],
    is_wanted: Callable[[RunRecord], bool],
) -> Iterator[T]:
    """Yield something for each run, in order. of_run, is_wanted: called for runs that are more than planned."""
    settings, entries = record.known_settings(), {entry.run.number: entry for entry in record.with_events}
    for numbers, block in record.runs.parts():
        if block is not None and entries.keys().isdisjoint(numbers):
            yield from of_block(block, settings)
            continue
        planned = repeat(None) if block is None else of_block(block, settings)
        for number, found in zip(numbers, planned):
            if found is not None and number not in entries:
                yield found
            elif is_wanted(entries[number]):
                yield of_run(entries[number].run, settings)


def append_commands(folder: SearchFolder, runs: Sequence[Run], settings: Settings) -> None:
    """Add the commands of new runs to the two scripts. Never fails: the end of the search writes the scripts anew."""
    for path, with_folder in ((folder.commands, True), (folder.commands_without_folders, False)):
        append_text(path, "".join(f"{command_line(run, settings, with_folder)}\n" for run in runs))


def write_run_command(path: Path | str, run: Run, settings: Settings) -> None:
    """Write the script that runs one command again. Raises OSError."""
    content = _script([f"Run in: {settings.run_cwd}"], [command_line(run, settings)])
    # A file object would need three more system calls, and every run needs this file.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    try:
        while content:
            content = content[os.write(descriptor, content) :]
    finally:
        os.close(descriptor)


def _script(about: Iterable[str], lines: Iterable[str] = ()) -> bytes:
    # A folder's name may hold a line break, which would end the comment.
    comments = ("# " + text.replace("\n", "\\n") for text in about)
    return ("\n".join(["#!/bin/sh", *comments, *lines]) + "\n").encode("utf-8", "surrogateescape")


def _parts(lines: Iterator[str]) -> Iterator[bytes]:
    """Yield lines as the content of a file, many at a time."""
    while part := "".join(f"{line}\n" for line in islice(lines, _AT_ONCE)):
        yield part.encode("utf-8", "surrogateescape")


def write_not_completed(folder: SearchFolder, record: SearchRecord) -> None:
    """Write the configurations of all runs that did not finish; no file if there are none."""
    if record.states()[RunState.FINISHED] == len(record.runs):
        folder.not_completed.unlink(missing_ok=True)
        return
    write_dicts(
        folder.not_completed,
        lambda: _of_runs(record, _block_dicts, configuration_dict, lambda entry: entry.state is not RunState.FINISHED),
    )


def write_dicts(path: Path, dicts: Callable[[], Iterable[dict[str, object]]]) -> None:
    """Write configurations as a pickle. dicts: yields them anew at each call. Raises StoreError if that fails."""
    import pickle  # see above

    try:
        write_whole(path, b"", _pickled(dicts()))
    except (pickle.PicklingError, AttributeError, TypeError):
        # Some value's class cannot be pickled: its text is what the simulation receives anyway.
        plain = (str, int, float, bool, type(None))
        texts = [{k: v if isinstance(v, plain) else whole_text(v) for k, v in each.items()} for each in dicts()]
        write_whole(path, b"", _pickled(texts))


def _pickled(dicts: Iterable[Mapping[str, object]]) -> Iterator[bytes]:
    """Yield the pickle of a list in parts: one pickler for all would remember every object (200 bytes a run)."""
    import pickle

    # In this protocol each part may number its objects from 0 on, as if it were alone.
    begin, rest = pickle.dumps([], 3)[:-1], iter(dicts)
    yield begin
    while part := list(islice(rest, _AT_ONCE)):
        yield pickle.dumps(part, 3)[len(begin) : -1]
    yield pickle.STOP
