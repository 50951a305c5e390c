"""The jobs of a search on a cluster: where there is room, what is submitted, asked, cancelled and taken back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from fake_search import FakeClock

from hpsearch.backends.base import LogFile
from hpsearch.backends.cluster import backend as backend_module
from hpsearch.backends.cluster.backend import ClusterBackend
from hpsearch.backends.cluster.client import FORGOTTEN
from hpsearch.backends.scheduler import ClusterWishes, Command, JobRow, Scheduler, Submission
from hpsearch.backends.shell import Answer
from hpsearch.core.errors import BackendError, SubmissionDelayed, SubmissionRefused, SubmissionUnsure
from hpsearch.core.model import Attempt, Configuration, Job, JobPhase, Place, Run, RunState, Status

QUEUED, RUNNING = Status(JobPhase.QUEUED), Status(JobPhase.RUNNING)
NEVER = Status(JobPhase.ENDED, None, RunState.FAILED, "no such node")
#: No descriptor: `Waits` looks at none.
ALARM = -1


@dataclass
class Site(Scheduler):
    """A scheduler whose answers the test gives; its commands do nothing.

    version: the command that shows that it is there. says: the rows of its answers in turn, the last again and again;
    None = it does not answer. accepts: what it answers to submissions in turn. done: what it was asked and told.
    """

    version: Sequence[str] = ("true",)
    says: list[Sequence[JobRow] | None] = field(default_factory=lambda: [[]])
    accepts: list[str | Exception] = field(default_factory=lambda: ["7", "8", "9"])
    can_widen: bool = True
    done: list[tuple[object, ...]] = field(default_factory=list)
    submitted: list[Submission] = field(default_factory=list)
    script: str = ""

    name, index_variable, remedy, writes_output_live = "Site", "MEMBER", "load the module site", True

    def _do(self, *words: object) -> Command:
        self.done.append(words)
        return Command(["true"])

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        return dict(environ)

    def version_command(self) -> Command:
        return Command(self.version)

    def check_version(self, answer: Answer) -> None:
        if answer.stdout:
            raise BackendError(f"{answer.stdout.strip()} is too old")

    def submit_command(self, submission: Submission, script: str, wishes: ClusterWishes) -> Command:
        self.submitted.append(submission)
        self.script = script
        return Command(["true"])

    def submitted_id(self, answer: Answer) -> str:
        accepted = self.accepts.pop(0)
        if isinstance(accepted, Exception):
            raise accepted
        return accepted

    def array_member(self, array: str, number: int) -> str:
        return f"{array}_{number}"

    def array_of(self, job_id: str) -> str | None:
        return job_id.partition("_")[0] if "_" in job_id else None

    def throttle_command(self, array: str, at_once: int) -> Command | None:
        return self._do("throttle", array, at_once) if self.can_widen else None

    def array_limit_command(self) -> Command | None:
        return None

    def array_limit(self, answer: Answer | None) -> int:
        return 50

    def query_command(self, ids: Sequence[str]) -> Command:
        return self._do("ask", *ids)

    def own_jobs_command(self) -> Command:
        return self._do("list")

    def rows(self, answer: Answer) -> Sequence[JobRow] | None:
        return self.says.pop(0) if len(self.says) > 1 else self.says[0]

    def cancel_command(self, ids: Sequence[str], at_once: bool) -> Command:
        return self._do("kill" if at_once else "cancel", *ids)

    def log_files(self, job: Job) -> Sequence[LogFile]:
        return []


@dataclass
class Waits:
    """Takes the place of all waiting: the clock goes on at once. alarm: it rings during each wait."""

    clock: FakeClock
    seconds: list[float | None] = field(default_factory=list)
    alarm: bool = False

    def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self.clock.go_on(seconds)

    def register(self, descriptor: int, events: int) -> None:
        """Listen to the alarm."""

    def poll(self, milliseconds: float | None) -> list[int]:
        if milliseconds is None:
            self.seconds.append(None)
        elif milliseconds:
            self.sleep(milliseconds / 1000)
        return [ALARM] if self.alarm else []


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Waits:
    made = Waits(FakeClock())
    # Only in this module: whoever runs a command waits for it really.
    monkeypatch.setattr(backend_module, "select", SimpleNamespace(poll=lambda: made, POLLIN=1))
    monkeypatch.setattr(backend_module, "time", made)
    return made


@pytest.fixture
def told() -> list[str]:
    """Return what people were told."""
    return []


@pytest.fixture
def attempts(tmp_path: Path) -> list[Attempt]:
    """Return the attempts of three runs."""
    for name in ("logs", "exits"):
        (tmp_path / name).mkdir()
    runs = [Run(number, f"sim_{number}", Configuration(()), f"sim_{number}") for number in (1, 2, 3)]
    names = [(run, f"{run.folder}.1.abc") for run in runs]
    return [
        Attempt(run, 1, token, ("train",), tmp_path, tmp_path / "exits" / token, tmp_path / "logs")
        for run, token in names
    ]


def backend_of(
    site: Site, waits: Waits | None = None, told: list[str] | None = None, **wishes: object
) -> ClusterBackend:
    clock = waits.clock if waits else FakeClock()
    tell = (told if told is not None else []).append
    wished = ClusterWishes(**wishes)  # type: ignore[arg-type]
    return ClusterBackend(site, wished, tell, {"PATH": "/usr/bin:/bin"}, lambda: clock.steady_s)


def jobs_of(attempts: Sequence[Attempt], *ids: str) -> list[Job]:
    """Return a job for each id."""
    return [Job(attempt, job_id, Place(), 0.0) for attempt, job_id in zip(attempts, ids)]


def row(job: Job, status: Status = RUNNING, trouble: str = "", is_hopeless: bool = False) -> JobRow:
    return JobRow(job.id, job.attempt.token, status, trouble=trouble, is_hopeless=is_hopeless)


# Whether it is there


def test_a_scheduler_that_is_not_there_is_told_with_its_remedy() -> None:
    with pytest.raises(BackendError, match="/no/such/command") as caught:
        backend_of(Site(version=("/no/such/command",))).check()
    assert str(caught.value) == f"Site's {caught.value.__cause__}. Load the module site"


def test_a_version_that_will_not_do_is_told_with_the_command_that_said_so() -> None:
    with pytest.raises(BackendError, match=r"^site 1\.0 is too old \(.*echo.*\)$"):
        backend_of(Site(version=("echo", "site", "1.0"))).check()


class NamedSite(Site):
    """A scheduler that tells the name of its cluster."""

    def own_cluster_command(self) -> Command:
        return Command(["echo", "main"])

    def own_cluster(self, answer: Answer) -> str:
        return answer.stdout.strip()


def test_a_cluster_has_the_name_that_its_scheduler_tells_or_none() -> None:
    assert (backend_of(NamedSite()).own_cluster, backend_of(Site()).own_cluster) == ("main", "")


# Whether there is room


@pytest.mark.parametrize(
    ("ids", "capacity"), [([], 3), (["7"], 3), (["7", "7"], 3), (["7", "8"], None), (["7", "8", "9"], None)]
)
def test_there_is_room_for_one_more_job_until_all_that_are_wished_for_are_there(
    attempts: list[Attempt], ids: list[str], capacity: int | None
) -> None:
    place = backend_of(Site(), jobs=2, runs_per_job=3).place(jobs_of(attempts, *ids))
    assert place == (None if capacity is None else Place(capacity=capacity))


@pytest.mark.parametrize(
    ("ids", "can_widen", "all_at_once", "capacity"),
    [
        ([], False, False, 50),
        (["7_1"], True, False, 50),
        (["7_1"], False, False, None),
        (["7_1", "7_2"], True, False, None),
        (["7_1", "7_2"], False, True, 50),
    ],
)
def test_an_array_starts_beside_others_only_where_it_may_grow_or_waits_for_them(
    attempts: list[Attempt], ids: list[str], can_widen: bool, all_at_once: bool, capacity: int | None
) -> None:
    backend = backend_of(Site(can_widen=can_widen), jobs=2, as_arrays=True, all_at_once=all_at_once)
    assert backend.place(jobs_of(attempts, *ids)) == (None if capacity is None else Place(capacity=capacity))


# What is submitted


def test_a_single_run_is_submitted_under_its_own_name_with_the_script_that_lies_there(attempts: list[Attempt]) -> None:
    site = Site()
    assert backend_of(site).submit(attempts[:1], Place()) == ["7"]
    (submission,) = site.submitted
    assert (submission.name, submission.label, submission.is_array) == ("sim_1.1.abc", "sim_1", False)
    assert site.script == submission.script.read_text()


def test_runs_that_share_a_job_are_labelled_by_the_first_and_the_last(attempts: list[Attempt]) -> None:
    site = Site()
    assert backend_of(site, runs_per_job=3).submit(attempts, Place()) == ["7", "7", "7"]
    (submission,) = site.submitted
    assert (submission.label, submission.jobs) == ("sim_1-3", (tuple(attempts),))
    assert re.fullmatch(r"sim_1\.batch\.[0-9a-f]{8}", submission.name)


def test_the_members_of_an_array_have_an_id_for_all_runs_of_each(attempts: list[Attempt]) -> None:
    backend = backend_of(Site(), as_arrays=True, runs_per_job=2)
    assert backend.submit(attempts, Place()) == ["7_1", "7_1", "7_2"]


def test_an_array_may_have_as_many_jobs_at_once_as_others_leave_free(attempts: list[Attempt]) -> None:
    site = Site()
    backend = backend_of(site, as_arrays=True, jobs=5)
    backend.place(jobs_of(attempts, "4_1", "4_2"))
    backend.submit(attempts[2:], Place())
    assert [(one.at_once, one.after) for one in site.submitted] == [(3, None)]


def test_of_arrays_that_are_submitted_all_at_once_each_waits_for_the_one_before(attempts: list[Attempt]) -> None:
    site = Site()
    backend = backend_of(site, as_arrays=True, all_at_once=True, jobs=2)
    for attempt in attempts:
        backend.submit([attempt], Place())
    assert [(one.at_once, one.after) for one in site.submitted] == [(2, None), (2, "7"), (2, "8")]


@pytest.mark.parametrize("answer", [SubmissionRefused("no such queue"), SubmissionDelayed("busy")])
def test_a_submission_that_is_not_taken_leaves_no_script(attempts: list[Attempt], answer: Exception) -> None:
    with pytest.raises(type(answer), match=str(answer)):
        backend_of(Site(accepts=[answer])).submit(attempts[:1], Place())
    assert list(attempts[0].log_folder.iterdir()) == []


def test_a_refusal_tells_the_command_that_was_refused(attempts: list[Attempt]) -> None:
    backend, refusal = backend_of(Site(accepts=[SubmissionRefused("no")])), "no"
    with pytest.raises(SubmissionRefused, match=refusal) as caught:
        backend.submit(attempts[:1], Place())
    assert (caught.value.asked, "true" in caught.value.asked) == (backend.conversation.last, True)


def test_an_answer_that_is_no_id_is_unclear_and_the_script_stays(attempts: list[Attempt]) -> None:
    with pytest.raises(SubmissionUnsure) as caught:
        backend_of(Site(accepts=["-7"])).submit(attempts[:1], Place())
    assert str(caught.value) == "Site named the job '-7', which is no id"
    assert [path.name for path in attempts[0].log_folder.iterdir()] == ["sim_1.1.abc.sh"]


def test_scripts_that_cannot_be_written_delay_a_submission(attempts: list[Attempt]) -> None:
    site, folder = Site(), attempts[0].log_folder
    folder.rmdir()
    with pytest.raises(SubmissionDelayed) as caught:
        backend_of(site).submit(attempts[:1], Place())
    assert str(caught.value) == f"{folder}/sim_1.1.abc.sh: cannot be written (No such file or directory)"
    assert site.submitted == []


# What became of submissions without a clear answer


def test_an_attempt_is_found_by_its_name_and_one_that_the_scheduler_forgot_by_its_exit_file(
    attempts: list[Attempt],
) -> None:
    first, second, _ = attempts
    second.exit_file.write_text("0 0 1 2 host\n")
    found = backend_of(Site(says=[[JobRow("7", first.token, QUEUED)]])).find([first, second])
    assert found == {first.token: "7", second.token: FORGOTTEN}


def test_a_missing_attempt_is_asked_for_once_more_before_its_script_goes(attempts: list[Attempt]) -> None:
    backend, script = backend_of(Site()), attempts[0].log_folder / "sim_1.1.abc.sh"
    script.touch()
    with pytest.raises(SubmissionUnsure, match=r"^Site does not know 1 of them; asking once more to be sure$"):
        backend.find(attempts[:1])
    assert script.exists()
    assert backend.find(attempts[:1]) == {}
    assert not script.exists()


def test_nothing_is_known_of_submissions_while_the_scheduler_is_silent(attempts: list[Attempt]) -> None:
    with pytest.raises(SubmissionUnsure, match=r"^Site does not answer$"):
        backend_of(Site(says=[None])).find(attempts)


# What becomes of jobs


def test_the_scheduler_is_asked_when_it_is_time_and_exit_files_are_looked_at_before(
    attempts: list[Attempt], waits: Waits
) -> None:
    first, second = jobs_of(attempts, "7", "8")
    site = Site(says=[[row(second)]])
    backend = backend_of(site, waits)
    first.attempt.exit_file.write_text("0 0 1 2 host\n")
    assert backend.poll([first, second])[first.attempt.token].exit_status == 0
    assert site.done == []
    waits.clock.go_on(2)
    assert backend.poll([second]) == {second.attempt.token: RUNNING}
    assert site.done == [("ask", "8")]


def test_an_array_grows_when_a_job_beside_it_has_ended(attempts: list[Attempt], waits: Waits) -> None:
    site = Site()
    backend = backend_of(site, waits, jobs=2, as_arrays=True)
    backend.place(jobs_of(attempts, "5"))
    pair = jobs_of(attempts[1:], *backend.submit(attempts[1:], Place()))
    other = jobs_of(attempts, "5")
    backend.poll([*other, *pair])
    assert ("throttle", "7", 2) not in site.done
    other[0].attempt.exit_file.write_text("0 0 1 2 host\n")
    backend.poll([*other, *pair])
    assert ("throttle", "7", 2) in site.done


def test_jobs_that_never_would_start_are_cancelled_and_no_more_are_submitted(
    attempts: list[Attempt], waits: Waits
) -> None:
    first, second, third = jobs_of(attempts, "7", "8", "9")
    site = Site(says=[[row(first, NEVER, "no node", True), row(second, NEVER, "no queue", True), row(third)]])
    backend = backend_of(site, waits)
    waits.clock.go_on(2)
    backend.poll([first, second, third])
    assert site.done == [("ask", "7", "8", "9"), ("cancel", "7", "8")]
    with pytest.raises(SubmissionRefused, match=r"^no node$"):
        backend.submit(attempts[2:], Place())


def test_a_job_that_is_lost_before_its_start_speaks_of_no_other(attempts: list[Attempt], waits: Waits) -> None:
    (job,) = jobs_of(attempts, "7")
    lost = Status(JobPhase.ENDED, None, RunState.LOST, "held")
    backend = backend_of(Site(says=[[row(job, lost, "held", True)]]), waits)
    waits.clock.go_on(2)
    backend.poll([job])
    assert backend.submit(attempts[1:2], Place()) == ["7"]


def test_a_silent_scheduler_is_told_of_and_ends_no_job(attempts: list[Attempt], waits: Waits, told: list[str]) -> None:
    (job,) = jobs_of(attempts, "7")
    backend = backend_of(Site(says=[None]), waits, told)
    waits.clock.go_on(2)
    assert backend.poll([job]) == {job.attempt.token: QUEUED}
    (warning,) = told
    assert warning.startswith("warning: Site does not answer (it gives no answer); running jobs continue")


def test_looks_at_exit_files_come_later_and_later_while_nothing_happens(attempts: list[Attempt], waits: Waits) -> None:
    (job,) = jobs_of(attempts, "7")
    backend = backend_of(Site(), waits)
    for _ in range(3):
        backend.wait([job], None, ALARM)
        backend.poll([job])
    job.attempt.exit_file.write_text("3 0 1 2 host\n")
    backend.poll([job])
    backend.wait([job], None, ALARM)
    assert waits.seconds == pytest.approx([0.05, 0.065, 0.0845, 0.05])


def test_without_jobs_only_the_alarm_and_the_given_time_end_a_wait(waits: Waits) -> None:
    backend = backend_of(Site(), waits)
    backend.wait([], None, ALARM)
    backend.wait([], 30.0, ALARM)
    assert waits.seconds == [None, 30.0]


# Cancelling


def test_jobs_are_cancelled_once_and_waited_for_until_they_are_gone(attempts: list[Attempt], waits: Waits) -> None:
    first, second = jobs_of(attempts, "7", "8")
    site = Site(says=[[row(first), row(second)], [row(second)], [row(second)], []])
    backend_of(site, waits).cancel([first, second], ALARM)
    asked = [("ask", "7", "8"), ("ask", "8"), ("ask", "8")]
    assert site.done == [("ask", "7", "8"), ("cancel", "7", "8"), *asked]
    assert waits.seconds == pytest.approx([0.1, 0.15, 0.225])


def test_a_job_that_does_not_end_is_given_up_after_a_minute_and_a_half(attempts: list[Attempt], waits: Waits) -> None:
    (job,) = jobs_of(attempts, "7")
    site, began_s = Site(says=[[row(job)]]), waits.clock.steady_s
    backend_of(site, waits).cancel([job], ALARM)
    assert 90 <= waits.clock.steady_s - began_s <= 92
    assert [words for words in site.done if words[0] != "ask"] == [("cancel", "7")]


def test_an_impatient_user_has_the_jobs_killed_at_once(attempts: list[Attempt], waits: Waits) -> None:
    (job,) = jobs_of(attempts, "7")
    site, waits.alarm = Site(says=[[row(job)], []]), True
    backend_of(site, waits).cancel([job], ALARM)
    assert site.done == [("ask", "7"), ("cancel", "7"), ("kill", "7"), ("ask", "7")]


def test_jobs_are_cancelled_again_after_a_scheduler_was_silent(attempts: list[Attempt], waits: Waits) -> None:
    (job,) = jobs_of(attempts, "7")
    site = Site(says=[[row(job)], None, [row(job)], []])
    backend_of(site, waits).cancel([job], ALARM)
    ask, cancel = ("ask", "7"), ("cancel", "7")
    assert site.done == [ask, cancel, ask, ask, cancel, ask]


def test_only_jobs_that_still_have_their_names_are_told_to_stop(attempts: list[Attempt], waits: Waits) -> None:
    first, second = jobs_of(attempts, "7", "8")
    site = Site(says=[[row(first), JobRow("8", "someone's", RUNNING)]])
    assert backend_of(site, waits).stop([first, second]) == {first.attempt.token}
    assert site.done == [("ask", "7", "8"), ("cancel", "7")]


def test_jobs_are_named_for_people_by_their_arrays() -> None:
    backend = backend_of(Site())
    assert (backend.submissions_of(["7_1", "7_2"]), backend.submissions_of(["8", "9"])) == ("array job 7", "jobs 8, 9")


# Taking back


def test_waiting_jobs_are_taken_back_one_after_another_and_running_ones_left_alone(
    attempts: list[Attempt], waits: Waits
) -> None:
    jobs = jobs_of(attempts, "7", "8", "9")
    first, second, third = jobs
    waiting = [row(first, QUEUED), row(second, QUEUED), row(third)]
    site = Site(says=[waiting, [row(second, QUEUED)], []])
    assert backend_of(site, waits).take_back(jobs, ALARM) == {first.attempt.token, second.attempt.token}
    assert site.done == [("ask", "7", "8", "9"), ("cancel", "7", "8"), ("ask", "7", "8"), ("ask", "8")]
    assert waits.seconds == pytest.approx([0.1])


def test_a_job_that_starts_at_that_moment_is_not_taken_back(attempts: list[Attempt], waits: Waits) -> None:
    first, second = jobs_of(attempts, "7", "8")
    site = Site(says=[[row(first, QUEUED), row(second, QUEUED)], [row(second)]])
    assert backend_of(site, waits).take_back([first, second], ALARM) == {first.attempt.token}
    assert waits.seconds == []


def test_a_job_that_has_run_at_that_moment_is_not_taken_back(attempts: list[Attempt], waits: Waits) -> None:
    (job,) = jobs_of(attempts, "7")
    job.attempt.exit_file.write_text("0 0 1 2 host\n")
    assert backend_of(Site(says=[[row(job, QUEUED)], []]), waits).take_back([job], ALARM) == set()


def test_the_alarm_ends_the_wait_for_jobs_that_are_taken_back(attempts: list[Attempt], waits: Waits) -> None:
    (job,) = jobs_of(attempts, "7")
    waits.alarm = True
    assert backend_of(Site(says=[[row(job, QUEUED)]]), waits).take_back([job], ALARM) == set()
    assert waits.seconds == pytest.approx([0.1])
