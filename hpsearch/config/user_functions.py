"""The user's own functions (summary parser, judge of a performance) in a process beside the controller's, with a limit.

A function that never returns must not hold up a search, and nothing but a process can be ended for sure: a thread
goes on, and a library may let no signal through. The process is a fork, so that the functions find their modules as
they were imported; it stays for all calls, so that what they keep in there stays, too. After one that hung it is forked
anew.
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
from typing import Any, NoReturn

from hpsearch.core.errors import ParserTimeout
from hpsearch.store.values import decode, encode

DEFAULT_LIMIT_S = 60.0
#: How long a function may still take once the search is to stop, and how often that is looked at, in seconds.
_LIMIT_WHEN_STOPPING_S, _LOOK_S = 2.0, 0.1
#: So many calls are handed over at once: each on its own would cost more than what most functions do.
_AT_ONCE = 200
_IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
#: prctl(2): the signal that a process gets when its parent ends.
_PR_SET_PDEATHSIG = 1

Function = Callable[..., Any]  # Any: users' functions


class FunctionProcess:
    """A process for some functions of one grid module; started by the first call, ended with this object."""

    def __init__(self, limit_s: float = DEFAULT_LIMIT_S, is_stopping: Callable[[], bool] = lambda: False) -> None:
        """limit_s: how long a call may take. is_stopping: whether the search is to stop, so that less time is left."""
        self._limit_s, self._is_stopping = limit_s, is_stopping
        self._functions: dict[str, tuple[Function, Function]] = {}
        self._child: _Child | None = None

    def function(self, function: Function, plain: Function) -> LimitedFunction:
        """Return a function that calls this one in the process. plain: makes of its answer what `encode` knows."""
        name = str(len(self._functions))
        self._functions[name] = (function, plain)
        return LimitedFunction(self, name, function, plain)

    def answers(self, name: str, calls: Sequence[list[object]]) -> Iterator[object | Exception]:
        """Yield what a function answers to each of many calls, given by their arguments, or what its call ends with.

        That is ParserTimeout if it takes too long, or an error of the same name and text as the function's own.
        """
        done = 0
        while done < len(calls):
            if self._child is None:
                self._child = _Child(self._serve)
            batch = [[name, arguments] for arguments in calls[done : done + _AT_ONCE]]
            answered = 0
            try:
                for answer in self._child.ask(batch, self._limit_s, self._is_stopping):
                    answered += 1
                    yield self._told(answer)
            finally:
                if answered < len(batch):
                    # What it still answers would be taken for the answers to later calls.
                    self.close()
            done += answered

    def _told(self, answer: Any) -> object | Exception:  # Any: JSON
        if answer is None:
            self.close()
            waited = self._limit_s if not self._is_stopping() else _LIMIT_WHEN_STOPPING_S
            return ParserTimeout(f"no answer within {waited:g} s, which --parser_timeout sets")
        if self._child is not None and self._child.has_ended:
            self.close()
        if "answer" in answer:
            return decode(answer["answer"])
        if answer["errno"] is not None:
            return OSError(answer["errno"], answer["strerror"], answer["filename"])
        error: Exception = type(answer["error"], (RuntimeError,), {})(answer["text"])
        return error

    def close(self) -> None:
        """End the process."""
        if self._child is not None:
            self._child.end()
            self._child = None

    def _serve(self, request: Any) -> dict[str, object]:  # Any: JSON
        """Call a function in the process; return its answer, or its error, for JSON."""
        name, arguments = request
        function, plain = self._functions[name]
        *positional, named = (decode(argument) for argument in arguments)
        try:
            answer = {"answer": encode(plain(function(*positional, **named)))}  # type: ignore[arg-type]
            json.dumps(answer).encode()
        except BaseException as error:  # noqa: BLE001
            # Whatever it is, it concerns this call only: also sys.exit() or a KeyboardInterrupt that the code raises.
            system = error if isinstance(error, OSError) else OSError()
            filename = None if system.filename is None else str(system.filename)
            return {
                "error": type(error).__name__,
                "text": str(error),
                "errno": system.errno,
                "strerror": system.strerror,
                "filename": filename,
            }
        return answer


class LimitedFunction:
    """A user's function, called in a `FunctionProcess`; it has that function's signature."""

    def __init__(self, process: FunctionProcess, name: str, function: Function, plain: Function) -> None:
        self._process, self._name, self._function, self._plain = process, name, function, plain
        functools.update_wrapper(self, function, updated=())

    def __call__(self, *arguments: object, **named: object) -> object:
        (answer,) = self._process.answers(self._name, [[*map(encode, arguments), encode(named)]])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def each(self, calls: Iterable[Sequence[object]]) -> Iterator[object | Exception]:
        """Yield for each of many calls, given by their arguments, the answer or the error with which it ends."""
        return self._process.answers(self._name, [[*map(encode, arguments), encode({})] for arguments in calls])

    def in_process(self, process: FunctionProcess) -> LimitedFunction:
        """Return the same function for another process."""
        return process.function(self._function, self._plain)


class _Child:
    """A forked process that answers requests, some a line, until its end of the pipe is closed."""

    def __init__(self, serve: Callable[[Any], dict[str, object]]) -> None:  # Any: JSON
        self.has_ended = False
        requests, self._to_child = os.pipe()
        self._from_child, answers = os.pipe()
        with warnings.catch_warnings():
            # Python warns of forks beside threads: the child touches nothing that our threads hold.
            warnings.simplefilter("ignore", DeprecationWarning)
            parent = os.getpid()
            self._pid = os.fork()
        if self._pid == 0:
            _live_as_child(parent, requests, answers, (self._to_child, self._from_child), serve)
        os.close(requests)
        os.close(answers)
        self._end = weakref.finalize(self, _end, self._pid, self._to_child, self._from_child)

    def end(self) -> None:
        """End the process at once."""
        self._end()

    def ask(self, requests: Sequence[object], limit_s: float, is_stopping: Callable[[], bool]) -> Iterator[Any]:
        # Any: JSON
        """Yield the answer to each request; None, and no more, if one takes too long, and no more after its end.

        The process reads all requests before it answers the first: otherwise both could wait for the other to read.
        """
        received = b""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._to_child, json.dumps(requests).encode() + b"\n")
        for _ in requests:
            begun = time.monotonic()
            while b"\n" not in received:
                limit = min(limit_s, _LIMIT_WHEN_STOPPING_S) if is_stopping() else limit_s
                if time.monotonic() - begun > limit:
                    yield None
                    return
                if select.select([self._from_child], [], [], _LOOK_S)[0]:
                    part = os.read(self._from_child, 65536)
                    if not part:
                        yield self._death()
                        return
                    received += part
            answer, _, received = received.partition(b"\n")
            yield json.loads(answer)

    def _death(self) -> dict[str, object]:
        """Return an answer for a process that ended over its work."""
        self.has_ended = True
        status = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        how = f"with status {status}" if status >= 0 else f"by signal {-status}"
        return {"error": "ProcessEnded", "text": f"the process that called it ended {how}", "errno": None}


def _end(pid: int, *descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
    # It may have ended and been waited for.
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        if os.waitpid(pid, os.WNOHANG) == (0, 0):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _live_as_child(
    parent: int,
    requests: int,
    answers: int,
    others: tuple[int, ...],
    serve: Callable[[Any], dict[str, object]],  # Any: JSON
) -> NoReturn:
    """Answer requests until there are no more, and end without the parent's own tidying up."""
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
    """Let the system end this process with its parent, also where that is killed while a function hangs here."""
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)
