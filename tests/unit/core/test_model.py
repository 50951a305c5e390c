"""What the states of a run mean, and what can be the id of a job."""

from collections.abc import Callable

import pytest

from hpsearch.core.model import RunState, is_job_id


def said(question: Callable[[RunState], bool]) -> set[str]:
    return {state.value for state in RunState if question(state)}


def test_states_are_called_as_people_read_them() -> None:
    assert said(lambda state: True) == {
        *("planned", "queued", "running", "finished", "unfinished", "failed", "timed out", "out of memory"),
        *("preempted", "cancelled", "stopped early", "lost"),
    }


@pytest.mark.parametrize(
    ("question", "states"),
    [
        (lambda state: not state.is_final, {"planned", "queued", "running"}),
        (lambda state: state.is_done, {"finished", "stopped early"}),
        (lambda state: state.is_interruption, {"preempted", "cancelled", "lost"}),
        (
            lambda state: state.is_failure,
            {"unfinished", "failed", "timed out", "out of memory", "preempted", "lost"},
        ),
    ],
    ids=["alive", "done", "interrupted", "failed"],
)
def test_each_state_says_whether_the_run_has_ended_and_how(
    question: Callable[[RunState], bool], states: set[str]
) -> None:
    assert said(question) == states


@pytest.mark.parametrize(
    ("found", "answer"),
    [("12", True), ("7_3@two", True), ("", False), ("-1", False), ("1\n2", False), (12, False), (None, False)],
)
def test_an_id_of_a_job_is_a_word_that_no_command_takes_for_an_option(found: object, answer: bool) -> None:
    assert is_job_id(found) is answer
