"""Commands of hpsearch as processes that start at once: forked from one that has imported what they need.

Thousands of tests start a command, and most of its time would be Python's imports. All else is as if it was started by
its name: the module runs as ``__main__`` in a process of its own, with its own folder, environment and pipes.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from importlib import import_module
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
#: What a command imports; not the modules that are started by name.
_IMPORTED = (
    *("search.command", "search.search", "search.backend_choice", "core.space", "results.status"),
    *("results.best", "results.logs", "results.listing", "results.postprocess", "results.export", "seeds.added"),
    *("seeds.gathering", "folder.repair", "starter.command"),
)
#: Variables that Python reads only when it starts.
_AT_START = ("PYTHON", "LC_", "LANG", "LD_")
#: A larger request does not fit into one message.
_LARGEST = 100_000


class ForkServer:
    """The process from which commands are forked; it starts with the first of them.

    environment: of that process; a command with other variables that Python reads at its start is not forked.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._requests = socket.socket()

    def run(
        self, argv: list[str], cwd: Path, environment: dict[str, str], timeout: float
    ) -> subprocess.CompletedProcess[str] | None:
        """Run ``python -m hpsearch...`` as `subprocess.run` would; None if it has to be started in the usual way."""
        if argv[:2] != [sys.executable, "-m"] or argv[2].partition(".")[0] != "hpsearch":
            return None
        if _at_start(environment) != _at_start(self._environment):
            return None
        request = json.dumps([argv, str(cwd), environment]).encode()
        if len(request) > _LARGEST or not self._turn.acquire(blocking=False):
            return None
        try:
            if self._process is None:
                self._begin()
            return self._carry_out(request, argv, timeout)
        finally:
            self._turn.release()

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            # Closing would not do: a process that was forked from the tests may have the socket, too.
            self._requests.shutdown(socket.SHUT_RDWR)
            self._process.wait(30)
            self._process = None
        self._requests.close()

    def _begin(self) -> None:
        self._requests, other_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with other_end:
            program = f"import forked; forked.serve({other_end.fileno()})"
            self._process = subprocess.Popen(
                [sys.executable, "-c", program],
                cwd=_ROOT / "tests",
                env=self._environment,
                pass_fds=[other_end.fileno()],
            )

    def _carry_out(self, request: bytes, argv: list[str], timeout: float) -> subprocess.CompletedProcess[str]:
        pipes = [os.pipe(), os.pipe()]
        socket.send_fds(self._requests, [request], [writer for _, writer in pipes])
        for _, writer in pipes:
            os.close(writer)
        pid = int(self._requests.recv(100))
        try:
            out, err = _read([reader for reader, _ in pipes], time.monotonic() + timeout)
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            raise
        finally:
            status = int(self._requests.recv(100))
        return subprocess.CompletedProcess(argv, status, out, err)


def _at_start(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_AT_START)}


def _read(readers: list[int], until: float) -> list[str]:
    """Read some pipes to their ends. Raises TimeoutError if that takes too long."""
    texts = {reader: bytearray() for reader in readers}
    with selectors.DefaultSelector() as selector:
        for reader in readers:
            selector.register(reader, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(until - time.monotonic(), 0))
            if not ready and time.monotonic() >= until:
                raise TimeoutError
            for key, _ in ready:
                piece = os.read(key.fd, 65536)
                texts[key.fd] += piece
                if not piece:
                    selector.unregister(key.fd)
                    os.close(key.fd)
    return [text.decode().replace("\r\n", "\n").replace("\r", "\n") for text in texts.values()]


def serve(descriptor: int) -> None:
    """Fork a process for each command that is asked for, one after another."""
    for name in _IMPORTED:
        import_module(f"hpsearch.{name}")
    gc.freeze()
    with socket.socket(fileno=descriptor) as requests:
        while True:
            request, streams, *_ = socket.recv_fds(requests, 2 * _LARGEST, 2)
            if not request:
                return
            pid = os.fork()
            if pid == 0:
                requests.close()
                break
            for stream in streams:
                os.close(stream)
            requests.send(str(pid).encode())
            requests.send(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())
    argv, cwd, environment = json.loads(request)
    _become(streams, cwd, environment)
    sys.orig_argv[:], sys.argv[:] = argv, argv[2:]
    try:
        runpy.run_module(argv[2], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if not isinstance(end.code, int):
            raise
        # Without taking apart all that the first process has imported, which would take longer than most commands.
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code)


def _become(streams: list[int], cwd: str, environment: dict[str, str]) -> None:
    """Make this process what a new one would be: its standard streams, folder, environment and import path."""
    for number, stream in enumerate([os.open(os.devnull, os.O_RDONLY), *streams]):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    tests, own = str(_ROOT / "tests"), environment.get("PYTHONPATH", "").split(os.pathsep)
    rest = [path for path in sys.path if path and path not in (tests, *own)]
    sys.path[:] = [cwd, *filter(None, own), *rest]
    del sys.modules["forked"]
