"""Standard output that is closed, full, or not read to its end: no traceback, and the right exit status."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from project import Project

ASKING = ["--help", "--version", "status out", "best out", "logs out 1", "status out --json"]


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a search, which no test changes."""
    project = Project(tmp_path_factory.mktemp("searched"))
    project.grid({"x": [1, 2]})
    project.search("--out_dir=out", "--force_out_dir")
    return project


def through_shell(project: Project, words: str, redirection: str) -> subprocess.CompletedProcess[str]:
    """Run ``hpsearch WORDS`` in bash with a redirection; its exit status is that of hpsearch."""
    line = f'"$PYTHON" -m hpsearch {words} {redirection}; exit "${{PIPESTATUS[0]}}"'
    environment = {**project.environ(), "PYTHON": sys.executable}
    return subprocess.run(
        ["bash", "-c", line], cwd=project.path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("redirection", ["| true", ">&-"])
@pytest.mark.parametrize("words", ASKING)
def test_a_reader_that_is_gone_is_no_error(searched: Project, words: str, redirection: str) -> None:
    done = through_shell(searched, words, redirection)
    assert (done.returncode, "Error" in done.stderr) == (0, False), done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("words", [*ASKING, "run --grid_module=config --visible_gpus=-1 --dry_run"])
def test_output_that_cannot_be_written_is_one_message(searched: Project, words: str) -> None:
    done = through_shell(searched, words, ">/dev/full")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "hpsearch: standard output cannot be written: No space left on device"
    assert "Traceback" not in done.stderr


def test_a_missing_subcommand_is_refused_where_there_is_no_standard_error(searched: Project) -> None:
    assert through_shell(searched, "", "2>&-").returncode == 2
