"""Python's search for garbage, put off while many objects are made that are none."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


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
