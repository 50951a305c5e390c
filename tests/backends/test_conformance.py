"""The promises of `hpsearch.backends.base`, which every backend must keep."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace

import pytest
from conformance import PATIENCE_S, Bench, wait_for_file
from project import is_alive, wait_until

from hpsearch.backends.base import Backend
from hpsearch.core.model import Job, JobPhase

SLEEP = "import time; time.sleep(600)"
#: Writes its own process id and its child's to files; both then sleep.
FAMILY = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
open("pids.part", "w").write(f"{os.getpid()} {child.pid}")
os.rename("pids.part", "pids")
time.sleep(600)
"""
#: Like FAMILY, but ignores the signal to end.
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" + FAMILY


def stop(bench: Bench, job: Job) -> bool:
    """Tell a job to end as a search does, again if a scheduler does not know it yet; return whether it was told."""
    wait_until(lambda: job.attempt.token in bench.backend.stop([job]), "the job to be told", PATIENCE_S)
    return True


def family(bench: Bench) -> list[int]:
    return [int(pid) for pid in wait_for_file(bench.folder / "pids").split()]


def test_a_backend_has_all_methods(bench: Bench) -> None:
    backend: Backend = bench.backend
    answers = (backend.has_queue, backend.jobs_outlive_controller, backend.refusal_concerns_all, backend.shows_output)
    assert (bool(backend.name), {type(answer) for answer in answers}) == (True, {bool})


def test_there_is_a_place_while_nothing_runs(bench: Bench) -> None:
    assert bench.place().capacity >= 1


def test_nothing_runs_before_its_release(bench: Bench) -> None:
    job = bench.submit(bench.attempt("open('ran', 'w').write('yes')"))
    bench.backend.wait([job], 0.2, bench.alarm)
    before = (bench.folder / "ran").exists()
    bench.backend.release([job])
    bench.ended(job)
    after = (bench.folder / "ran").exists()
    # A scheduler's jobs are found by their name, and may start at once.
    assert (before and not bench.backend.starts_unreleased, after) == (False, True)


def test_each_attempt_gets_an_id_of_its_own(bench: Bench) -> None:
    first = bench.start(SLEEP, "sim_1")
    second = bench.start(SLEEP, "sim_2", [first])
    assert first.id and second.id and first.id != second.id


def test_a_job_that_runs_has_not_ended(bench: Bench) -> None:
    job = bench.start("open('ran', 'w').write('yes'); " + SLEEP)
    wait_for_file(bench.folder / "ran")
    assert bench.status(job).phase is not JobPhase.ENDED


@pytest.mark.parametrize("exit_status", [0, 3])
def test_the_exit_status_is_kept(bench: Bench, exit_status: int) -> None:
    status = bench.ended(bench.start(f"raise SystemExit({exit_status})"))
    assert (status.exit_status, status.cause) == (exit_status, None)


def test_a_run_that_a_signal_ended_says_so(bench: Bench) -> None:
    status = bench.ended(bench.start("import os; os.kill(os.getpid(), 9)"))
    assert (status.exit_status, "SIGKILL" in status.reason) == (137, True)


def test_the_command_arrives_word_by_word(bench: Bench) -> None:
    attempt = bench.attempt("import sys; open('words', 'w').write(repr(sys.argv[1:]))")
    words = ("--a=b c", "--d=$HOME;*'\"", "--e=x\ny", "--ü")
    job = bench.submit(replace(attempt, argv=(*attempt.argv, *words)))
    bench.backend.release([job])
    bench.ended(job)
    assert (bench.folder / "words").read_text() == repr(list(words))


def test_standard_input_is_empty(bench: Bench) -> None:
    assert bench.ended(bench.start("import sys; sys.exit(len(sys.stdin.read()))")).exit_status == 0


def test_a_silent_answer_ends_no_job(bench: Bench) -> None:
    if bench.world.silence is None:
        pytest.skip("nothing stands between this backend and its jobs")
    job = bench.start(SLEEP)
    bench.world.silence()
    bench.backend.wait([job], 0.1, bench.alarm)
    assert bench.status(job).phase is not JobPhase.ENDED


def test_waiting_ends_with_the_job(bench: Bench) -> None:
    job = bench.start("open('ran', 'w').write('yes')")
    deadline = time.monotonic() + PATIENCE_S
    while bench.status(job).phase is not JobPhase.ENDED:
        bench.backend.wait([job], PATIENCE_S, bench.alarm)
        assert time.monotonic() < deadline


def test_waiting_ends_with_the_alarm(bench: Bench) -> None:
    job = bench.start(SLEEP)
    bench.ring()
    started = time.monotonic()
    bench.backend.wait([job], PATIENCE_S, bench.alarm)
    assert time.monotonic() - started < PATIENCE_S / 2


def test_waiting_ends_after_its_time(bench: Bench) -> None:
    job = bench.start(SLEEP)
    started = time.monotonic()
    bench.backend.wait([job], 0.05, bench.alarm)
    assert time.monotonic() - started < PATIENCE_S / 2


def test_waiting_for_nothing_ends_after_its_time(bench: Bench) -> None:
    started = time.monotonic()
    bench.backend.wait([], 0.05, bench.alarm)
    assert time.monotonic() - started < PATIENCE_S / 2


def test_cancelling_ends_children_too(bench: Bench) -> None:
    job = bench.start(FAMILY)
    pids = family(bench)
    bench.backend.cancel([job], bench.alarm)
    assert [is_alive(pid) for pid in pids] == [False, False]


def test_cancelling_in_a_hurry_ends_what_does_not_listen(bench: Bench) -> None:
    job = bench.start(STUBBORN)
    pids = family(bench)
    bench.ring()
    bench.backend.cancel([job], bench.alarm)
    assert [is_alive(pid) for pid in pids] == [False, False]


def test_a_cancelled_job_has_ended(bench: Bench) -> None:
    job = bench.start(SLEEP)
    bench.backend.cancel([job], bench.alarm)
    assert bench.ended(job).exit_status != 0


def test_cancelling_a_job_that_is_gone_is_no_error(bench: Bench) -> None:
    job = bench.start("pass")
    bench.ended(job)
    bench.backend.cancel([job], bench.alarm)
    assert bench.status(job).phase in (JobPhase.ENDED, JobPhase.UNKNOWN)


#: Ends when it is told to, and leaves something first; says that it runs by a file.
SAVING = """
import os, signal, sys, time
def save(number, frame):
    open("saved", "w").write("yes")
    sys.exit(5)
signal.signal(signal.SIGTERM, save)
open("ran", "w").write("yes")
time.sleep(600)
"""


def test_a_job_that_is_told_to_end_can_save_its_state(bench: Bench) -> None:
    job = bench.start(SAVING)
    wait_for_file(bench.folder / "ran")
    told = stop(bench, job)
    status = bench.ended(job)
    assert (told, wait_for_file(bench.folder / "saved"), status.phase) == (True, "yes", JobPhase.ENDED)


def test_telling_a_job_to_end_waits_for_nothing(bench: Bench) -> None:
    job = bench.start(STUBBORN)
    family(bench)
    started = time.monotonic()
    told = stop(bench, job)
    assert (told, time.monotonic() - started < PATIENCE_S / 6) == (True, True)


def test_a_job_that_does_not_listen_ends_after_its_grace_with_all_its_processes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hpsearch.backends.run_family.GRACE_S", 0.5)
    job = bench.start(STUBBORN)
    pids = family(bench)
    stop(bench, job)
    bench.ended(job, 2 * PATIENCE_S)
    wait_until(lambda: not any(map(is_alive, pids)), "the end of all processes", PATIENCE_S)


def test_other_jobs_go_on_when_one_is_told_to_end(bench: Bench) -> None:
    first = bench.start(SAVING)
    wait_for_file(bench.folder / "ran")
    second = bench.start("open('also', 'w').write('yes'); " + SLEEP, "sim_2", [first])
    wait_for_file(bench.folder / "also")
    stop(bench, first)
    bench.ended(first)
    assert bench.status(second).phase is not JobPhase.ENDED


def test_a_restarted_controller_can_tell_a_job_to_end(bench: Bench) -> None:
    job = bench.start(SAVING)
    wait_for_file(bench.folder / "ran")
    bench.restart()
    told = stop(bench, job)
    bench.ended(job)
    assert (told, wait_for_file(bench.folder / "saved")) == (True, "yes")


def test_a_job_that_is_gone_is_not_told_to_end(bench: Bench) -> None:
    job = bench.start("pass")
    bench.ended(job)
    bench.backend.stop([job])
    assert bench.status(job).phase in (JobPhase.ENDED, JobPhase.UNKNOWN)


def test_the_logs_are_there_after_the_end(bench: Bench) -> None:
    job = bench.start("import sys; print('to out'); print('to err', file=sys.stderr)")
    bench.ended(job)
    texts = [log.path.read_text() for log in bench.backend.logs(job) if log.path.exists()]
    assert ("to out" in "".join(texts), "to err" in "".join(texts)) == (True, True)


def test_each_log_gets_a_name_of_its_own(bench: Bench) -> None:
    job = bench.start("pass")
    bench.ended(job)
    names = [log.final_name for log in bench.backend.logs(job)]
    assert (len(names), all("sim_1" in name for name in names)) == (len(set(names)), True)


def test_a_restarted_controller_recognises_a_live_job(bench: Bench) -> None:
    job = bench.start(SLEEP)
    bench.restart()
    alive = bench.status(job).phase is not JobPhase.ENDED
    bench.backend.cancel([job], bench.alarm)
    assert (alive, bench.ended(job).phase) == (True, JobPhase.ENDED)


def test_a_restarted_controller_is_woken_by_an_adopted_job(bench: Bench) -> None:
    job = bench.start(FAMILY)
    pid = family(bench)[0]
    bench.restart()
    os.kill(pid, signal.SIGKILL)
    assert bench.ended(job).exit_status == 137


def test_a_restarted_controller_learns_how_a_job_ended_meanwhile(bench: Bench) -> None:
    job = bench.start("raise SystemExit(7)")
    bench.backend.close()
    wait_for_file(job.attempt.exit_file)
    bench.backend = bench.world.make()
    assert bench.ended(job).exit_status == 7


def test_an_adopted_job_keeps_its_place(bench: Bench) -> None:
    jobs = [bench.start(SLEEP, "sim_0")]
    before = jobs[0].place
    bench.restart()
    second = bench.start(SLEEP, "sim_1", jobs)
    assert (before == second.place, bool(before.label)) in ((True, False), (False, True))
