"""Which processes are about to resume a search."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hpsearch.backends.process_identity import Process
from hpsearch.folder.liveness import is_being_resumed

FOLDER, CWD = Path("/p/out/s"), Path("/p")


@pytest.mark.parametrize(
    "line",
    [
        "hpsearch resume out/s",
        "python3 -m hpsearch resume /p/out/s --num_cpu_jobs=2",
        "/usr/bin/python3 /usr/bin/hpsearch retry --run 3 ./out/s/",
        "python3 -m hpsearch.hpsearch --resume out/s",
        "python3 hpsearch.py --resume=out/../out/s",
        "hpsearch resume out/s/search_results.csv",
    ],
)
def test_a_process_that_was_told_to_resume_a_search_is_seen(line: str) -> None:
    assert is_being_resumed([Process(tuple(line.split()), CWD)], FOLDER)


@pytest.mark.parametrize(
    "line",
    [
        "hpsearch cancel out/s",
        "hpsearch status out/s",
        "hpsearch resume out/t",
        "hpsearch resume s",
        "vim resume out/s",
        "python3 train.py --name=hpsearch --out_dir=out/s",
    ],
)
def test_other_processes_do_not_resume_it(line: str) -> None:
    assert not is_being_resumed([Process(tuple(line.split()), CWD)], FOLDER)


def test_a_process_whose_folder_may_not_be_seen_is_known_by_a_whole_path_only() -> None:
    relative, whole = (Process(("hpsearch", "resume", path), None) for path in ("out/s", "/p/out/s"))
    assert (is_being_resumed([relative], FOLDER), is_being_resumed([whole], FOLDER)) == (False, True)


@pytest.mark.parametrize(
    "words, is_resumed",
    [
        (("hpsearch", "resume"), True),
        (("hpsearch", "retry", "--num_cpu_jobs=2"), True),
        (("hpsearch", "resume", "adam"), True),
        (("hpsearch", "resume", "out/other"), False),
        (("hpsearch", "status"), False),
    ],
)
def test_a_process_that_was_told_no_folder_takes_up_the_newest_search(
    words: tuple[str, ...], is_resumed: bool, tmp_path: Path
) -> None:
    other, newest = tmp_path / "out" / "other", tmp_path / "out" / "search_2026-01-31_12-00-00_adam"
    for at, folder in enumerate((other, newest)):
        (folder / ".hpsearch").mkdir(parents=True)
        (folder / ".hpsearch" / "journal.jsonl").touch()
        os.utime(folder / ".hpsearch" / "journal.jsonl", (at, at))
    assert is_being_resumed([Process(words, tmp_path)], newest) is is_resumed
