"""Who controls a search, as its lock file says it."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field, fields

from hpsearch.store.checked import build

#: A heartbeat changes digits, and never the length of the file: no reader sees half of it.
_WIDTH = 20


@dataclass(frozen=True)
class Holder:
    """Who took a search folder's lock, as the lock file says it.

    since: seconds since the epoch. process: what tells this process from a later one with its number; may be empty.
    takes_signals: True if SIGINT ends this search in good order (and no other search that its program may run).
    inode: of the lock file, by which a copy of the folder is told from the original; 0 = not known.
    boot: the id of the machine's boot. beat_s: seconds between two heartbeats, 0 = there are none.
    beat: how often the heart has beaten.
    """

    host: str
    pid: int
    since: float
    process: str = ""
    takes_signals: bool = False
    inode: int = 0
    boot: str = ""
    beat_s: float = 0.0
    beat: int = field(default=0, compare=False)

    def __str__(self) -> str:
        if not self.host:
            return "the lock file cannot be read"
        started = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.since))
        return f"process {self.pid} on {self.host}, since {started}"


def record_of(holder: Holder) -> bytes:
    """Return a holder as one line of JSON; as long as any other of this holder."""
    text = json.dumps(asdict(holder))
    return (text + " " * (_WIDTH - len(str(holder.beat)))).encode() + b"\n"


def holder_in(content: bytes) -> Holder | None:
    """Return the holder that a lock file names; None if it is empty. One that cannot be read has no host."""
    try:
        return holder_from(json.loads(content)) if content.strip() else None
    except (ValueError, RecursionError):
        return Holder(host="", pid=0, since=0.0)


def holder_from(found: object) -> Holder:
    """Return a holder from its JSON.

    Raises ValueError if it is none.
    """
    if not isinstance(found, dict):
        raise ValueError(f"expected an object, found {type(found).__name__}")
    known = {each.name for each in fields(Holder)}
    return build(Holder, {name: value for name, value in found.items() if name in known})
