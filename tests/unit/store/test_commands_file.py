"""The file of all commands: a real ``sh`` hands every word to the script as the search itself would."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st
from searches import SETTINGS

from hpsearch.core.command import argv
from hpsearch.core.model import Configuration, Run
from hpsearch.journal.events import RunPlanned, SearchStarted
from hpsearch.journal.record import SearchRecord
from hpsearch.store.classic_files import options_of_command, write_commands, write_run_command
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
