"""Who controls a search, and whether that controller is still there."""

from __future__ import annotations

import enum
import os
import socket
import threading
import time
from collections.abc import Callable

from hpsearch.backends.process_identity import boot_id, job_id, lives, shares_host_name
from hpsearch.store.lock import Holder, LockWays


class Presence(enum.Enum):
    """What is known of a controller that has not given back its lock."""

    LIVE = "live"
    GONE = "gone"
    UNKNOWN = "unknown"


def this_controller() -> Holder:
    """Return what a lock file should say of this process."""
    # Python handles signals in the main thread: a search in another one is part of a program that has its own ways.
    takes_signals = threading.current_thread() is threading.main_thread()
    return Holder(socket.gethostname(), os.getpid(), time.time(), job_id(os.getpid()), takes_signals, boot=boot_id())


def presence_of(holder: Holder | None) -> Presence:
    """Return whether the holder of a lock is still there; what another machine does cannot be seen from here."""
    if holder is None:
        return Presence.GONE
    if holder.host != socket.gethostname() and not shares_host_name(holder.process):
        return Presence.UNKNOWN
    is_live = lives(holder.process, holder.host) if holder.process else None
    return {True: Presence.LIVE, False: Presence.GONE, None: Presence.UNKNOWN}[is_live]


def lock_ways(tell: Callable[[str], None]) -> LockWays:
    """Return how a controller on this machine takes a search's lock. tell: shows people a message."""
    known = {Presence.LIVE: True, Presence.GONE: False, Presence.UNKNOWN: None}
    return LockWays(lambda holder: known[presence_of(holder)], tell)
