"""What can happen in a search, as lines of its journal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hpsearch.store.values import decode, encode

#: Raised when older versions could misread what this one writes.
JOURNAL_VERSION = 1


@dataclass(frozen=True)
class SearchStarted:
    """A search was planned in this folder. settings: see `record.Settings`; all that resuming needs."""

    settings: Mapping[str, Any]  # Any: whatever JSON can hold
    at: float
    version: int = JOURNAL_VERSION


@dataclass(frozen=True)
class ControllerStarted:
    """A controller took the search over; options: its command-line options, name -> value."""

    host: str
    pid: int
    at: float
    options: Mapping[str, Any] = field(default_factory=dict)  # Any: see above


@dataclass(frozen=True)
class RunPlanned:
    """A run belongs to the search. options: pairs of name and value (encoded), in order."""

    run: int
    folder: str
    out_dir: str
    options: list[list[Any]]  # Any: see above


@dataclass(frozen=True)
class RowCarried:
    """A row of results was in the table before this journal began. row: column -> cell."""

    row: Mapping[str, str]


@dataclass(frozen=True)
class AttemptIntended:
    """A run is about to be submitted under this unique name."""

    run: int
    token: str
    at: float


@dataclass(frozen=True)
class AttemptWithdrawn:
    """An attempt that was intended never became a job: the run is what it was before."""

    run: int
    token: str
    at: float


@dataclass(frozen=True)
class AttemptSubmitted:
    """A backend accepted the attempt. id: the backend's name for it; place and environment: where it runs.

    waited_s: for how long it could have been started if there had been a place.
    is_queued: it is a scheduler's job, which waits in a queue first; otherwise it is a process on `host`.
    """

    run: int
    token: str
    id: str
    host: str
    at: float
    place: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    waited_s: float = 0.0
    is_queued: bool = False


@dataclass(frozen=True)
class AttemptStarted:
    """A queued attempt was seen running. place: where, for people; may be empty."""

    run: int
    token: str
    at: float
    place: str = ""


@dataclass(frozen=True)
class AttemptEnded:
    """The attempt is over. cause: value of a RunState where the backend knows why, else empty."""

    run: int
    token: str
    exit_status: int | None
    at: float
    cause: str = ""
    reason: str = ""


@dataclass(frozen=True)
class RunCollected:
    """What the attempt came to. state: value of a RunState; summary: keyword -> list with one value, encoded."""

    run: int
    token: str
    state: str
    at: float
    summary: Mapping[str, Any] | None = None  # Any: see above
    problem: str = ""


Event = (
    SearchStarted
    | ControllerStarted
    | RunPlanned
    | RowCarried
    | AttemptIntended
    | AttemptWithdrawn
    | AttemptSubmitted
    | AttemptStarted
    | AttemptEnded
    | RunCollected
)

_KINDS: dict[str, type[Any]] = {  # Any: the classes above
    "search": SearchStarted,
    "controller": ControllerStarted,
    "planned": RunPlanned,
    "carried": RowCarried,
    "intended": AttemptIntended,
    "withdrawn": AttemptWithdrawn,
    "submitted": AttemptSubmitted,
    "started": AttemptStarted,
    "ended": AttemptEnded,
    "collected": RunCollected,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_to_json = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode
#: json.loads would look for the encoding of each of many lines.
_from_json = json.JSONDecoder().decode


def to_line(event: Event) -> bytes:
    """Return an event as one line of JSON, line break included."""
    return _to_json({"event": _NAMES[type(event)], **vars(event)}).encode("ascii") + b"\n"


def from_line(line: bytes) -> Event:
    """Read an event back.

    Raises ValueError if the line is no event of this version.
    """
    fields = _from_json(line.decode("ascii"))
    if not isinstance(fields, dict) or fields.get("event") not in _KINDS:
        raise ValueError(f"not an event of this version: {line[:80]!r}")
    kind = _KINDS[fields.pop("event")]
    try:
        event: Event = kind(**fields)
    except TypeError as error:
        raise ValueError(f"not an event of this version: {line[:80]!r}") from error
    return event


def encode_summary(summary: Mapping[str, list[object]]) -> dict[str, Any]:  # Any: whatever JSON can hold
    """Return a summary as JSON can hold it."""
    return {keyword: [encode(item) for item in value] for keyword, value in summary.items()}


def decode_summary(summary: Mapping[str, Any]) -> dict[str, list[object]]:  # Any: see above
    """Return the summary that `encode_summary` was given."""
    return {keyword: [decode(item) for item in value] for keyword, value in summary.items()}
