"""A machine without /proc, where ps knows no process, either: hpsearch does not guess which processes live."""

from __future__ import annotations

import subprocess
import sys

import pytest
from project import Project, journal_events, journal_has, rows, wait_until

#: The command prefix that makes /proc empty for a command and all that it starts.
WITHOUT_PROC = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh"]


@pytest.fixture(autouse=True)
def _needs_mounts() -> None:
    try:
        done = subprocess.run([*WITHOUT_PROC, "true"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no unshare here")
    if done.returncode != 0:
        pytest.skip(f"/proc cannot be hidden here: {done.stderr.strip()}")


def asking(*words: str) -> list[str]:
    return [*WITHOUT_PROC, sys.executable, "-m", "hpsearch", *words]


def test_a_search_runs_and_is_shown(project: Project) -> None:
    project.grid({"x": [1, 2]})
    result = project.command([*WITHOUT_PROC, *project.argv("--out_dir=out", "--force_out_dir")])
    assert (result.exit_status, len(rows(result.folder))) == (0, 2), result.stderr
    assert "state    ended\n" in project.command(asking("status", "out")).stdout


def test_a_live_search_takes_a_request_to_stop(project: Project) -> None:
    project.grid({"x": [1], "until": ["go"]})
    search = project.start_command([*WITHOUT_PROC, *project.argv("--out_dir=out", "--force_out_dir")])
    wait_until(lambda: journal_has(project.path / "out", "submitted", 1), "a run has started")
    shown = project.command(asking("status", "out")).stdout
    cancelled = project.command(asking("cancel", "out"))
    assert ("state    unknown: " in shown, "1 may be running" in shown) == (True, True), shown
    assert (cancelled.exit_status, project.end(search).exit_status) == (0, 130), cancelled.stderr


def test_a_run_that_may_be_live_is_not_started_again(project: Project) -> None:
    project.grid({"x": [1], "until": ["go"]})
    search = project.start_command([*WITHOUT_PROC, *project.argv("--out_dir=out", "--force_out_dir")])
    wait_until(lambda: journal_has(project.path / "out", "submitted", 1), "a run has started")
    search.kill()
    search.communicate()
    resumed = project.command(asking("resume", "out"))
    project.go()
    assert (resumed.exit_status, "may still be running" in resumed.stderr) == (2, True), resumed.stderr
    assert len(journal_events(project.path / "out", "submitted")) == 1
