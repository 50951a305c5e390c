"""``hpsearch repair``: whole lines are kept, a message says what was dropped, and the search goes on."""

from __future__ import annotations

import json
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from project import Project, is_alive, journal_has, rows, run_folders, wait_until

ONE_FOLDER = ("--out_dir=s", "--force_out_dir")


def journal_of(project: Project) -> Path:
    return project.path / "s" / ".hpsearch" / "journal.jsonl"


@pytest.fixture
def stopped(project: Project) -> Project:
    """A search of four runs whose controller was killed after two of them."""
    project.grid({"x": [1, 2, 3, 4], "sleep": [0.3]})
    controller = project.start(*ONE_FOLDER, "--deterministic_search")
    wait_until(lambda: journal_has(project.path / "s", "collected", 2), "two results")
    controller.kill()
    controller.communicate()
    return project


def damage(project: Project, kind: str, number: int = 0) -> bytes:
    """Damage a line with an event of this kind, as a disk may; return the line as it was."""
    path = journal_of(project)
    lines = path.read_bytes().splitlines(keepends=True)
    index = [at for at, line in enumerate(lines) if line.startswith(b'{"event":"%s"' % kind.encode())][number]
    damaged = lines[index]
    lines[index] = damaged[:12] + b"\xff" * (len(damaged) - 13) + b"\n"
    path.write_bytes(b"".join(lines))
    return damaged


def assert_all_is_resumed(project: Project) -> None:
    result = project.ask("resume", "s")
    assert result.exit_status == 0, result.stderr
    assert sorted(row["acc"] for row in rows(project.path / "s")) == ["1", "2", "3", "4"]
    assert len(run_folders(project.path / "s")) == 4


@pytest.mark.parametrize("kind", ["plan", "search", "controller", "intended", "submitted", "ended", "collected"])
def test_a_search_with_a_damaged_line_of_any_kind_is_repaired_and_resumed(stopped: Project, kind: str) -> None:
    before = journal_of(stopped).read_bytes().splitlines()
    damaged = damage(stopped, kind, 0 if kind in ("plan", "search", "controller") else 1)
    content = journal_of(stopped).read_bytes()
    refused = stopped.ask("resume", "s")
    assert refused.exit_status == 2
    assert "-m hpsearch repair s keeps the undamaged lines" in refused.stderr
    repaired = stopped.ask("repair", "s")
    assert (repaired.exit_status, repaired.stdout) == (0, ""), repaired.stderr
    assert "dropped: line " in repaired.stderr
    assert journal_of(stopped).with_name("journal.jsonl.damaged").read_bytes() == content
    kept = journal_of(stopped).read_bytes().splitlines()
    # The settings are known from elsewhere. So are the runs, which are put back one by one.
    put_back = [line for line in kept if line.startswith(b'{"event":"planned"')]
    lost = [] if kind == "search" else [damaged.strip()]
    assert sorted([*kept, *lost]) == sorted([*before, *put_back])
    assert len(put_back) == (4 if kind == "plan" else 0)
    assert_all_is_resumed(stopped)


def test_a_folder_that_is_whole_is_not_changed(stopped: Project) -> None:
    before = journal_of(stopped).read_bytes(), sorted(journal_of(stopped).parent.iterdir())
    result = stopped.ask("repair", "s")
    assert (result.exit_status, "no damage found, nothing changed" in result.stderr) == (0, True)
    assert (journal_of(stopped).read_bytes(), sorted(journal_of(stopped).parent.iterdir())) == before


def test_a_whole_line_that_was_written_onto_a_torn_one_is_kept(stopped: Project) -> None:
    path = journal_of(stopped)
    lines = path.read_bytes().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if b'"submitted"' in line)
    path.write_bytes(b"".join([*lines[:at], b'{"event":"ended","ru' + lines[at], *lines[at + 1 :]]))
    result = stopped.ask("repair", "s")
    assert "(only its end is whole, and is kept)" in result.stderr
    assert path.read_bytes() == b"".join(lines)
    assert_all_is_resumed(stopped)


@pytest.mark.parametrize("seed", range(4))
def test_a_journal_with_scattered_damage_is_repaired_and_resumed(stopped: Project, seed: int) -> None:
    chance = random.Random(seed)
    content = bytearray(journal_of(stopped).read_bytes())
    for _ in range(6):
        content[chance.randrange(len(content))] = chance.choice(b'\0\xff{}[]",:5x\n')
    journal_of(stopped).write_bytes(bytes(content))
    result = stopped.ask("repair", "s")
    assert (result.exit_status, "Traceback" in result.stderr) == (0, False), result.stderr
    assert_all_is_resumed(stopped)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_what_stands_in_the_place_of_our_files_is_set_aside(stopped: Project, make: Callable[[Path], None]) -> None:
    state = journal_of(stopped).parent
    for name in ("lock", "cancel-requested", "controller.log"):
        (state / name).unlink(missing_ok=True)
        make(state / name)
    result = stopped.ask("repair", "s")
    assert result.exit_status == 0, result.stderr
    assert all((state / f"{name}.damaged").exists() for name in ("lock", "cancel-requested", "controller.log"))
    assert_all_is_resumed(stopped)


def test_an_option_of_a_wrong_type_is_dropped_with_its_line(stopped: Project) -> None:
    lines = journal_of(stopped).read_text().splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith('{"event":"controller"'))
    event = json.loads(lines[at])
    event["options"]["retries"] = "many"
    journal_of(stopped).write_text("\n".join([*lines[:at], json.dumps(event), *lines[at + 1 :]]) + "\n")
    refused = stopped.ask("resume", "s")
    assert (refused.exit_status, "retries is 'many'; expected a whole number" in refused.stderr) == (2, True)
    assert stopped.ask("repair", "s").exit_status == 0
    assert_all_is_resumed(stopped)


def test_a_live_search_is_not_repaired(project: Project) -> None:
    project.grid({"x": [1], "sleep": [60]})
    controller = project.start(*ONE_FOLDER)
    wait_until(lambda: journal_has(project.path / "s", "submitted", 1), "a live run")
    before = journal_of(project).read_bytes()
    refused = project.ask("repair", "s")
    assert (refused.exit_status, "this search is already running" in refused.stderr) == (2, True)
    assert journal_of(project).read_bytes() == before
    controller.send_signal(signal.SIGINT)
    controller.communicate(timeout=60)


@pytest.mark.parametrize("kind", ["plan", "search", "controller", "intended", "submitted"])
@pytest.mark.parametrize("is_killed", [False, True], ids=["live controller", "killed controller"])
def test_a_damaged_line_never_keeps_a_search_from_being_cancelled(project: Project, kind: str, is_killed: bool) -> None:
    project.grid({"x": [1], "sleep": [60]}, script="import os\nopen('pid', 'w').write(str(os.getpid()))\n" + SLEEPER)
    controller = project.start(*ONE_FOLDER)
    wait_until(lambda: journal_has(project.path / "s", "submitted", 1), "a live run")
    pid_file = project.path / "pid"
    wait_until(lambda: pid_file.exists() and bool(pid_file.read_text()), "the run has begun")
    pid = int(pid_file.read_text())
    if is_killed:
        controller.kill()
        controller.communicate()
    damage(project, kind)
    result = project.ask("cancel", "s")
    if not is_killed:
        controller.communicate(timeout=60)
        assert controller.returncode == 130
    assert ("Traceback" in result.stderr, "journal.jsonl, line " in result.stderr) == (False, True), result.stderr
    assert (result.exit_status, is_alive(pid)) == (0, False), result.stderr


SLEEPER = "import time\ntime.sleep(60)\n"


def test_runs_that_are_planned_twice_are_kept_once(stopped: Project) -> None:
    before = journal_of(stopped).read_bytes()
    first, rest = before.split(b"\n", 1)
    journal_of(stopped).write_bytes(first + b"\n" + first + b"\n" + rest)
    assert "one of the runs 1 to 4 is planned already" in stopped.ask("resume", "s").stderr
    repaired = stopped.ask("repair", "s")
    assert (repaired.exit_status, journal_of(stopped).read_bytes()) == (0, before)
    assert "dropped: line 2: it does not fit the lines before it" in repaired.stderr
    assert_all_is_resumed(stopped)
