"""Commands: words for the operating system, lines for a shell."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpsearch.core.command import argument, argv, shell_line, without_interpreter, words_of_line
from hpsearch.core.model import Configuration


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (True, "--o"),
        (False, None),
        (np.bool_(True), "--o"),
        (1, "--o=1"),
        (1e-5, "--o=1e-05"),
        (None, "--o=None"),
        ((1, 2), "--o=(1, 2)"),
        (np.float64(0.5), "--o=0.5"),
        ("a b", "--o=a b"),
        ('"400,400"', "--o=400,400"),
        ("400,400", "--o=400,400"),
        ('"', '--o="'),
        ('""', "--o="),
        ("", "--o="),
        ('"a" "b"', '--o="a" "b"'),
        ("-x", "--o=-x"),
    ],
)
def test_a_value_becomes_one_word(value: object, word: str | None) -> None:
    assert argument("o", value) == word


def test_the_output_option_comes_last() -> None:
    configuration = Configuration((("b", 1), ("a", True)))
    assert argv(("python3", "t.py"), configuration, "out", "d/x") == ("python3", "t.py", "--b=1", "--a", "--out=d/x")


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)


@settings(max_examples=60)
@given(st.lists(TEXT, min_size=1, max_size=4))
def test_fault_9_a_shell_gives_every_word_back_as_written_from_one_line(words: list[str]) -> None:
    line = shell_line(["printf", "%s\\0", *words])
    assert "\n" not in line
    done = subprocess.run(["sh"], input=line.encode() + b"\n", capture_output=True, check=True)
    assert done.stdout.decode().split("\0")[:-1] == words


@pytest.mark.parametrize(
    "word", ["a b", "two\nlines", "back\\slash\n", "\\n is no break\n", "100 %%\n", "it's\n"], ids=ascii
)
def test_the_words_of_a_line_are_those_it_was_made_of(word: str) -> None:
    assert words_of_line(shell_line(["train.py", f"--x={word}", "--y"])) == ["train.py", f"--x={word}", "--y"]


@pytest.mark.parametrize(
    ("program", "interpreter", "script"),
    [
        ("python3 -u train.py", "", "-u train.py"),
        ("/venv/bin/pypy train.py", "", "train.py"),
        ("./run.sh a", "", "./run.sh a"),
        ("torchrun --n 2 train.py", "torchrun --n 2", "train.py"),
        ("python3 -O train.py", "python3 -O", "train.py"),
        ("./python/run.sh", "", "./python/run.sh"),
    ],
)
def test_a_program_without_its_interpreter_is_what_the_grid_module_named(
    program: str, interpreter: str, script: str
) -> None:
    assert without_interpreter(program.split(), interpreter.split()) == tuple(script.split())
