"""Watch what reading must never do: execute, import or call what the text names, or go on for ever."""

from __future__ import annotations

import signal
import sys
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
    """Watches, as a context, what the main thread of this process reads.

    Its audit hook and its handler of SIGPROF stay, switched off: setting them anew took longer than reading.
    """

    def __init__(self, most_s: float) -> None:
        """most_s: processor time that reading one input may take."""
        self._most_s, self._is_on = most_s, False
        self._importable = frozenset((*_MAY_BE_IMPORTED, *sys.stdlib_module_names))
        sys.addaudithook(self._hear)
        signal.signal(signal.SIGPROF, _too_long)

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

    def __enter__(self) -> None:
        """Begin with an input."""
        signal.setitimer(signal.ITIMER_PROF, self._most_s)
        self._is_on = True

    def __exit__(self, *_: object) -> None:
        """End with an input."""
        self._is_on = False
        signal.setitimer(signal.ITIMER_PROF, 0)


def _too_long(_: int, __: FrameType | None) -> None:
    raise Forbidden("it takes too much processor time")
