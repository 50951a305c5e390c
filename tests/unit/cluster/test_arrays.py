"""How large the next array may be, and how many of its jobs may run at once."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from fake_search import FakeClock

from hpsearch.backends.cluster.client import JobArrays
from hpsearch.backends.cluster.lsf import Lsf, LsfWishes
from hpsearch.backends.cluster.slurm import Slurm, SlurmWishes
from hpsearch.backends.scheduler import Command, Scheduler
from hpsearch.backends.shell import Answer
from hpsearch.core.errors import ArrayTooLarge, SubmitLimitReached

DONE, FAILED = Answer(0, "", ""), Answer(1, "", "slurm_update error: Unable to contact slurm controller\n")
LIMIT = SubmitLimitReached()


@dataclass
class Commands:
    """Answers commands in turn; the last answer stays."""

    answers: list[Answer]
    argvs: list[list[str]] = field(default_factory=list)

    def __call__(self, command: Command) -> Answer:
        self.argvs.append(list(command.argv))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def config(limit: int) -> Answer:
    return Answer(0, f"MaxArraySize            = {limit + 1}\n", "")


def arrays(*answers: Answer) -> JobArrays:
    return JobArrays(Slurm(SlurmWishes()), 4, Commands(list(answers)), lambda: 0.0)


def test_an_array_is_as_large_as_the_site_allows() -> None:
    assert arrays(config(250)).size == 250


def test_a_site_that_does_not_tell_its_limit_is_asked_again() -> None:
    sizes = arrays(FAILED, Answer(None, "", ""), config(40), FAILED)
    assert [sizes.size for _ in range(4)] == [1000, 1000, 40, 40]


def test_a_refusal_for_the_size_halves_the_next_array_and_success_lets_it_grow_back() -> None:
    sizes, seen = arrays(config(100)), []
    for _ in range(3):
        sizes.refused(sizes.size, LIMIT)
        seen.append(sizes.size)
    for _ in range(4):
        sizes.submitted("8", 4)
        seen.append(sizes.size)
    assert seen == [50, 25, 12, 24, 48, 96, 100]


def test_an_array_has_at_least_one_job() -> None:
    sizes = arrays(config(100))
    sizes.refused(2, LIMIT)
    assert (sizes.refused(1, LIMIT), sizes.size) == (LIMIT, 1)


def test_a_size_that_is_never_taken_is_not_tried_again() -> None:
    sizes = arrays(config(100))
    sizes.refused(100, ArrayTooLarge())
    sizes.submitted("8", 4)
    assert sizes.size == 50


def test_a_size_that_was_only_guessed_is_asked_for_again_when_it_is_refused() -> None:
    sizes = arrays(FAILED, config(100))
    sizes.refused(sizes.size, ArrayTooLarge())
    assert sizes.size == 100


def test_a_site_that_refuses_a_guess_and_tells_nothing_gets_half_as_many() -> None:
    sizes = arrays(FAILED)
    sizes.refused(sizes.size, ArrayTooLarge())
    sizes.submitted("8", 4)
    assert sizes.size == 500


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def throttle(clock: FakeClock, commands: Commands, scheduler: Scheduler | None = None) -> JobArrays:
    return JobArrays(scheduler or Slurm(SlurmWishes()), 4, commands, lambda: clock.steady_s)


def test_the_newest_array_is_widened_as_jobs_of_the_one_before_end(clock: FakeClock) -> None:
    commands = Commands([DONE])
    widths = throttle(clock, commands)
    widths.submitted("7", 4)
    widths.submitted("8", 1)
    for others in (["7_1", "7_2", "7_3"], ["7_1"], ["7_1"], []):
        widths.widen([*others, "8_1", "8_2", "8_3", "8_4"])
    assert [argv[-2:] for argv in commands.argvs] == [
        ["JobId=8", "ArrayTaskThrottle=3"],
        ["JobId=8", "ArrayTaskThrottle=4"],
    ]


def test_where_hundreds_run_the_newest_array_is_widened_by_several_jobs_at_once(clock: FakeClock) -> None:
    commands = Commands([DONE])
    widths = JobArrays(Slurm(SlurmWishes()), 320, commands, lambda: clock.steady_s)
    widths.submitted("7", 320)
    widths.submitted("8", 1)
    for others in range(319, 295, -1):
        widths.widen([*(f"7_{number}" for number in range(others)), *(f"8_{number}" for number in range(30))])
    assert [argv[-1] for argv in commands.argvs] == [
        "ArrayTaskThrottle=2",
        "ArrayTaskThrottle=12",
        "ArrayTaskThrottle=22",
    ]


def test_a_few_more_jobs_of_the_newest_array_start_after_some_seconds(clock: FakeClock) -> None:
    commands = Commands([DONE])
    widths = JobArrays(Slurm(SlurmWishes()), 320, commands, lambda: clock.steady_s)
    widths.submitted("7", 320)
    widths.submitted("8", 1)
    for others in (317, 316, 315):
        widths.widen([*(f"7_{number}" for number in range(others)), *(f"8_{number}" for number in range(30))])
        clock.go_on(6)
    assert [argv[-1] for argv in commands.argvs] == ["ArrayTaskThrottle=3", "ArrayTaskThrottle=5"]


def test_a_change_that_failed_is_tried_again_after_a_pause(clock: FakeClock) -> None:
    commands = Commands([FAILED, FAILED, Answer(None, "", ""), DONE])
    widths, times = throttle(clock, commands), []
    widths.submitted("8", 1)
    for _ in range(300):
        before = len(commands.argvs)
        widths.widen(["8_1", "8_2"])
        times += [clock.steady_s - 100] * (len(commands.argvs) - before)
        clock.go_on(1)
    assert times == [0, 2, 6, 14]
    assert all(argv[-1] == "ArrayTaskThrottle=4" for argv in commands.argvs)


def test_a_change_of_an_array_of_which_some_jobs_have_ended_is_believed(clock: FakeClock) -> None:
    # As Slurm 22.05 says it.
    commands = Commands([Answer(1, "", "8_1-2: Job has already finished\n8_3-6: No error\n")])
    widths = throttle(clock, commands)
    widths.submitted("8", 1)
    widths.widen(["8_3", "8_4"])
    clock.go_on(100)
    widths.widen(["8_3", "8_4"])
    assert len(commands.argvs) == 1


def test_an_array_that_has_ended_is_not_widened(clock: FakeClock) -> None:
    commands = Commands([DONE])
    widths = throttle(clock, commands)
    widths.submitted("8", 1)
    widths.widen(["7_1"])
    widths.widen([])
    assert commands.argvs == []


def test_an_array_stays_narrow_no_longer_than_the_next_one(clock: FakeClock) -> None:
    commands = Commands([FAILED, DONE])
    widths = throttle(clock, commands)
    widths.submitted("7", 1)
    widths.widen(["7_1", "7_2"])
    widths.submitted("8", 1)
    clock.go_on(100)
    for _ in range(3):
        widths.widen(["7_1", "7_2", "8_1"])
    # The first answer may have got lost on its way back: then all four may run already.
    assert [argv[-2:] for argv in commands.argvs] == [
        ["JobId=7", "ArrayTaskThrottle=4"],
        ["JobId=7", "ArrayTaskThrottle=3"],
    ]


def test_an_array_all_of_whose_jobs_run_is_not_widened(clock: FakeClock) -> None:
    commands = Commands([DONE])
    widths = throttle(clock, commands)
    widths.submitted("8", 2)
    widths.widen(["8_1", "8_2"])
    assert commands.argvs == []


def test_arrays_never_get_more_room_together_than_there_is(clock: FakeClock) -> None:
    commands = Commands([FAILED, DONE])
    widths = throttle(clock, commands)
    widths.submitted("7", 1)
    widths.submitted("8", 1)
    jobs = ["7_1", "7_2", "7_3", "8_1", "8_2", "8_3"]
    widths.widen(jobs)
    clock.go_on(100)
    widths.widen(jobs)
    clock.go_on(100)
    widths.widen(jobs)
    assert [argv[-2:] for argv in commands.argvs] == [
        ["JobId=7", "ArrayTaskThrottle=3"],
        ["JobId=7", "ArrayTaskThrottle=3"],
    ]


@pytest.mark.parametrize(
    "scheduler, ids, argv",
    [
        (Slurm(SlurmWishes()), ["8_1", "8_2"], ["scontrol", "update", "JobId=8", "ArrayTaskThrottle=4"]),
        (Slurm(SlurmWishes()), [f"8_{n}" for n in range(50)], ["scontrol", "update", "JobId=8", "ArrayTaskThrottle=4"]),
        (Lsf(LsfWishes()), ["8[1]", "8[2]"], ["bmod", "-J", "%4", "8"]),
    ],
)
def test_an_array_that_an_earlier_controller_left_narrow_is_widened_once(
    clock: FakeClock, scheduler: Scheduler, ids: list[str], argv: list[str]
) -> None:
    commands = Commands([DONE])
    widths = throttle(clock, commands, scheduler)
    for _ in range(3):
        widths.widen(ids)
    assert commands.argvs == [argv]


def test_several_arrays_of_an_earlier_controller_are_widened_once_all_their_jobs_fit(clock: FakeClock) -> None:
    commands = Commands([DONE])
    widths = throttle(clock, commands)
    for jobs in (["7_1", "7_2", "8_1", "8_2", "8_3"], *[["7_1", "7_2", "8_1", "8_2"]] * 3):
        widths.widen(jobs)
    assert [argv[-2:] for argv in commands.argvs] == [
        ["JobId=7", "ArrayTaskThrottle=2"],
        ["JobId=8", "ArrayTaskThrottle=2"],
    ]


TWO_LONG = [*(f"7_{number}" for number in range(3)), *(f"8_{number}" for number in range(9))]


@pytest.mark.parametrize("ids", [["7_1", "8_1"], ["12"], ["12", "8_1"], TWO_LONG, TWO_LONG[1:], TWO_LONG[2:]])
def test_of_several_arrays_of_an_earlier_controller_none_is_narrowed(clock: FakeClock, ids: list[str]) -> None:
    commands = Commands([DONE])
    throttle(clock, commands).widen(ids)
    assert commands.argvs == []
