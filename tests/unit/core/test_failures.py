"""Why a run failed in one line, and which runs failed alike."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpsearch.core.failures import MOST_CAUSE, RunEnd, cause_of, likeness, shared_options
from hpsearch.core.model import RunState

FAILED, TIMED_OUT, MEMORY = RunState.FAILED, RunState.TIMED_OUT, RunState.OUT_OF_MEMORY
ERROR = 'Traceback (most recent call last):\n  File "train.py", line 88, in f\nValueError: boom\n'
NO_SUMMARY = "there is no summary file sim_1/summary.txt"


@pytest.mark.parametrize(
    "end, cause",
    [
        (RunEnd(FAILED, 1, "exit status 1", False, NO_SUMMARY, ERROR), "ValueError: boom (train.py:88)"),
        (RunEnd(FAILED, 1, "exit status 1", False, NO_SUMMARY, "no data\n"), "no data"),
        (RunEnd(FAILED, 3, "exit status 3", False, NO_SUMMARY, "epoch 2\n"), "epoch 2 (exit status 3)"),
        (RunEnd(FAILED, 3, "exit status 3", False, NO_SUMMARY), "exit status 3"),
        (
            RunEnd(FAILED, 3, "exit status 3", False, NO_SUMMARY, "10%|#  |", "loss is nan\n"),
            "exit status 3; the last line it printed: loss is nan",
        ),
        (
            RunEnd(FAILED, 1, "exit status 1", False, NO_SUMMARY, "bye\n", ERROR),
            "ValueError: boom (train.py:88)",
        ),
        (RunEnd(FAILED, 0, "", False, NO_SUMMARY, "hello"), f"exit status 0, but {NO_SUMMARY}"),
        (
            RunEnd(FAILED, 0, "", False, NO_SUMMARY, ERROR),
            f"exit status 0, but {NO_SUMMARY}; it said: ValueError: boom (train.py:88)",
        ),
        (
            RunEnd(RunState.UNFINISHED, 0, "", False, "its summary does not say finished 1"),
            "exit status 0, but its summary does not say finished 1",
        ),
        (
            RunEnd(FAILED, 139, "ended by signal 11 (SIGSEGV)", False, NO_SUMMARY, "Segmentation fault\n"),
            "ended by signal 11 (SIGSEGV)",
        ),
        (
            RunEnd(FAILED, 134, "", False, "", "terminate called after throwing an instance of 'E'\n  what():  bad\n"),
            "ended by signal 6 (SIGABRT): E: bad",
        ),
        (
            RunEnd(FAILED, 137, "ended by signal 9 (SIGKILL)", False, NO_SUMMARY, ERROR + "Killed\n"),
            "ended by signal 9 (SIGKILL); the machine may have run out of memory",
        ),
        (RunEnd(FAILED, 255, "exit status 255", False, NO_SUMMARY), "exit status 255"),
        (RunEnd(TIMED_OUT, 143, "Slurm: TIMEOUT", True, NO_SUMMARY, ERROR), "Slurm: TIMEOUT"),
        (RunEnd(TIMED_OUT, None, "", True, NO_SUMMARY), "timed out"),
        (RunEnd(FAILED, None, "cannot start ./train: bad format", True), "cannot start ./train: bad format"),
        (RunEnd(FAILED, None, "LSF: exit code 9", False, NO_SUMMARY, "x"), "LSF: exit code 9"),
        (RunEnd(MEMORY, 1, "", False, "CUDA out of memory", "CUDA out of memory\n"), "CUDA out of memory"),
        (RunEnd(MEMORY, 1, "", False, "CUDA out of memory", ERROR), "ValueError: boom (train.py:88)"),
    ],
)
def test_the_cause_of_an_end(end: RunEnd, cause: str) -> None:
    assert cause_of(end) == cause


@settings(max_examples=100)
@given(
    st.builds(
        RunEnd,
        st.sampled_from([state for state in RunState if state.is_final]),
        st.none() | st.integers(0, 255),
        st.text(),
        st.booleans(),
        st.text(),
        st.text(),
        st.text(),
    )
)
def test_any_end_has_a_cause_of_one_line(end: RunEnd) -> None:
    cause = cause_of(end)
    assert 0 < len(cause) <= MOST_CAUSE
    assert len(cause.splitlines()) == 1


@pytest.mark.parametrize(
    "one, other",
    [
        ("shapes (3,) and (4,) (train.py:8)", "shapes (5,) and (16, 3) (train.py:8)"),
        ("<f at 0x7f12ab> is bad", "<f at 0x7faa01> is bad"),
        ("no file /tmp/a/b.txt", "no file /home/x.txt"),
        ("no file 'sim_20260101_1/x'", "no file 'sim_20260101_12/x'"),
        ("loss is 1e-05", "loss is -3.25"),
        ("port 5000 is taken", "port 12 is taken"),
        ("job 6f1b2c3d-1111-2222-3333-444455556666", "job 7a1b2c3d-1111-2222-3333-444455557777"),
    ],
)
def test_numbers_addresses_and_paths_make_no_other_failure(one: str, other: str) -> None:
    assert likeness(FAILED, one) == likeness(FAILED, other)


@pytest.mark.parametrize(
    "one, other",
    [
        ((FAILED, "boom (train.py:8)"), (FAILED, "boom (train.py:9)")),
        ((FAILED, "KeyError: 'adam'"), (FAILED, "KeyError: 'sgd'")),
        ((FAILED, "boom"), (TIMED_OUT, "boom")),
    ],
)
def test_another_line_word_or_state_is_another_failure(one: tuple[RunState, str], other: tuple[RunState, str]) -> None:
    assert likeness(*one) != likeness(*other)


def test_shared_options_have_one_value_in_all_runs() -> None:
    members = [{"lr": "1", "units": "8", "opt": "adam"}, {"lr": "2", "units": "8"}]
    assert shared_options(members, ["lr", "units", "opt"]) == {"units": "8"}
