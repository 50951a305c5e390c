"""Processes that a run starts belong to it, also in a session of their own; other processes do not."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from project import Project, has_said, is_alive, journal_events, journal_has, wait_until

#: Leaves a service in a session of its own, whose process number it writes down; ends as its options say.
WITH_SERVICE = """\
#!/bin/sh
sleep=0 status=0
for word; do
    case $word in
        --out_dir=*) out=${word#*=};; --sleep=*) sleep=${word#*=};; --status=*) status=${word#*=};;
    esac
done
mkdir "$out" || exit 3
SERVICE
sleep "$sleep"
[ "$status" != 0 ] || printf 'acc 1\\nfinished 1\\n' >"$out/summary.txt"
exit "$status"
"""
DAEMON = """\
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        with open("service.part", "w") as file:
            print(os.getpid(), file=file)
        os.rename("service.part", "service.txt")
        time.sleep(600)
    os._exit(0)
os.wait()
"""
SERVICES = {
    "setsid": "setsid sh -c 'echo $$ >service.part; mv service.part service.txt; exec sleep 600' &",
    "stubborn": "setsid sh -c 'trap \"\" TERM; echo $$ >service.part; mv service.part service.txt; sleep 600' &",
    "daemon": "python3 -S daemon.py",
    "no environment": "env -i setsid sh -c 'echo $$ >service.part; mv service.part service.txt; exec sleep 600' &",
}


def with_service(project: Project, how: str, **options: object) -> Path:
    """Make runs leave such a service; return where it writes its process number."""
    project.write("daemon.py", DAEMON)
    grid = {name: value if isinstance(value, list) else [value] for name, value in options.items()}
    project.grid({"x": [1], **grid}, script=WITH_SERVICE.replace("SERVICE", SERVICES[how]))
    return project.path / "service.txt"


def service_of(path: Path) -> int:
    wait_until(path.exists, "the service")
    return int(path.read_text())


@pytest.fixture
def bystander() -> Iterator[int]:
    """A process that looks like a service of a run and is nobody's."""
    mark = {**os.environ, "HPSEARCH_ATTEMPT": "/sim_20260101000000_1.1.abcdef"}
    with subprocess.Popen(["sleep", "600"], start_new_session=True, env=mark) as process:
        yield process.pid
        process.kill()


@pytest.mark.parametrize("how", ["setsid", "daemon", "no environment"])
def test_ctrl_c_ends_what_a_run_started_in_a_session_of_its_own(project: Project, how: str, bystander: int) -> None:
    path = with_service(project, how, sleep=600)
    search = project.start()
    service = service_of(path)
    search.send_signal(signal.SIGINT)
    search.communicate(timeout=30)
    assert (search.returncode, is_alive(service), is_alive(bystander)) == (130, False, True)


def test_a_second_ctrl_c_kills_what_ignores_the_first(project: Project) -> None:
    path = with_service(project, "stubborn", sleep=600)
    search = project.start("--out_dir=out", "--force_out_dir")
    service = service_of(path)
    search.send_signal(signal.SIGINT)
    wait_until(lambda: has_said(project.path / "out", "Stopping"), "the message")
    search.send_signal(signal.SIGINT)
    search.communicate(timeout=8)
    assert (search.returncode, is_alive(service)) == (130, False)


@pytest.mark.parametrize("how", ["setsid", "daemon"])
def test_cancel_ends_it_after_the_controller_was_killed(project: Project, how: str, bystander: int) -> None:
    path = with_service(project, how, sleep=600)
    search = project.start("--out_dir=out", "--force_out_dir")
    service = service_of(path)
    search.kill()
    search.communicate()
    assert project.ask("cancel", "out").exit_status == 0
    assert (is_alive(service), is_alive(bystander)) == (False, True)


def test_cancel_ends_it_after_the_whole_group_of_the_run_was_killed(project: Project) -> None:
    path = with_service(project, "setsid", sleep=600)
    search = project.start("--out_dir=out", "--force_out_dir")
    service = service_of(path)
    search.kill()
    search.communicate()
    (launcher,) = journal_events(project.path / "out", "submitted")
    os.killpg(int(launcher["id"].partition("@")[0]), signal.SIGKILL)
    assert project.ask("cancel", "out").exit_status == 0
    assert not is_alive(service)


def test_a_run_that_ends_badly_leaves_nothing_and_that_is_said(project: Project) -> None:
    path = with_service(project, "daemon", status=3)
    result = project.run()
    assert result.exit_status == 1
    assert not is_alive(service_of(path))
    assert f"run 1 ended badly and left processes behind, which are ended: python3 ({path.read_text().strip()})" in (
        result.stderr
    )


def test_the_search_goes_on_while_what_a_bad_run_left_is_ended(project: Project) -> None:
    with_service(project, "stubborn", status=[3, 4])
    search = project.start("--deterministic_search", "--out_dir=out", "--force_out_dir")
    wait_until(lambda: journal_has(project.path / "out", "collected", 2), "both runs", deadline_s=8)
    _, stderr = search.communicate(timeout=30)
    assert [line.count("ended badly and left processes behind") for line in stderr.splitlines()].count(1) == 2


def test_a_run_that_ends_well_may_leave_a_service_until_the_search_is_cancelled(project: Project) -> None:
    path = with_service(project, "daemon", sleep=0)
    project.search("--out_dir=out", "--force_out_dir")
    service = service_of(path)
    lived_on = is_alive(service)
    cancelled = project.ask("cancel", "out")
    assert (lived_on, is_alive(service)) == (True, False)
    assert f"ended a process that a run had left behind: python3 ({service})" in cancelled.stderr


def test_ctrl_c_ends_what_earlier_runs_left(project: Project) -> None:
    path = with_service(project, "daemon", sleep=[0, 600])
    search = project.start("--deterministic_search", "--out_dir=out", "--force_out_dir")
    wait_until(lambda: journal_has(project.path / "out", "submitted", 2), "the second run")
    service = service_of(path)
    search.send_signal(signal.SIGINT)
    search.communicate(timeout=30)
    assert not is_alive(service)


def test_a_search_within_a_run_is_ended_in_good_order(project: Project) -> None:
    project.grid({"x": [1], "sleep": [600]})
    inner = " ".join(["setsid", *project.argv("--out_dir=inner", "--force_out_dir"), "&"])
    project.grid(
        {"x": [1], "sleep": [600]},
        script=WITH_SERVICE.replace("SERVICE", inner),
        script_name="outer.sh",
        name="outer",
    )
    search = project.start("--grid_module=outer", "--out_dir=out", "--force_out_dir")
    wait_until(lambda: journal_has(project.path / "inner", "submitted", 1), "the inner search")
    search.send_signal(signal.SIGINT)
    search.communicate(timeout=40)
    assert "runs     1: 0 finished, 1 cancelled" in project.ask("status", "inner").stdout
