"""Watch what reading must never do: execute, import or call what the text names, or go on for ever."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from types import CodeType, FrameType

#: Events of Python's own auditing (`sys.addaudithook`).
_NEVER = frozenset(
    "os.system os.exec os.fork os.forkpty os.posix_spawn os.spawn subprocess.Popen pickle.find_class pty.spawn"
    " ctypes.dlopen socket.connect socket.bind shutil.rmtree webbrowser.open code.__new__ os.kill".split()
)
_MAKE_CLASSES = ("dataclasses", "collections", "hpsearch.startup")
_MAY_BE_IMPORTED = ("hpsearch", "encodings", "numpy")


class Forbidden(BaseException):
    """Reading did something that it must not; no `except Exception` hides it."""


class Watch:
    """Watches this process while a text is read. Its audit hook cannot be removed again, only switched off."""

    def __init__(self, most_s: float) -> None:
        """most_s: processor time that reading one input may take."""
        self._most_s, self._is_on = most_s, False
        self._importable = frozenset((*_MAY_BE_IMPORTED, *sys.stdlib_module_names))
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        # The process's own library: opening it again is how C's buffers are flushed.
        if not self._is_on or (event == "ctypes.dlopen" and arguments[0] is None):
            return
        is_code = event == "exec" and isinstance(arguments[0], CodeType) and arguments[0].co_filename == "<string>"
        # Methods of dataclasses are texts, too, which their own module executes.
        maker = str(sys._getframe(1).f_globals.get("__name__")) if is_code else ""
        is_text_executed = is_code and not maker.startswith(_MAKE_CLASSES)
        is_strange = event == "import" and str(arguments[0]).partition(".")[0] not in self._importable
        if event in _NEVER or is_text_executed or is_strange:
            raise Forbidden(f"{event} {arguments!r:.200}")

    @contextlib.contextmanager
    def on(self) -> Iterator[None]:
        """Watch what happens inside, in the main thread."""
        before = signal.signal(signal.SIGPROF, self._too_long)
        signal.setitimer(signal.ITIMER_PROF, self._most_s)
        self._is_on = True
        try:
            yield
        finally:
            self._is_on = False
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, before)

    def _too_long(self, _: int, frame: FrameType | None) -> None:
        raise Forbidden(f"it takes more than {self._most_s} s of processor time")
