"""Python's search for garbage: seldom in a command, not at all while many objects are made that are none."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

#: How many new objects of which ages let Python look for garbage, before any command of ours changes that.
_USUAL = gc.get_threshold()
#: The same in a command. One that only shows something makes fewer new objects, almost none of them garbage; looking as
#: often as usual takes a tenth of its time.
_SELDOM = (20_000, *_USUAL[1:])


def look_seldom() -> None:
    """Let Python look for garbage less often than usual."""
    gc.set_threshold(*_SELDOM)


def look_as_usual() -> None:
    """Let Python look for garbage: as often as before `look_seldom`, or as often as the user's code has chosen."""
    if gc.get_threshold() == _SELDOM:
        gc.set_threshold(*_USUAL)
    gc.enable()


@contextlib.contextmanager
def collected_later() -> Iterator[None]:
    """Put off garbage collection: what is read of a search holds no reference cycles.

    The collector goes through all objects whenever their number has grown by a quarter, which takes a third of the
    time to read a long journal.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
