"""Commands of hpsearch as processes that start fast: forked from a process that has imported the modules they need.

Thousands of tests start a command, and imports would take most of its time. In all else it is as if started by its
name: the module runs as ``__main__`` in a process of its own, with its own folder, environment and pipes.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import runpy
import select
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

_ROOT = Path(__file__).resolve().parent.parent
#: What a command imports; not the modules that are started by name.
_IMPORTED = (
    *("search.command", "search.search", "search.backend_choice", "core.space_table", "results.status"),
    *("results.best", "results.logs", "results.listing", "results.postprocess", "results.export", "seeds.added"),
    *("seeds.gathering", "folder.repair", "starter.command", "search.cancel", "search.extend", "core.failures"),
    *("pickles.flat_pickle", "stopping.sources", "backends.gpu.backend"),
    *("backends.cluster.slurm", "backends.cluster.backend", "backends.cluster.lsf"),
)
#: Variables that Python reads only when it starts.
_AT_START = ("PYTHON", "LC_", "LANG", "LD_")
#: The variable with the control file of the library of faults; the library has to know when a command begins.
FAULTS = "HPSEARCH_FAULTS"
#: A larger request does not fit into one message.
_LARGEST = 100_000
#: The length of the number that the server sends about a command, as text.
_NUMBER = 12


class ForkedCommand(subprocess.Popen[str]):
    """A command that was forked; tests use it like one that `subprocess.Popen` has started.

    news: gives the command's process number as soon as there is one and its exit status when it has ended. outputs:
    the pipes of its standard output and error; none where these are a file.
    """

    def __init__(self, argv: list[str], news: int, outputs: Sequence[int]) -> None:
        self.args = argv
        self.stdin = None
        streams = [os.fdopen(pipe, encoding="utf-8") for pipe in outputs]
        self.stdout, self.stderr = streams or (None, None)
        self.returncode: int | None = None
        self._read = {stream: bytearray() for stream in streams}
        self._news = news
        self.pid = int(os.read(news, _NUMBER))

    def poll(self) -> int | None:
        """Return the exit status; None if the command has not ended."""
        if self.returncode is None and select.select([self._news], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status as soon as the command ends. Raises TimeoutExpired."""
        if self.returncode is None:
            if not select.select([self._news], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = int(os.read(self._news, _NUMBER))
            os.close(self._news)
        return self.returncode

    def communicate(self, input: None = None, timeout: float | None = None) -> tuple[str, str]:
        """Return the rest of its output as soon as the command ends. Raises TimeoutExpired."""
        until = None if timeout is None else time.monotonic() + timeout
        with selectors.DefaultSelector() as selector:
            for stream in self._read:
                if not stream.closed:
                    selector.register(stream, selectors.EVENT_READ)
            while selector.get_map():
                ready = selector.select(None if until is None else max(until - time.monotonic(), 0))
                if not ready and until is not None and time.monotonic() >= until:
                    raise subprocess.TimeoutExpired(self.args, timeout or 0)
                for key, _ in ready:
                    piece = os.read(key.fd, 65536)
                    self._read[key.fileobj] += piece
                    if not piece:
                        selector.unregister(key.fileobj)
                        key.fileobj.close()
        self.wait(None if until is None else max(until - time.monotonic(), 0))
        stdout, stderr = (text.decode().replace("\r\n", "\n").replace("\r", "\n") for text in self._read.values())
        return stdout, stderr

    def send_signal(self, signal_number: int) -> None:
        """Send a signal to the command unless it has ended."""
        if self.poll() is None:
            # It may end now, and there is no news of it yet.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal_number)


class ForkServer:
    """The process that commands are forked from; it starts with the first command.

    environment: of that process; a command with other variables that Python reads at its start is not forked.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._requests = socket.socket()

    @property
    def pid(self) -> int | None:
        """The process' number; None as long as no command was forked."""
        return self._process.pid if self._process else None

    def start(
        self, argv: list[str], cwd: Path, environment: dict[str, str], output: int | None = None
    ) -> ForkedCommand | None:
        """Start ``python -m hpsearch...`` or ``python -c ...``; None if it has to be started in the usual way.

        output: a file for all that it says; None = pipes.
        """
        if argv[0] != sys.executable or (argv[1] == "-m" and argv[2].partition(".")[0] != "hpsearch"):
            return None
        if _at_start(environment) != _at_start(self._environment):
            return None
        request = json.dumps([argv, str(cwd), environment]).encode()
        if len(request) > _LARGEST:
            return None
        pipes = [os.pipe() for _ in range(1 if output is not None else 3)]
        *readers, news = (reader for reader, _ in pipes)
        writers = [writer for _, writer in pipes]
        with self._turn:
            if self._process is None:
                self._begin()
            socket.send_fds(self._requests, [request], [output] * 2 + writers if output is not None else writers)
        for writer in writers:
            os.close(writer)
        return ForkedCommand(argv, news, readers)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            # Closing alone would not end it: a process that was forked from the tests may hold the socket, too.
            self._requests.shutdown(socket.SHUT_RDWR)
            self._process.wait(30)
            self._process = None
        self._requests.close()

    def is_forked(self, pid: int) -> bool:
        """Return whether a live process was forked and has not executed another program since."""
        if self._process is None or pid == self._process.pid:
            return False
        return _command_line(pid) == _command_line(self._process.pid) != b""

    def _begin(self) -> None:
        self._requests, other_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with other_end:
            # The name tells the commands of this process from those of other workers.
            program = f"import forked; forked.serve({other_end.fileno()})  # {os.getpid()}"
            self._process = subprocess.Popen(
                [sys.executable, "-c", program],
                cwd=_ROOT / "tests",
                env=self._environment,
                pass_fds=[other_end.fileno()],
            )


def _at_start(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_AT_START)}


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def serve(descriptor: int) -> None:
    """Fork a process for each requested command, and send its exit status when it ends."""
    for name in _IMPORTED:
        import_module(f"hpsearch.{name}")
    if FAULTS in os.environ:
        import_module("ctypes")
    gc.freeze()
    # As long as a command has not begun, Ctrl-C ends it. Python's handler would be lost while it is being forked.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    #: A file descriptor that becomes readable at the end of the command -> its process number and its news.
    commands: dict[int, tuple[int, int]] = {}
    with socket.socket(fileno=descriptor) as requests:
        while True:
            ready = select.select([requests, *commands], [], [])[0]
            for end in commands.keys() & ready:
                pid, news = commands.pop(end)
                _tell(news, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
                os.close(news)
                os.close(end)
            if requests not in ready:
                continue
            request, descriptors, *_ = socket.recv_fds(requests, 2 * _LARGEST, 3)
            if not request:
                return
            *streams, news = descriptors
            pid = os.fork()
            if pid == 0:
                break
            _tell(news, pid)
            commands[os.pidfd_open(pid)] = pid, news
            for stream in streams:
                os.close(stream)
    for inherited in (news, *commands, *(other for _, other in commands.values())):
        os.close(inherited)
    _carry_out(*json.loads(request), streams)


def _tell(news: int, number: int) -> None:
    # The test may have gone.
    with contextlib.suppress(BrokenPipeError):
        os.write(news, str(number).rjust(_NUMBER).encode())


def _carry_out(argv: list[str], cwd: str, environment: dict[str, str], streams: list[int]) -> None:
    """Execute the command in this process, to its end."""
    _become(streams, cwd, environment)
    sys.orig_argv[:] = argv
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        if argv[1] == "-m":
            sys.argv[:] = argv[2:]
            runpy.run_module(argv[2], run_name="__main__", alter_sys=True)
        else:
            sys.argv[:] = ["-c", *argv[3:]]
            sys.modules["__main__"] = ModuleType("__main__")
            exec(argv[2], vars(sys.modules["__main__"]))
    except SystemExit as end:
        if not isinstance(end.code, int):
            raise
        # Tearing down all imported modules would take longer than most commands.
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code)


def _become(streams: list[int], cwd: str, environment: dict[str, str]) -> None:
    """Make this process like a new one: set its standard streams, folder, environment and import path."""
    for number, stream in enumerate([os.open(os.devnull, os.O_RDONLY), *streams]):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    if FAULTS in environment:
        import_module("ctypes").CDLL(environment["LD_PRELOAD"]).begin_command()
    tests, own = str(_ROOT / "tests"), environment.get("PYTHONPATH", "").split(os.pathsep)
    rest = [path for path in sys.path if path and path not in (tests, *own)]
    sys.path[:] = [cwd, *filter(None, own), *rest]
    del sys.modules["forked"]
