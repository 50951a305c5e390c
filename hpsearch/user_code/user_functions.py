"""The user's own functions (parser, performance evaluation, constraints), called in a child process, with a limit.

A function that never returns must not hold up a search, and only a process can be ended for certain: a thread goes on,
and a library may block signals. The process is a fork, so that the functions find their modules as imported. It stays
for all calls, with the state that functions keep; after a call that hung, it is forked anew.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import select
import signal
import time
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from hpsearch.core.coding import Column
from hpsearch.core.conditions import Constraint, Watched, verdict
from hpsearch.core.errors import ConfigError, ParserTimeout
from hpsearch.core.space_report import value_text
from hpsearch.journal.values import decode, encode
from hpsearch.startup.garbage import look_as_usual
from hpsearch.user_code.user_modules import as_config_error

if TYPE_CHECKING:
    from hpsearch.core.coding import Codes

DEFAULT_LIMIT_S = 60.0
#: How long a function may still take once the search is to stop, and how often to check for that, in seconds.
_LIMIT_WHEN_STOPPING_S, _LOOK_S = 2.0, 0.1
#: How many calls are sent at a time: sending each alone would take longer than most functions do.
_AT_ONCE = 200
_IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
#: prctl(2): sets the signal that a process gets when its parent ends.
_PR_SET_PDEATHSIG = 1

Function = Callable[..., Any]  # Any: users' functions
#: Request -> answer, both JSON.
Serve = Callable[[Any], dict[str, object]]


class ProcessEnded(RuntimeError):
    """The process ended during a call."""


class FunctionProcess:
    """A process for the functions of one grid module; started by the first call, ended with this object."""

    def __init__(self, limit_s: float = DEFAULT_LIMIT_S, is_stopping: Callable[[], bool] = lambda: False) -> None:
        """limit_s: how long a call may take. is_stopping: whether the search is to stop, which shortens the limit."""
        self._limit_s, self._is_stopping = limit_s, is_stopping
        self._functions: list[tuple[Function, Function]] = []
        self._child: _Child | None = None

    def function(self, function: Function, plain: Function) -> LimitedFunction:
        """Return a function that calls `function` in the process. plain: turns the answer into values for `encode`."""
        self._functions.append((function, plain))
        return LimitedFunction(self, len(self._functions) - 1, function, plain)

    def answers(self, index: int, calls: Sequence[list[object]]) -> Iterator[object | Exception]:
        """Yield the answer to each of many calls, given by their encoded arguments, or the call's error.

        The error is ParserTimeout, ProcessEnded, or one with the name and text of the function's own.
        """
        done = 0
        while done < len(calls):
            if self._child is None or not self._child.end.alive:
                self._child = _Child(self._serve)
            end = min(done + _AT_ONCE, len(calls))
            requests = [[index, arguments] for arguments in calls[done:end]]
            try:
                for answer in self._child.ask(requests, self._limit_s, self._is_stopping):
                    done += 1
                    yield answer
            finally:
                if done < end:
                    # Its late answers would be taken for the answers to later calls.
                    self._child.end()

    def close(self) -> None:
        """End the process."""
        if self._child is not None:
            self._child.end()

    def _serve(self, request: Any) -> dict[str, object]:
        """Call a function in the process; return its answer or its error."""
        index, arguments = request
        function, plain = self._functions[index]
        *positional, named = (decode(argument) for argument in arguments)
        try:
            answer = {"answer": encode(plain(function(*positional, **named)))}  # type: ignore[arg-type]
            json.dumps(answer).encode()
        except BaseException as error:  # noqa: BLE001
            # Any error concerns this call only, even sys.exit() or a KeyboardInterrupt that the code raises.
            system = None
            if isinstance(error, OSError) and error.errno is not None:
                system = (error.errno, error.strerror, None if error.filename is None else str(error.filename))
            return {"error": type(error).__name__, "text": str(error), "system": system}
        return answer


class LimitedFunction:
    """A user's function, called in a `FunctionProcess`; it has the original's signature."""

    def __init__(self, process: FunctionProcess, index: int, function: Function, plain: Function) -> None:
        self._process, self._index, self._function, self._plain = process, index, function, plain
        functools.update_wrapper(self, function, updated=())

    def __call__(self, *arguments: object, **named: object) -> object:
        (answer,) = self._process.answers(self._index, [[*map(encode, arguments), encode(named)]])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def each(self, calls: Iterable[Sequence[object]]) -> Iterator[object | Exception]:
        """Yield the answer to each of many calls, given by their arguments, or its error."""
        return self._process.answers(self._index, [[*map(encode, arguments), encode({})] for arguments in calls])

    def in_process(self, process: FunctionProcess) -> LimitedFunction:
        """Return the same function, called in another process."""
        return process.function(self._function, self._plain)


class ConstraintProcess:
    """A process for the constraints of a grid module; they are asked about many configurations at once.

    A `Judge` of core/coding.py. where: the module, for messages.
    """

    def __init__(self, constraints: Sequence[Constraint], where: str, limit_s: float) -> None:
        self._constraints, self._where = constraints, where
        self.count = len(constraints)
        self._process = FunctionProcess(limit_s)
        self._function: LimitedFunction | None = None

    def verdicts(self, columns: Sequence[Column], rows: Codes) -> Codes:
        """Return for each configuration 0 if it is kept, else the number of the constraint that leaves it out."""
        import numpy as np

        return np.array(self._asked(columns, rows, False), dtype=np.int64)

    def reasons(self, columns: Sequence[Column], rows: Codes) -> list[tuple[int, Sequence[str]]]:
        """Return for each configuration its verdict and the options that the verdict depends on."""
        return self._asked(columns, rows, True)

    def close(self) -> None:
        """End the process."""
        self._process.close()

    def _asked(self, columns: Sequence[Column], rows: Codes, is_watched: bool) -> list[Any]:  # Any: as above
        if self._function is None:
            # The forked process has the columns already, whose values may be of any class.
            answer = functools.partial(_verdicts, self._constraints, self._where, columns)
            self._function = self._process.function(answer, str)
        answers: list[Any] = []
        size = 100
        while len(answers) < len(rows):
            began = time.monotonic()
            answers += self._answers(columns, rows[len(answers) : len(answers) + size], is_watched)
            took_s = time.monotonic() - began
            # A slow constraint's time limit is for one configuration, so send fewer at a time.
            size = min(2 * size, 50_000) if took_s < 0.2 else max(1, size // 2) if took_s > 1 else size
        return answers

    def _answers(self, columns: Sequence[Column], rows: Codes, is_watched: bool) -> list[Any]:  # Any: as above
        assert self._function is not None
        try:
            found: list[Any] = json.loads(str(self._function(rows.astype("int32").tobytes().hex(), is_watched)))
            return found
        except (ParserTimeout, ProcessEnded) as error:
            if len(rows) > 1:
                return [answer for row in rows for answer in self._answers(columns, row[None], is_watched)]
            options = [column.options[code] for column, code in zip(columns, rows[0]) if code]
            raise ConfigError(f"{self._where}: constraints: {error}{_for_options(options)}") from error
        except RuntimeError as error:
            raise ConfigError(str(error)) from error


def _verdicts(
    constraints: Sequence[Constraint], where: str, columns: Sequence[Column], rows: str, is_watched: bool
) -> str:
    """Return the answers of constraints about configurations, as JSON; see `ConstraintProcess`.

    rows: codes of the configurations, as hexadecimal 32-bit numbers: `encode` would take longer than the constraints.
    """
    answers: list[object] = []
    names, pairs = [column.name for column in columns], [column.options for column in columns]
    codes = iter(memoryview(bytes.fromhex(rows)).cast("i"))
    for row in zip(*[codes] * len(names)):
        options = [each[code] for each, code in zip(pairs, row) if code]
        read: dict[object, None] = {}
        fresh: Callable[[], dict[str, object]] = functools.partial(dict, options)
        try:
            number = verdict(constraints, functools.partial(Watched, options, names, read) if is_watched else fresh)
        except ConfigError as error:
            raise ConfigError(f"{where}: {error}{_for_options(options)}") from error
        except BaseException:
            with as_config_error("constraints", _for_options(options)):
                raise
        answers.append((number, [name for name in names if name in read]) if is_watched else number)
    return json.dumps(answers)


def _for_options(options: Sequence[tuple[str, object]]) -> str:
    text = ", ".join(f"{name}={value_text(value)}" for name, value in options)
    return f" (for {text if len(text) <= 300 else text[:297] + '...'})"


class _Child:
    """A forked process that answers requests. `end()` ends it; `end.alive` is true until then."""

    def __init__(self, serve: Serve) -> None:
        requests, self._to_child = os.pipe()
        self._from_child, answers = os.pipe()
        with warnings.catch_warnings():
            # Python warns of forks with threads, but the child uses nothing that our threads hold.
            warnings.simplefilter("ignore", DeprecationWarning)
            parent = os.getpid()
            self._pid = os.fork()
        if self._pid == 0:
            _live_as_child(parent, requests, answers, (self._to_child, self._from_child), serve)
        os.close(requests)
        os.close(answers)
        self.end = weakref.finalize(self, _end, self._pid, self._to_child, self._from_child)

    def ask(
        self, requests: Sequence[object], limit_s: float, is_stopping: Callable[[], bool]
    ) -> Iterator[object | Exception]:
        """Yield the answer to each request, or its error; stop after one that took too long or ended the process.

        The process reads all requests before it answers the first: else each side could wait for the other to read.
        """
        received = b""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._to_child, json.dumps(requests).encode() + b"\n")
        for _ in requests:
            began = time.monotonic()
            while b"\n" not in received:
                limit = min(limit_s, _LIMIT_WHEN_STOPPING_S) if is_stopping() else limit_s
                if time.monotonic() - began > limit:
                    self.end()
                    yield ParserTimeout(f"no answer within {limit:g} s, which --parser_timeout sets")
                    return
                if select.select([self._from_child], [], [], _LOOK_S)[0]:
                    part = os.read(self._from_child, 65536)
                    if not part:
                        yield self._death()
                        return
                    received += part
            answer, _, received = received.partition(b"\n")
            yield _decoded(json.loads(answer))

    def _death(self) -> ProcessEnded:
        status = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        self.end()
        how = f"with status {status}" if status >= 0 else f"by signal {-status}"
        return ProcessEnded(f"the process that called it ended {how}")


def _decoded(answer: Any) -> object | Exception:  # Any: JSON, see `FunctionProcess._serve`
    if "answer" in answer:
        return decode(answer["answer"])
    if answer["system"] is not None:
        return OSError(*answer["system"])
    error: Exception = type(answer["error"], (RuntimeError,), {})(answer["text"])
    return error


def _end(pid: int, *descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
    # It may have ended and been waited for already.
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        if os.waitpid(pid, os.WNOHANG) == (0, 0):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _live_as_child(parent: int, requests: int, answers: int, others: tuple[int, ...], serve: Serve) -> None:
    """Answer requests until there are no more, and exit without the parent's exit handlers."""
    # Our own code makes hardly any garbage, and commands look for it seldom or not at all; users' objects may be large.
    look_as_usual()
    try:
        for number in _IGNORED:
            signal.signal(number, signal.SIG_IGN)
        _end_with_parent(parent)
        for descriptor in others:
            os.close(descriptor)
        with open(requests, "rb") as lines, open(answers, "wb") as out:
            for line in lines:
                for request in json.loads(line):
                    out.write(json.dumps(serve(request)).encode() + b"\n")
                    out.flush()
    finally:
        os._exit(0)


def _end_with_parent(parent: int) -> None:
    """Let the system end this process with its parent, even if the parent is killed while a function hangs here."""
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)
