"""The file of all commands: a real ``sh`` hands every word to the script as the search itself would."""

from __future__ import annotations

import pickle
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from searches import SETTINGS

from hpsearch.core.command import argv
from hpsearch.core.model import Configuration, Run
from hpsearch.journal.events import AttemptEnded, AttemptIntended, RunCollected, RunPlanned, RunsPlanned, SearchStarted
from hpsearch.journal.planned import RunBlock
from hpsearch.journal.record import SearchRecord
from hpsearch.store.classic_files import options_of_command, write_commands, write_not_completed, write_run_command
from hpsearch.store.layout import SearchFolder

_PRINTS = ("printf", "%s\\0", "a b", "t.py")
_STRANGE = st.sampled_from(
    ["'", '"', "\\", "\n", "$HOME", "`id`", "!", "%s", "\\n", "~", "*", "#", "&", "\t", "\udcff", " -n"]
)
TEXT = st.lists(
    _STRANGE | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=4), max_size=4
)
VALUES = (
    TEXT.map("".join)
    | st.floats()
    | st.integers()
    | st.booleans()
    | st.none()
    | st.lists(st.floats() | st.text("a'\"\n"))
)
NAMES = st.text(
    st.characters(exclude_characters="\0=,", exclude_categories=["Cs", "Z", "Cc"]), min_size=1, max_size=4
).filter(lambda name: not name.startswith("-"))
OPTIONS = st.dictionaries(NAMES, VALUES, max_size=3)


def words_of(line: bytes) -> list[str]:
    """Return the words that the script of one line is called with, and the program's own."""
    # As "sed -n 3p commands.sh | sh" does, also where the user's own shell is another one.
    done = subprocess.run(["sh"], input=line + b"\n", capture_output=True, check=True)
    return ["printf", "%s\\0", *done.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]]


@example([{"x": "\udcff", "%s": "'\n%d\\"}])
@given(st.lists(OPTIONS, min_size=1, max_size=3))
def test_each_line_of_the_commands_gives_a_script_the_words_of_its_run(listed: list[dict[str, object]]) -> None:
    wanted = replace(SETTINGS, program=_PRINTS)
    runs = [Run(n, f"sim_{n}", Configuration(tuple(one.items())), f"o/sim_{n}") for n, one in enumerate(listed, 1)]
    with tempfile.TemporaryDirectory() as path:
        folder = SearchFolder(Path(path))
        write_commands(folder, SearchRecord.of([*map(RunPlanned.of, runs), SearchStarted(wanted.to_json(), 0.0)]))
        lines = [line for line in folder.commands.read_bytes().split(b"\n")[1:] if line and not line.startswith(b"#")]
        own = folder.path / "hpsearch_command.sh"
        write_run_command(own, runs[0], wanted)
        single = own.read_bytes()
    assert [words_of(line) for line in lines] == [
        list(argv(_PRINTS, run.configuration, "out_dir", run.out_dir)) for run in runs
    ]
    assert words_of(single) == words_of(lines[0])
    told = options_of_command(single, "t.py")
    assert [*told] == [name for name, value in listed[0].items() if value is not False] + ["out_dir"]


def record_of_block(*finished: int) -> SearchRecord:
    """Return three runs that were planned together; the last one lacks the option. finished: which ones did."""
    block = RunBlock(1, "sim_", 1, "o", [[("x", 7), ("x", "a b")]], [[1, 2, 0]])
    events = [RunsPlanned.of(block), SearchStarted(SETTINGS.to_json(), 0.0)]
    for number in finished:
        token = f"sim_{number}.1.aaaaaa"
        events += [AttemptIntended(number, token, 1.0), AttemptEnded(number, token, 0, 2.0)]
        events += [RunCollected(number, token, "finished", 3.0, {"acc": ["1"], "finished": ["1"]})]
    return SearchRecord.of(events)


def test_the_commands_without_folders_say_so(tmp_path: Path) -> None:
    folder = SearchFolder(tmp_path)
    write_commands(folder, record_of_block())
    assert folder.commands_without_folders.read_text().splitlines() == [
        "#!/bin/sh",
        "# The 3 commands of this search, in order of execution.",
        "# Run in: /",
        "# The output option is left out here; commands.sh has it.",
        *("true --x=7", "true '--x=a b'", "true"),
    ]


def test_a_run_has_its_own_command_with_its_folder(tmp_path: Path) -> None:
    write_run_command(tmp_path / "own.sh", Run(1, "sim_1", Configuration((("x", 3),)), "o/sim_1"), SETTINGS)
    assert (tmp_path / "own.sh").read_text() == "#!/bin/sh\n# Run in: /\ntrue --x=3 --out_dir=o/sim_1\n"


@pytest.mark.parametrize("finished", [(), (2,)])
def test_runs_that_were_planned_together_have_a_line_each_whatever_became_of_them(
    tmp_path: Path, finished: tuple[int, ...]
) -> None:
    folder = SearchFolder(tmp_path)
    write_commands(folder, record_of_block(*finished))
    lines = folder.commands.read_text().splitlines()
    assert lines[:3] == ["#!/bin/sh", "# The 3 commands of this search, in order of execution.", "# Run in: /"]
    assert lines[3:] == ["true --x=7 --out_dir=o/sim_1", "true '--x=a b' --out_dir=o/sim_2", "true --out_dir=o/sim_3"]


def test_of_runs_that_were_planned_together_those_that_did_not_finish_are_listed(tmp_path: Path) -> None:
    folder = SearchFolder(tmp_path)
    write_not_completed(folder, record_of_block(2))
    listed = pickle.loads(folder.not_completed.read_bytes())
    assert listed == [{"x": 7, "out_dir": "o/sim_1"}, {"out_dir": "o/sim_3"}]
