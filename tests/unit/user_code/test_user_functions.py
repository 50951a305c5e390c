"""The user's own functions in a process beside ours: their answers, errors and time limits."""

from __future__ import annotations

import gc
import os
import re
import signal
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from project import is_alive, wait_until

from hpsearch.core.coding import CodedSpace
from hpsearch.core.conditions import Constraint
from hpsearch.core.errors import ConfigError, ParserTimeout
from hpsearch.startup.garbage import look_seldom
from hpsearch.user_code.user_functions import ConstraintProcess, FunctionProcess

USUAL = gc.get_threshold()


@pytest.fixture(autouse=True)
def _processes_end_with_their_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An error that a test has caught may keep the process that raised it, and what that has inherited open."""
    made, start = weakref.WeakSet[FunctionProcess](), FunctionProcess.__init__

    def noted(process: FunctionProcess, *given: Any, **named: Any) -> None:
        start(process, *given, **named)
        made.add(process)

    monkeypatch.setattr(FunctionProcess, "__init__", noted)
    yield
    for process in list(made):
        process.close()


def limited(function: Callable[..., object], limit_s: float = 30, is_stopping: bool = False) -> Callable[..., object]:
    return FunctionProcess(limit_s, lambda: is_stopping).function(function, lambda answer: answer)


VALUES = [None, True, 1, 0.5, "a\n\u00e9", [1, (2,)], {"acc": [np.float32(0.1)], 3: "x" * 10**6}]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_an_answer_comes_back_with_its_type(value: object) -> None:
    answer = limited(lambda given, *, named: [given, named])(value, named=value)
    assert repr(answer) == repr([value, value])


def change_nothing() -> None:
    pass


def choose_50000() -> None:
    gc.set_threshold(50_000, 20, 20)


@pytest.mark.parametrize("choose, often", [(change_nothing, USUAL), (choose_50000, (50_000, 20, 20))])
def test_garbage_of_a_function_is_looked_for_as_usual_or_as_the_user_has_chosen(
    choose: Callable[[], None], often: tuple[int, int, int]
) -> None:
    try:
        look_seldom()
        choose()
        gc.disable()
        assert limited(lambda: [gc.isenabled(), gc.get_threshold()])() == [True, often]
    finally:
        gc.enable()
        gc.set_threshold(*USUAL)


def test_what_a_function_keeps_in_its_module_stays_for_the_next_call() -> None:
    kept: list[int] = []

    def count() -> int:
        kept.append(1)
        return len(kept)

    counted = limited(count)
    assert [counted(), counted(), counted()] == [1, 2, 3]


def test_functions_of_one_module_share_a_process() -> None:
    process = FunctionProcess()
    first, second = (process.function(os.getpid, lambda answer: answer) for _ in range(2))
    assert first() == second() != os.getpid()


def hang() -> None:
    time.sleep(1000)


def spin() -> None:
    while True:
        pass


def match_for_ever() -> None:
    # The function holds the interpreter's lock all the time: no other thread of its process can run.
    re.match(r"(a+)+$", "a" * 60 + "b")


def ignore_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    hang()


@pytest.mark.parametrize("function", [hang, spin, match_for_ever, ignore_signals])
def test_a_function_that_never_returns_is_given_up_and_ended(function: Callable[[], None]) -> None:
    def pid_or_hang(hangs: bool) -> int:
        if hangs:
            function()
        return os.getpid()

    called = limited(pid_or_hang, limit_s=0.5)
    first = called(False)
    begun = time.monotonic()
    with pytest.raises(ParserTimeout, match=r"no answer within 0\.5 s, which --parser_timeout sets"):
        called(True)
    assert time.monotonic() - begun < 20
    assert not is_alive(int(str(first)))
    assert called(False) not in (first, os.getpid())


def test_less_time_is_left_once_the_search_is_to_stop() -> None:
    begun = time.monotonic()
    with pytest.raises(ParserTimeout):
        limited(hang, limit_s=1000, is_stopping=True)()
    assert time.monotonic() - begun < 20


def raising(error: BaseException) -> Callable[[], None]:
    def function() -> None:
        raise error

    return function


@pytest.mark.parametrize(
    ("error", "name", "text"),
    [
        (ValueError("no number"), "ValueError", "no number"),
        (KeyError("acc"), "KeyError", "'acc'"),
        (SystemExit(3), "SystemExit", "3"),
        (KeyboardInterrupt(), "KeyboardInterrupt", ""),
        (GeneratorExit("x"), "GeneratorExit", "x"),
        (FileNotFoundError(2, "No such file", "x"), "FileNotFoundError", "[Errno 2] No such file: 'x'"),
        (PermissionError(13, "Permission denied"), "PermissionError", "[Errno 13] Permission denied"),
    ],
)
def test_an_error_of_any_kind_comes_back_as_an_ordinary_one(error: BaseException, name: str, text: str) -> None:
    called = limited(raising(error))
    for _ in range(2):
        with pytest.raises(Exception) as caught:
            called()
        assert (type(caught.value).__name__, str(caught.value)) == (name, text)


@pytest.mark.parametrize(
    ("end", "how"),
    [(lambda: os._exit(3), "with status 3"), (lambda: os.kill(os.getpid(), signal.SIGKILL), "by signal 9")],
    ids=["exit", "killed"],
)
def test_a_function_that_ends_its_process_concerns_that_call_only(end: Callable[[], None], how: str) -> None:
    called = limited(lambda ends: end() if ends else 1)
    with pytest.raises(RuntimeError, match=f"the process that called it ended {how}"):
        called(True)
    assert called(False) == 1


def test_the_process_ends_with_the_object_that_has_it(tmp_path: Path) -> None:
    process = FunctionProcess()
    pid = int(str(process.function(os.getpid, lambda answer: answer)()))
    assert is_alive(pid)
    del process
    gc.collect()
    wait_until(lambda: not is_alive(pid), "the process has ended")


def test_the_parameters_of_a_function_are_still_seen() -> None:
    import inspect

    def parser(out_dir: str, ident: int, summary_fn: str) -> None:
        """Read."""

    assert list(inspect.signature(limited(parser)).parameters) == ["out_dir", "ident", "summary_fn"]


def test_many_calls_are_answered_each_on_its_own() -> None:
    def odd(number: int) -> object:
        if number % 100 == 3:
            raise ValueError(f"not {number}")
        if number % 300 == 5:
            os._exit(3)
        return number * 2

    asked = FunctionProcess(30).function(odd, lambda answer: answer)
    answers = list(asked.each([number] for number in range(450)))
    errors = {number: str(answer) for number, answer in enumerate(answers) if isinstance(answer, Exception)}
    ended = "the process that called it ended with status 3"
    assert errors == {**{n: f"not {n}" for n in range(3, 450, 100)}, 5: ended, 305: ended}
    assert [answer for answer in answers if not isinstance(answer, Exception)] == [
        number * 2 for number in range(450) if number not in errors
    ]


def test_one_of_many_calls_that_hangs_concerns_itself_only() -> None:
    asked = FunctionProcess(0.5).function(lambda hangs: hang() if hangs else 1, lambda answer: answer)
    first, second, third = asked.each([[False], [True], [False]])
    assert (first, type(second), third) == (1, ParserTimeout, 1)


def test_what_is_left_of_many_calls_is_not_taken_for_later_answers() -> None:
    asked = FunctionProcess(30).function(lambda number: number, lambda answer: answer)
    assert next(asked.each([[1], [2], [3]])) == 1
    gc.collect()
    assert asked(7) == 7


def test_answers_larger_than_a_pipe_holds_come_back() -> None:
    asked = FunctionProcess(30).function(lambda text: text, lambda answer: answer)
    texts = [str(number) * 200_000 for number in range(5)]
    assert list(asked.each([text] for text in texts)) == texts


def asked(constraint: Constraint, values: list[object], limit_s: float = 30) -> list[int]:
    """Return the message about a constraint's answer for each of these values of an option x."""
    coded = CodedSpace([{"x": values}], ())
    process = ConstraintProcess([lambda options: True, constraint], "grid.py", limit_s)
    verdicts = process.verdicts(list(coded.columns.values()), np.arange(1, len(values) + 1).reshape(-1, 1))
    process.close()
    return [int(verdict) for verdict in verdicts]


def test_constraints_get_the_values_themselves() -> None:
    odd = object()
    assert asked(lambda options: options["x"] is odd, [odd, (1, 2), None]) == [0, 2, 2]


def test_many_configurations_are_asked_about_in_their_order() -> None:
    assert asked(lambda options: options["x"] != 7777, list(range(10_000))) == [2 * (x == 7777) for x in range(10_000)]


def test_a_constraint_that_hangs_is_told_with_the_configuration() -> None:
    message = r"grid\.py: constraints: no answer within 0\.3 s, which --parser_timeout sets \(for x=3\)"
    with pytest.raises(ConfigError, match=message):
        asked(lambda options: options["x"] != 3 or hang() is None, list(range(5)), limit_s=0.3)


def test_a_slow_constraint_has_its_time_for_every_configuration() -> None:
    assert asked(lambda options: time.sleep(0.02) is None, [*range(40)], limit_s=0.5) == [0] * 40


def test_constraints_say_on_what_their_answer_depends() -> None:
    coded = CodedSpace([{"x": [1, 2], "y": [3], "z": [4]}], ())
    process = ConstraintProcess([lambda o: o["x"] == 1, lambda o: o["y"] == 0], "grid.py", 30)
    assert process.reasons(list(coded.columns.values()), np.array([[1, 1, 1], [2, 1, 1]])) == [
        [2, ["x", "y"]],
        [1, ["x"]],
    ]
    process.close()
