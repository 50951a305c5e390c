"""What a start of a search records of its code and surroundings, and what cannot be found out."""

from __future__ import annotations

import errno
import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from repository import commit_all, git

from hpsearch.folder.provenance import Provenance, Recorder, provenance_lines, provenances
from hpsearch.store.layout import SearchFolder


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A repository with one commit, in which the folder `sub` holds a script."""
    code = tmp_path / "code"
    (code / "sub").mkdir(parents=True)
    (code / "sub" / "train.py").write_text("print(1)\r\n")
    commit_all(code)
    return code


@pytest.fixture
def folder(tmp_path: Path) -> SearchFolder:
    (tmp_path / "search").mkdir()
    return SearchFolder(tmp_path / "search")


def recorded(folder: SearchFolder, run_cwd: Path, interpreter: str = "", **limits: float) -> Provenance:
    with Recorder(folder, run_cwd, interpreter, 5.0, **limits):
        pass
    return provenances(folder)[-1]


def test_the_commit_and_what_differs_from_it_are_recorded(folder: SearchFolder, code: Path) -> None:
    (code / "sub" / "train.py").write_bytes(b"print('\xe9')\r\n")
    (code / "new.py").touch()
    found = recorded(folder, code / "sub")
    assert (found.top, found.commit, found.branch) == (str(code), git(code, "rev-parse", "HEAD"), "main")
    assert found.changed == ("M sub/train.py", "?? new.py")
    # The diff is what git can apply: line ends and characters of any encoding are as in the file.
    git(code, "checkout", "-q", "sub/train.py")
    git(code, "apply", str(folder.provenance / found.diff))
    assert (code / "sub" / "train.py").read_bytes() == b"print('\xe9')\r\n"


def test_a_working_tree_as_committed_has_no_diff(folder: SearchFolder, code: Path) -> None:
    assert (recorded(folder, code).diff, sorted(folder.provenance.iterdir())) == ("", [folder.provenance / "1.json"])


def test_a_long_diff_is_cut(folder: SearchFolder, code: Path) -> None:
    (code / "sub" / "train.py").write_text("x = 1\n" * 400_000)
    found = recorded(folder, code)
    assert (found.is_whole, (folder.provenance / "1.diff").stat().st_size) == (False, 1_000_000)


def test_a_folder_that_cannot_be_listed_stops_nothing(
    folder: SearchFolder, code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, raised = [], []

    def stale(path: Path, _: str) -> list[Path]:
        asked.append(path)
        raise OSError(errno.ESTALE, "Stale file handle", str(path))

    monkeypatch.setattr(Path, "glob", stale)
    monkeypatch.setattr(threading, "excepthook", raised.append)
    with Recorder(folder, code, "", 5.0):
        pass
    assert (asked, raised) == ([folder.provenance], [])


def test_outside_a_repository_git_says_why(folder: SearchFolder, tmp_path: Path) -> None:
    found = recorded(folder, tmp_path)
    assert (found.commit, found.changed, len(found.problems)) == ("", (), 1)
    assert found.problems[0].startswith("git: fatal: not a git repository")


@pytest.mark.parametrize(
    ("script", "patience_s", "problem"),
    [
        ("sleep 30", 0.1, "git gave no answer within 0.1 s"),
        ("echo 'fatal: detected dubious ownership' >&2; exit 128", 30.0, "git: fatal: detected dubious ownership"),
        ("exit 3", 30.0, "git: no word"),
        ("echo /x", 30.0, "git: expected a folder, a commit and a branch, each in a line, found '/x'"),
    ],
)
def test_a_git_that_hangs_or_refuses_is_asked_once(
    folder: SearchFolder,
    code: Path,
    script: str,
    patience_s: float,
    problem: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").write_text(f"#!/bin/sh\necho asked >>{tmp_path}/log\n{script}\n")
    (tmp_path / "bin" / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    assert recorded(folder, code, commit_s=patience_s).problems == (problem,)
    assert (tmp_path / "log").read_text() == "asked\n"


def test_no_value_of_a_variable_is_recorded(folder: SearchFolder, code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "very-secret")
    (code / "sub" / "train.py").write_text("token = os.environ['MY_TOKEN']\n")
    recorded(folder, code)
    assert not any(b"very-secret" in path.read_bytes() for path in folder.provenance.iterdir())


def test_another_interpreter_tells_its_own_version_and_packages(folder: SearchFolder, tmp_path: Path) -> None:
    python = tmp_path / "python3"
    python.write_text("#!/bin/sh\necho 3.7.1 torch==1.4 numpy==1.17\n")
    python.chmod(0o755)
    found = recorded(folder, tmp_path, f"{python} -u")
    assert (found.python, found.packages) == ("", ())
    found = recorded(folder, tmp_path, str(python))
    assert (found.python, found.packages) == ("3.7.1", ("torch==1.4", "numpy==1.17"))


def test_a_start_from_another_commit_is_said(folder: SearchFolder, code: Path) -> None:
    first = recorded(folder, code).commit
    assert Recorder(folder, code, "", 6.0).other_commit() == ""
    git(code, "commit", "-q", "--allow-empty", "-m", "two")
    second = git(code, "rev-parse", "HEAD")
    assert Recorder(folder, code, "", 6.0).other_commit() == (
        f"the code is at commit {second[:10]} (main) now; earlier runs started at commit {first[:10]} (main)"
    )


@pytest.mark.parametrize("text", ["", "[]", '{"at": "x"}', '{"at": 1, "of_a_later_version": 2}', "\0", '{"at": 1e99}'])
def test_what_cannot_be_read_is_left_out(folder: SearchFolder, text: str) -> None:
    folder.provenance.mkdir(parents=True)
    (folder.provenance / "1.json").write_text(text)
    (folder.provenance / "2.json").write_text(json.dumps({"at": 5}))
    assert provenances(folder) == [Provenance(5)]


def test_the_first_start_and_the_last_three_are_shown(folder: SearchFolder) -> None:
    start = Provenance(
        *(0.0, "lab", "/code", "0123456789abcdef", "main", ("M a.py", "?? b.py"), "1.diff", False),
        *("python3", "3.11.2", ("numpy==1.26",), ("NVIDIA H100", "NVIDIA H100"), "550.54", ("git: slow",)),
    )
    lines = list(provenance_lines([start, *(replace(Provenance(0.0), host=str(k)) for k in range(5))], folder))
    assert [line.partition(" on ")[2] or line for line in lines] == [
        "lab: Python 3.11.2, 1 package; 2 x NVIDIA H100 (driver 550.54)",
        "commit 0123456789 (main), 1 changed file (.hpsearch/provenance/1.diff, cut), 1 file that git does not know",
        "git: slow",
        *("2", "3", "4"),
    ]
