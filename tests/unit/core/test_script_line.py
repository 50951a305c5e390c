"""_SCRIPT_NAME: a file, or a line with options of the interpreter, the script and its first arguments."""

from __future__ import annotations

import pytest

from hpsearch.core.command import ScriptLine, script_line
from hpsearch.store.classic_files import options_of_command

FILES = {"train.py", "my train.py", "sub", "ignore", "run.sh", "with 'quote.py"}


def read(name: str, is_python: bool = True) -> ScriptLine:
    return script_line(name, FILES.__contains__, is_python)


@pytest.mark.parametrize(
    ("name", "before", "script", "after"),
    [
        ("train.py", "", "train.py", ""),
        ("no.py", "", "no.py", ""),
        ("my train.py", "", "my train.py", ""),
        ("with 'quote.py", "", "with 'quote.py", ""),
        ("train.py sub", "", "train.py", "sub"),
        ("-W ignore train.py soft_block_mlp", "-W ignore", "train.py", "soft_block_mlp"),
        ("-Wignore -u train.py", "-Wignore -u", "train.py", ""),
        ("-uW ignore -X dev train.py a b", "-uW ignore -X dev", "train.py", "a b"),
        ("-OO -B train.py --fast -W x", "-OO -B", "train.py", "--fast -W x"),
        ("--check-hash-based-pycs always train.py", "--check-hash-based-pycs always", "train.py", ""),
        ("-W ignore no.py sub", "-W ignore", "no.py", "sub"),
        ("'my train.py' sub", "", "my train.py", "sub"),
        ("-u 'my train.py'", "-u", "my train.py", ""),
    ],
)
def test_a_line_is_taken_apart_as_python_would(name: str, before: str, script: str, after: str) -> None:
    assert read(name) == ScriptLine(tuple(before.split()), script, tuple(after.split()))


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("-m pkg.train", "-m", ""),
        ("-mpkg.train a", "-m", "a"),
        ("-W ignore -um pkg.train sub", "-W ignore -um", "sub"),
        ("-m pkg.train -m x", "-m", "-m x"),
    ],
)
def test_a_module_takes_the_place_of_a_file(name: str, before: str, after: str) -> None:
    assert read(name) == ScriptLine(tuple(before.split()), "pkg.train", tuple(after.split()), is_module=True)


def test_another_interpreter_may_have_words_of_its_own_before_the_script() -> None:
    found = read("--nproc_per_node 2 train.py a", is_python=False)
    assert found == ScriptLine(("--nproc_per_node", "2"), "train.py", ("a",))


def test_the_words_of_a_script_line_are_in_the_order_of_the_command() -> None:
    assert read("-W ignore train.py sub -x").words == ("-W", "ignore", "train.py", "sub", "-x")


@pytest.mark.parametrize("name", [" ", "-u", "-W ignore", "-m", "train.py 'a"])
def test_a_line_without_a_script_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"names no script|quotation"):
        read(name)


@pytest.mark.parametrize(
    ("script_name", "command"),
    [
        ("train.py", "python3 train.py --a=1 --flag"),
        ("-W ignore train.py sub", "python3 -W ignore train.py sub --a=1 --flag"),
        ("train.py --fast", "/venv/bin/python train.py --fast --a=1 --flag"),
        ("python3 train.py --fast", "/elsewhere/python4 /moved/train.py --fast --a=1 --flag"),
        ("-m pkg.train sub", "python3 -m pkg.train sub --a=1 --flag"),
        ("my train.py", "python3 'my train.py' --a=1 --flag"),
        ("python3 'my train.py' sub", "python3 'my train.py' sub --a=1 --flag"),
        ("run.sh sub", "./run.sh sub --a=1 --flag"),
    ],
)
def test_the_options_of_a_command_begin_behind_the_first_arguments(script_name: str, command: str) -> None:
    assert options_of_command(command.encode(), script_name) == {"a": 1, "flag": True}
