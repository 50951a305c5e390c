"""What is kept of the questions to schedulers and nvidia-smi."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from hpsearch.backends.shell import Answer, Conversation
from hpsearch.core.errors import BackendError
from hpsearch.store.layout import append_text


def conversation(lines: list[str], environ: Mapping[str, str] | None = None) -> Conversation:
    made = Conversation(environ or {}, wall=lambda: 0.0)
    made.keep("kept.jsonl", lines.append)
    return made


def test_a_command_is_kept_with_its_words_its_status_and_its_answer() -> None:
    lines: list[str] = []
    conversation(lines).ask(["sh", "-c", "echo one; echo two >&2; exit 3"], 20.0)
    entry = json.loads(lines[0])
    assert (entry["asked"], entry["status"]) == ("sh -c 'echo one; echo two >&2; exit 3'", 3)
    assert (entry["output"], entry["errors"], 0 <= entry["seconds"] < 20) == ("one\n", "two\n", True)


def test_a_command_that_does_not_exist_is_kept_too() -> None:
    lines: list[str] = []
    with pytest.raises(BackendError):
        conversation(lines).ask(["no-such-command"], 20.0)
    entry = json.loads(lines[0])
    assert (entry["asked"], entry["status"]) == ("no-such-command", None)
    assert entry["errors"].startswith("no-such-command was not found")


def test_what_was_said_before_there_is_a_file_comes_first() -> None:
    talk, lines = Conversation({}), list[str]()
    talk.note(["first"], 0.1, Answer(0, "", ""))
    talk.keep("kept.jsonl", lines.append)
    talk.note(["second"], 0.1, Answer(0, "", ""))
    assert [json.loads(line)["asked"] for line in lines] == ["first", "second"]


def test_the_last_exchange_is_there_in_words() -> None:
    talk = Conversation({})
    talk.note(["sbatch", "a b.sh"], 0.1, Answer(1, "", "error: no\nerror: partition\n"))
    assert talk.last == "asked: sbatch 'a b.sh'; exit status 1; answered: error: no; error: partition"


@pytest.mark.parametrize("long", ["x" * 100_000, "line\n" * 100_000])
def test_of_a_long_answer_the_beginning_is_kept(long: str) -> None:
    lines: list[str] = []
    conversation(lines).note(["x" * 100_000], 0.1, Answer(0, long, long))
    assert len(lines[0]) < 10_000


SECRETS = {
    "a variable's value": ({"WANDB_API_KEY": "abcdef123"}, "key is abcdef123"),
    "a token": ({"SLURM_JWT": "eyJhbGciOi"}, "bad token eyJhbGciOi"),
    "an assignment": ({}, "--export=ALL,WANDB_API_KEY=abcdef123"),
    "a password": ({}, "db_password=abcdef123"),
}


@pytest.mark.parametrize("environ, text", SECRETS.values(), ids=SECRETS.keys())
def test_a_secret_is_not_kept(environ: dict[str, str], text: str) -> None:
    lines: list[str] = []
    talk = conversation(lines, environ)
    talk.note(["sbatch", text], 0.1, Answer(1, text, text))
    kept = lines[0] + talk.last
    assert ("abcdef123" in kept, "eyJhbGciOi" in kept) == (False, False)


def test_a_file_that_is_full_gives_way_to_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    for number in range(10):
        append_text(path, f"{number}\n", 6)
    assert (path.read_text(), path.with_name("kept.jsonl.1").read_text()) == ("9\n", "6\n7\n8\n")


def test_a_file_that_cannot_be_written_harms_nothing(tmp_path: Path) -> None:
    append_text(tmp_path / "no folder" / "kept.jsonl", "text\n", 100)
    append_text(tmp_path, "text\n", 100)
    os.mkfifo(tmp_path / "kept.jsonl")
    append_text(tmp_path / "kept.jsonl", "text\n", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["kept.jsonl"]
