"""Which rows of a scheduler's answer are about a search's jobs, and what they mean."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import pytest

from hpsearch.backends.cluster.jobs import ClusterJobs
from hpsearch.backends.cluster.lsf import Lsf, LsfWishes
from hpsearch.backends.cluster.script import scripts_for, write_scripts
from hpsearch.backends.cluster.slurm import Slurm, SlurmWishes
from hpsearch.backends.cluster.submission_names import SubmissionNames
from hpsearch.backends.scheduler import BATCH_MARK, ClusterWishes, JobRow, Submission
from hpsearch.core.model import Attempt, Configuration, Job, JobPhase, Place, Run, RunState, Status

RUNNING, QUEUED = Status(JobPhase.RUNNING), Status(JobPhase.QUEUED)
CANCELLED = Status(JobPhase.ENDED, None, RunState.CANCELLED, "Slurm: CANCELLED")


@pytest.fixture
def jobs() -> ClusterJobs:
    """Return no jobs yet; between two polls, enough time passes for everything that is waited for."""
    return ClusterJobs(Slurm(SlurmWishes()), 60, count(1000.0, 31.0).__next__)


def attempt(folder: Path, number: int = 1) -> Attempt:
    for name in ("logs", "exits"):
        (folder / name).mkdir(exist_ok=True)
    name = f"sim_{number}"
    run = Run(number, name, Configuration(()), name)
    token = f"{name}.1.abc"
    return Attempt(run, 1, token, ("train",), folder, folder / "exits" / token, folder / "logs")


def single(folder: Path) -> Job:
    return Job(attempt(folder), "7", Place(), 0)


def array(folder: Path, jobs: ClusterJobs, size: int = 2) -> list[Job]:
    """Return the jobs of an array `b` that was submitted as 7."""
    attempts = [attempt(folder, number) for number in range(1, size + 1)]
    jobs.names.remember(Submission("b", "b", folder / "logs", tuple((one,) for one in attempts), is_array=True))
    return [Job(one, f"7_{one.run.number}", Place(), 0) for one in attempts]


@pytest.mark.parametrize(
    "job_id, name, own",
    [("7", "sim_1.1.abc", True), ("7", "", True), ("8", "sim_1.1.abc", False), ("7", "(null)", False)],
)
def test_a_row_tells_of_a_job_by_its_id_and_name(
    jobs: ClusterJobs, tmp_path: Path, job_id: str, name: str, own: bool
) -> None:
    row = JobRow(job_id, name, RUNNING)
    assert jobs.names.own_rows([single(tmp_path)], [row]) == ({"7": row} if own else {})


@pytest.mark.parametrize("label, own", [("sim_1", True), (None, True), ("sim_12", False), ("", False), ("x", False)])
def test_a_row_of_the_history_tells_of_a_job_only_with_its_label(
    jobs: ClusterJobs, tmp_path: Path, label: str | None, own: bool
) -> None:
    row = JobRow("7", "", CANCELLED, label=label)
    assert jobs.names.own_rows([single(tmp_path)], [row]) == ({"7": row} if own else {})


@pytest.mark.parametrize("label, own", [("b", True), ("b-2", True), ("bb", False)])
def test_a_row_of_the_history_tells_of_an_array_with_its_label(
    jobs: ClusterJobs, tmp_path: Path, label: str, own: bool
) -> None:
    attempts = [attempt(tmp_path, number) for number in (1, 2)]
    batch = Submission("b.batch.ff", "b-2", tmp_path / "logs", tuple((one,) for one in attempts), is_array=True)
    jobs.names.remember(batch)
    row = JobRow("7_1", "", CANCELLED, 1, label=label)
    assert jobs.names.own_rows([Job(attempts[0], "7_1", Place(), 0)], [row]) == ({"7_1": row} if own else {})


@pytest.mark.parametrize("name, own", [("sim_1.1.abc", True), ("", True), ("other", False)])
def test_an_id_that_went_to_another_job_is_not_to_be_cancelled(
    jobs: ClusterJobs, tmp_path: Path, name: str, own: bool
) -> None:
    job = single(tmp_path)
    assert jobs.names.not_given_away([job], [JobRow("7", name, RUNNING)]) == ([job] if own else [])


def test_a_job_that_is_not_told_of_may_be_cancelled(jobs: ClusterJobs, tmp_path: Path) -> None:
    job = single(tmp_path)
    assert jobs.names.not_given_away([job], []) == [job]


@pytest.mark.parametrize("has_output, cause", [(True, RunState.CANCELLED), (False, RunState.LOST)])
def test_a_job_cancelled_without_any_output_could_not_be_started(
    jobs: ClusterJobs, tmp_path: Path, has_output: bool, cause: RunState
) -> None:
    job = single(tmp_path)
    (job.attempt.log_folder / f"{job.attempt.token if has_output else 'other'}.out").touch()
    jobs.take_in([job], [JobRow("7", job.attempt.token, CANCELLED, may_be_unstarted=True)])
    assert jobs.statuses([job])[job.attempt.token].cause is cause


def test_the_output_of_another_task_does_not_mean_that_this_one_started(jobs: ClusterJobs, tmp_path: Path) -> None:
    pair = array(tmp_path, jobs)
    for name in ("b", pair[0].attempt.token):
        (tmp_path / "logs" / f"{name}.out").touch()
    jobs.take_in(pair, [JobRow(f"7_{n}", "b", CANCELLED, n, may_be_unstarted=True) for n in (1, 2)])
    ends = [(status.cause, status.reason) for status in jobs.statuses(pair).values()]
    assert ends == [(RunState.CANCELLED, "Slurm: CANCELLED"), (RunState.LOST, "its node could not start it")]


def test_a_task_that_leaves_its_array_while_it_waits_was_cancelled(jobs: ClusterJobs, tmp_path: Path) -> None:
    pair = array(tmp_path, jobs)
    jobs.take_in(pair, [JobRow("7_1", "b", RUNNING, 1), JobRow("7_2", "b", QUEUED, 2)])
    for _ in range(2):
        # The first task is collected already: its row still shows that the array is known.
        jobs.take_in(pair[1:], [JobRow("7_1", "b", RUNNING, 1)])
    end = Status(JobPhase.ENDED, None, RunState.CANCELLED, "it was removed from its array before it started")
    assert jobs.statuses(pair[1:])[pair[1].attempt.token] == end


def test_a_job_of_an_earlier_controller_is_known_by_its_script(jobs: ClusterJobs, tmp_path: Path) -> None:
    one = attempt(tmp_path)
    (tmp_path / "logs" / "sim_1.batch.ff.sh").write_bytes(
        f"cd /\udcff\n#RUN 3 {one.token}\n".encode("utf-8", "surrogateescape")
    )
    rows = [JobRow("7_2", "sim_1.batch.ff", RUNNING, 2), JobRow("7_3", "sim_1.batch.ff", RUNNING, 3)]
    assert jobs.names.found([one], rows) == {one.token: "7_3"}


def test_an_end_that_the_scheduler_has_to_explain_makes_the_next_question_come_soon(
    jobs: ClusterJobs, tmp_path: Path
) -> None:
    job = single(tmp_path)
    for _ in range(20):
        jobs.schedule.asked(1000.0, has_news=False)
    job.attempt.exit_file.write_text("143 1 100 200 host\n")
    jobs.look([job])
    assert jobs.schedule.seconds_left(1000.0) <= 1


@pytest.mark.parametrize("folder", ["exits", "logs"])
def test_a_folder_that_cannot_be_listed_tells_nothing(jobs: ClusterJobs, tmp_path: Path, folder: str) -> None:
    job = single(tmp_path)
    (tmp_path / folder).rmdir()
    assert jobs.look([job]) is False
    jobs.take_in([job], [JobRow("7", "sim_1.1.abc", CANCELLED, may_be_unstarted=True)])
    assert jobs.statuses([job])[job.attempt.token].phase is JobPhase.ENDED


def test_news_of_one_job_is_news_whatever_is_known_of_the_next(jobs: ClusterJobs, tmp_path: Path) -> None:
    pair = array(tmp_path, jobs)
    rows = [JobRow("7_1", "b", RUNNING, 1), JobRow("7_2", "b", QUEUED, 2)]
    assert [jobs.take_in(pair, rows) for _ in range(2)] == [True, False]


@pytest.mark.parametrize(
    "exit_note, is_open", [(None, True), ("0 0 1 2 host", False), ("3 0 1 2 host", True), ("143 1 1 2 host", True)]
)
def test_the_schedulers_word_is_needed_unless_a_run_has_ended_well(
    jobs: ClusterJobs, tmp_path: Path, exit_note: str | None, is_open: bool
) -> None:
    job = single(tmp_path)
    if exit_note is not None:
        job.attempt.exit_file.write_text(f"{exit_note}\n")
    jobs.look([job])
    assert jobs.still_open([job]) == ([job] if is_open else [])


@pytest.mark.parametrize("note, waits", [("0 0 1 2 host\n", False), ("3 0 1 2 host\n", True)])
def test_a_run_that_ended_badly_makes_all_wait_for_the_cause(
    jobs: ClusterJobs, tmp_path: Path, note: str, waits: bool
) -> None:
    job, other = single(tmp_path), Job(attempt(tmp_path, 2), "8", Place(), 0)
    job.attempt.exit_file.write_text(note)
    jobs.look([job, other])
    assert jobs.wait_for_cause([other, job]) is waits


def test_a_cancelled_job_that_is_gone_without_a_trace_was_cancelled(jobs: ClusterJobs, tmp_path: Path) -> None:
    job = single(tmp_path)
    assert jobs.gone([job], []) == {job.attempt.token}
    assert jobs.statuses([job]) == {job.attempt.token: Status(JobPhase.ENDED, None, RunState.CANCELLED)}


def test_a_cancelled_job_that_is_gone_keeps_the_exit_status_that_it_left(jobs: ClusterJobs, tmp_path: Path) -> None:
    job = single(tmp_path)
    job.attempt.exit_file.write_text("0 0 1 2 host\n")
    assert jobs.gone([job], []) == {job.attempt.token}
    assert jobs.statuses([job])[job.attempt.token].exit_status == 0


@pytest.mark.parametrize(
    "is_elsewhere, has_exit_file, is_gone",
    [(False, False, False), (False, True, False), (True, False, False), (True, True, True)],
)
def test_a_cancelled_job_that_another_cluster_took_over_is_gone_with_its_exit_file(
    jobs: ClusterJobs, tmp_path: Path, is_elsewhere: bool, has_exit_file: bool, is_gone: bool
) -> None:
    job = single(tmp_path)
    if has_exit_file:
        job.attempt.exit_file.write_text("0 0 1 2 host\n")
    row = JobRow("7", job.attempt.token, RUNNING, is_elsewhere=is_elsewhere)
    assert bool(jobs.gone([job], [row])) is is_gone


# Jobs that failed without leaving their exit status

EXIT_127 = Status(JobPhase.ENDED, 127)
REPORT = "Sender: LSF System <lsf@n1>\n\nExited with exit code 127.\n\nThe output (if any) follows:\n\n{}\n\n"


@dataclass
class StoppedClock:
    """A clock that tests move."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def lsf_jobs(clock: StoppedClock) -> ClusterJobs:
    return ClusterJobs(Lsf(LsfWishes()), 60, clock)


def told(jobs: ClusterJobs, job: Job, status: Status) -> Status | None:
    """Return what is known of a job after this answer of the scheduler."""
    jobs.take_in([job], [JobRow(job.id, "", status)])
    return jobs.statuses([job]).get(job.attempt.token)


def test_a_job_with_a_report_and_no_output_has_not_begun_and_is_told_at_once(tmp_path: Path) -> None:
    job = single(tmp_path)
    (job.attempt.log_folder / f"{job.attempt.token}.lsf").write_text(REPORT.format("bash: not found"))
    reason = "LSF: exit code 127; it never started: bash: not found"
    assert told(lsf_jobs(StoppedClock()), job, EXIT_127) == replace(EXIT_127, reason=reason)


@pytest.mark.parametrize(
    "files, left",
    [([], "no output and no exit status"), ([".out"], "no exit status"), ([".out", ".lsf"], "no exit status")],
)
def test_a_failed_job_that_may_have_begun_is_waited_for_and_told_with_what_it_left(
    tmp_path: Path, files: list[str], left: str
) -> None:
    # A network file system may show its files late.
    job, clock = single(tmp_path), StoppedClock()
    for ending in files:
        (job.attempt.log_folder / f"{job.attempt.token}{ending}").touch()
    jobs = lsf_jobs(clock)
    assert told(jobs, job, EXIT_127) is None
    clock.now += 30
    known = jobs.statuses([job])[job.attempt.token]
    assert (known.phase, known.reason) == (JobPhase.ENDED, f"LSF: exit code 127; it left {left}")


def test_a_report_of_several_runs_is_named_as_their_log(tmp_path: Path) -> None:
    jobs, attempts = lsf_jobs(StoppedClock()), [attempt(tmp_path, number) for number in (1, 2)]
    jobs.names.remember(Submission("b", "b", tmp_path / "logs", (tuple(attempts),)))
    report = tmp_path / "logs" / "b.lsf"
    report.write_text(REPORT.format("no bash"))
    known = told(jobs, Job(attempts[0], "7", Place(), 0), EXIT_127)
    assert known is not None
    assert known.reason == f"LSF: exit code 127; it never started: no bash (report: {report})"


def test_a_report_that_is_no_utf_8_is_read_all_the_same(tmp_path: Path) -> None:
    job = single(tmp_path)
    report = job.attempt.log_folder / f"{job.attempt.token}.lsf"
    report.write_bytes(REPORT.format("X: nicht gefunden").encode().replace(b"X", b"\xe4"))
    known = told(lsf_jobs(StoppedClock()), job, EXIT_127)
    assert known is not None
    assert known.reason == "LSF: exit code 127; it never started: \ufffd: nicht gefunden"


def test_a_script_that_cannot_be_read_tells_of_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = attempt(tmp_path)
    (tmp_path / "logs" / f"sim_1{BATCH_MARK}ff.sh").write_text(f"#RUN 3 {one.token}\n")

    def refuse(*_: object, **__: object) -> str:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "read_text", refuse)
    assert SubmissionNames().of(one) == (one.token, None)


def test_each_member_of_an_array_has_its_own_report(tmp_path: Path) -> None:
    jobs = lsf_jobs(StoppedClock())
    pair = array(tmp_path, jobs)
    logs = [[(log.path.name, log.final_name) for log in jobs.own_reports(job)] for job in pair]
    assert [of_one[0] for of_one in logs] == [("b.lsf.1", "job_sim_1.lsf"), ("b.lsf.2", "job_sim_2.lsf")]


def test_a_failure_of_slurm_that_left_nothing_is_told_so(tmp_path: Path) -> None:
    job, clock = single(tmp_path), StoppedClock()
    jobs = ClusterJobs(Slurm(SlurmWishes()), 60, clock)
    assert told(jobs, job, Status(JobPhase.ENDED, reason="Slurm: FAILED (JobLaunchFailure)")) is None
    clock.now += 30
    reason = jobs.statuses([job])[job.attempt.token].reason
    assert reason == "Slurm: FAILED (JobLaunchFailure); it left no output and no exit status"


def test_a_job_that_ended_well_gets_no_such_words(tmp_path: Path) -> None:
    job, clock = single(tmp_path), StoppedClock()
    jobs = lsf_jobs(clock)
    told(jobs, job, Status(JobPhase.ENDED, 0))
    clock.now += 30
    assert jobs.statuses([job])[job.attempt.token] == Status(JobPhase.ENDED, 0)


@pytest.mark.parametrize("has_scripts", [True, False])
def test_submissions_of_which_nothing_is_left_are_forgotten_and_told_again_by_their_scripts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_scripts: bool
) -> None:
    monkeypatch.setattr("hpsearch.backends.cluster.submission_names._ENDED_KEPT", 2)
    known, attempts = SubmissionNames(), [attempt(tmp_path, number) for number in range(1, 6)]
    names = [f"sim_{number}{BATCH_MARK}0" for number in (1, 3)]
    for name, part in zip(names, (attempts[:2], attempts[2:])):
        submission = Submission(name, "b", tmp_path / "logs", tuple((one,) for one in part), is_array=True)
        known.remember(submission)
        write_scripts(scripts_for(submission, Slurm(SlurmWishes()), ClusterWishes(4)) if has_scripts else {})
    for one in attempts[:4]:
        known.has_ended(one.token)
    first = [(names[0], 1), (names[0], 2)] if has_scripts else [(one.token, None) for one in attempts[:2]]
    assert [known.of(one) for one in attempts] == [*first, *((names[1], k) for k in (1, 2, 3))]


def arrays(folder: Path, count: int) -> list[Submission]:
    """Write the scripts of arrays of two runs each."""
    attempts = [attempt(folder, number) for number in range(1, 2 * count + 1)]
    made = [
        Submission(f"{one.run.folder}{BATCH_MARK}0", "b", folder / "logs", ((one,), (other,)), is_array=True)
        for one, other in zip(attempts[::2], attempts[1::2])
    ]
    for submission in made:
        write_scripts(scripts_for(submission, Slurm(SlurmWishes()), ClusterWishes(4)))
    return made


def end(known: SubmissionNames, *submissions: Submission) -> None:
    for submission in submissions:
        for (one,) in submission.jobs:
            known.has_ended(one.token)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let submissions be forgotten after four ends, two at a time."""
    monkeypatch.setattr("hpsearch.backends.cluster.submission_names._ENDED_KEPT", 2)


def without_scripts(known: SubmissionNames, submissions: Sequence[Submission]) -> list[bool]:
    """Remove the scripts; return which submissions are known all the same."""
    for submission in submissions:
        submission.script.unlink()
    return [known.of(each.jobs[1][0]) == (each.name, 2) for each in submissions]


def test_a_look_at_all_scripts_for_an_unclear_submission_adds_nothing_twice(few: None, tmp_path: Path) -> None:
    known, (*clear, unclear) = SubmissionNames(), arrays(tmp_path, 4)
    for submission in clear:
        known.remember(submission)
    row = JobRow("7_1", unclear.name, QUEUED, number=1)
    assert known.found([unclear.jobs[0][0]], [row]) == {unclear.jobs[0][0].token: "7_1"}
    end(known, *clear)
    assert without_scripts(known, [*clear, unclear]) == [False, False, True, True]


def test_a_look_at_all_scripts_leaves_forgotten_submissions_alone(few: None, tmp_path: Path) -> None:
    known, submissions = SubmissionNames(), arrays(tmp_path, 3)
    old, newer, unclear = submissions
    known.remember(old)
    known.remember(newer)
    end(known, old, newer)
    assert known.of(unclear.jobs[0][0]) == (unclear.name, 1)
    assert without_scripts(known, submissions) == [False, True, True]


def test_a_forgotten_submission_that_is_asked_for_is_forgotten_again(few: None, tmp_path: Path) -> None:
    known, submissions = SubmissionNames(), arrays(tmp_path, 4)
    for submission in submissions:
        known.remember(submission)
    end(known, *submissions[:2])
    assert known.of(submissions[0].jobs[0][0]) == (submissions[0].name, 1)
    end(known, *submissions[2:])
    assert without_scripts(known, submissions) == [False, False, False, True]


def test_an_attempt_that_is_submitted_again_is_in_its_latest_submission_only(tmp_path: Path) -> None:
    known, (first,) = SubmissionNames(), arrays(tmp_path, 1)
    (one,), (other,) = first.jobs
    known.remember(first)
    known.remember(Submission("again", "b", tmp_path / "logs", ((one,),), is_array=True))
    assert [known.of(each) for each in (one, other)] == [("again", 1), (first.name, 2)]
    assert first.script in known.scripts_of([other])


def test_a_script_that_shows_late_is_believed_more_than_a_guess(tmp_path: Path) -> None:
    known, (one, other) = SubmissionNames(), [attempt(tmp_path, number) for number in (1, 2)]
    assert known.of(one) == (one.token, None)
    (submission,) = arrays(tmp_path, 1)
    assert [known.of(each) for each in (other, one)] == [(submission.name, 2), (submission.name, 1)]
