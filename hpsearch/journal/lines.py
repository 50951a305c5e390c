"""The events of a search as lines of its journal: written, read one by one, and read fast if there are many."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from hpsearch.core.model import RunState, is_job_id
from hpsearch.core.value_text import integer
from hpsearch.journal.events import (
    JOURNAL_VERSION,
    AttemptEnded,
    AttemptIntended,
    AttemptStarted,
    AttemptStopped,
    AttemptSubmitted,
    AttemptWithdrawn,
    ConfigurationDropped,
    ControllerStarted,
    EndTold,
    Event,
    OfAttempt,
    RowCarried,
    RunCollected,
    RunMoved,
    RunPlanned,
    RunReused,
    RunsLeftOut,
    RunsPlanned,
    SearchCandidates,
    SearchMoved,
    SearchStarted,
    decode_summary,
)
from hpsearch.journal.settings import Settings
from hpsearch.journal.values import build, build_plain, check_name, check_path, decode
from hpsearch.startup.classes import fields

#: No system has larger process ids.
_LARGEST_PID = 2**31 - 1
#: The name of an event's kind in a line -> its class. Any: the classes above.
_KINDS: dict[str, type[Any]] = {
    "search": SearchStarted,
    "candidates": SearchCandidates,
    "controller": ControllerStarted,
    "planned": RunPlanned,
    "plan": RunsPlanned,
    "moved": RunMoved,
    "search_moved": SearchMoved,
    "carried": RowCarried,
    "dropped": ConfigurationDropped,
    "end_told": EndTold,
    "reused": RunReused,
    "left_out": RunsLeftOut,
    "intended": AttemptIntended,
    "withdrawn": AttemptWithdrawn,
    "submitted": AttemptSubmitted,
    "started": AttemptStarted,
    "stopped": AttemptStopped,
    "ended": AttemptEnded,
    "collected": RunCollected,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_FIELDS = {kind: tuple(each.name for each in fields(kind)) for kind in _NAMES}
#: The names of the kinds of events of an attempt.
OF_ATTEMPTS = tuple(name for name, kind in _KINDS.items() if issubclass(kind, OfAttempt))
#: Fields that a line leaves out if they are None.
_LEFT_OUT: dict[type, tuple[str, ...]] = {RunPlanned: ("candidate", "why", "after"), AttemptIntended: ("continues",)}
_to_json = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode
#: Type -> how its values are written in JSON. Other types are left to `_to_json`, which takes 2 us for each value.
_WRITTEN: dict[type, Callable[[Any], str]] = {  # Any: a value of that type
    str: json.encoder.encode_basestring_ascii,
    int: str,
    float: lambda value: repr(value) if math.isfinite(value) else _to_json(value),
    bool: {True: "true", False: "false"}.__getitem__,
    type(None): lambda _: "null",
    dict: lambda value: _to_json(value) if value else "{}",
}
#: json.loads would detect the encoding of every line, and `decode` look for white space around it.
_decoder = json.JSONDecoder()


def to_line(event: Event) -> bytes:
    """Return an event as one line of JSON, line break included."""
    kind = type(event)
    written, left_out = [f'{{"event":"{_NAMES[kind]}"'], _LEFT_OUT.get(kind, ())
    for name in _FIELDS[kind]:
        value = getattr(event, name)
        if value is not None or name not in left_out:
            written.append(f'"{name}":{_WRITTEN.get(type(value), _to_json)(value)}')
    return f"{','.join(written)}}}\n".encode("ascii")


def from_line(line: bytes) -> Event:
    """Read an event back. Raises ValueError if the line is not an event of this version."""
    try:
        value = _json(line.decode("ascii"))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    name = value.pop("event", None) if isinstance(value, dict) else None
    if not isinstance(name, str) or name not in _KINDS:
        raise ValueError(f"not an event of this version: {line[:80]!r}")
    kind = _KINDS[name]
    event: Event = build(kind, value) if issubclass(kind, OfAttempt) else build_plain(kind, value)
    try:
        _check(event)
    except (TypeError, KeyError, OverflowError, RecursionError) as error:
        raise ValueError(f"it holds what this version never writes ({error!r})") from error
    return event


def read_json(text: str) -> Any:  # Any: whatever JSON can hold
    """Return the value with which a text of JSON begins. Raises ValueError if there is none."""
    return _decoder.raw_decode(text)[0]


def _json(text: str) -> Any:  # Any: whatever JSON can hold
    if text.startswith("{"):
        value, end = _decoder.raw_decode(text)
        if text[end:] == "\n":
            return value
    return _decoder.decode(text)


#: Where the name of the kind starts in a line, and how many of its letters tell the kinds of attempts apart.
_NAME_STARTS, _LETTERS = len('{"event":"'), 3
_TEXT = r"[ !#-\[\]-~]*"
_INTEGER, _NUMBER = r"(?:0|[1-9][0-9]{0,17})", r"(?:0|[1-9][0-9]{0,9})(?:\.[0-9]{1,17})?(?:e-[0-9]{2})?"
_PAIR, _CELL = rf'"{_TEXT}":"{_TEXT}"', rf'"{_TEXT}":\["{_TEXT}"\]'
#: Annotation of a field -> pattern of its usual values in JSON; its one group holds the value.
_USUAL_OF = {
    "int": f"({_INTEGER})",
    "int | None": f"(null|{_INTEGER})",
    "float": f"({_NUMBER})",
    "float | None": f"(null|{_NUMBER})",
    "bool": "(true|false)",
    "str": f'"({_TEXT})"',
    "Mapping[str, str]": rf"(\{{(?:{_PAIR}(?:,{_PAIR})*)?\}})",
    "Mapping[str, Any] | None": rf"(null|\{{{_CELL}(?:,{_CELL})*\}})",
}
#: Field -> pattern, for fields whose usual values are narrower: an attempt's name; an id of a process or a job.
_USUAL = {"token": r'"(\w[\w.-]{0,254})"', "id": r'"([1-9][0-9]{0,8}(?:@[\w.]+)?)"'}
_USUAL_STATE, _NO_CAUSE = f'"({"|".join(state.value for state in RunState)})"', '"()"'
#: Annotation of a field -> how the group's text becomes its value.
_READ_AS: dict[str, Callable[[str], object]] = {
    "int": int,
    "float": float,
    "str": str,
    "bool": "true".__eq__,
    "Mapping[str, Any] | None": read_json,
}
#: Which fields of usual lines are read at once, besides run and token.
_AT_ONCE: dict[type[OfAttempt], tuple[str, ...]] = {
    AttemptIntended: (),
    AttemptSubmitted: ("at", "is_queued"),
    AttemptStarted: (),
    AttemptEnded: ("at",),
    RunCollected: ("state", "at", "summary", "problem", "cause"),
}
OneKind = TypeVar("OneKind", bound=OfAttempt)
#: Puts a value into a field of an event that is being made.
_Put = Callable[[OfAttempt, object], None]


class UsualLine(Generic[OneKind]):
    """A line about an attempt that has all fields in order and only usual values, as almost all lines."""

    def __init__(self, kind: type[OneKind]) -> None:
        self._kind, self._name = kind, _NAMES[kind]
        self._types = {each.name: str(each.type) for each in fields(kind) if each.name not in _LEFT_OUT.get(kind, ())}
        self._at_once = ("run", "token", *_AT_ONCE[kind])
        puts: dict[str, _Put] = {name: getattr(kind, name).__set__ for name in (*_FIELDS[kind], "_line")}
        self._fields = [(puts[name], _READ_AS[self._types[name]]) for name in self._at_once]
        self._put_line, self._left_out = puts["_line"], [puts[name] for name in _LEFT_OUT.get(kind, ())]

    def pattern(self, given: Mapping[str, str] | None = None) -> str:
        """Return the pattern of such a line without its end.

        Its groups are the fields that are read at once, named after the kind and the field, as in ``ended_at``.
        given: patterns to use for some fields, which are then no groups.
        """
        usual = {name: _USUAL.get(name, _USUAL_OF[of_type]) for name, of_type in self._types.items()}
        usual |= {RunCollected: {"state": _USUAL_STATE}, AttemptEnded: {"cause": _NO_CAUSE}}.get(self._kind, {})
        for name, of_value in usual.items():
            group = f"(?P<{self._name}_{name}>" if name in self._at_once else "(?:"
            usual[name] = of_value.replace("(", group, 1)
        each = "".join(f',"{name}":{of_value}' for name, of_value in {**usual, **(given or {})}.items())
        return rf'\{{"event":"{self._name}"{each}\}}'

    def event(self, line: str, texts: Iterable[str]) -> OneKind:
        """Return the event of such a line. texts: of the fields that are read at once, in order."""
        # Not by __init__, which takes five times as long, and would need all fields.
        event = object.__new__(self._kind)
        for (put, read), text in zip(self._fields, texts):
            put(event, read(text))
        for put in self._left_out:
            put(event, None)
        self._put_line(event, line)
        return event


#: From this length on, in bytes, a `LineReader` reads a part of a journal.
LONG = 100_000


class LineReader:
    """Reads lines as `from_line` does, but faster if there are many, as in the journal of 100,000 runs.

    A pattern recognises the usual lines of attempts, and most of their fields are read only when they are asked for:
    that takes 2 us a line instead of 9. `from_line` reads all other lines.
    """

    def __init__(self) -> None:
        # Compiling the patterns takes a millisecond; `from_line` reads a short journal in less.
        usual = {_NAMES[kind][:_LETTERS]: UsualLine(kind) for kind in _AT_ONCE}
        self._usual = {
            letters: (re.compile(f"{line.pattern()}\n", re.ASCII).fullmatch, line) for letters, line in usual.items()
        }

    def __call__(self, line: bytes) -> Event:
        """Return the event. Raises ValueError as `from_line` does."""
        text = line.decode("ascii")
        usual = self._usual.get(text[_NAME_STARTS : _NAME_STARTS + _LETTERS])
        match = None if usual is None else usual[0](text)
        return from_line(line) if usual is None or match is None else usual[1].event(text, match.groups())


def _check(event: Event) -> None:
    """Make sure that later readers can rely on an event; raises ValueError, or what decoding a value raises."""
    if isinstance(event, OfAttempt):
        check_name("token", event.token)
    if isinstance(event, (RunPlanned, RunsPlanned, RunMoved, RunReused)):
        check_path("out_dir", event.out_dir)
    elif isinstance(event, SearchMoved):
        check_path("before", event.before)
        check_path("after", event.after)
    if isinstance(event, RunPlanned):
        check_name("folder", event.folder)
        for _, value in event.options:
            decode(value)
    elif isinstance(event, RunsPlanned):
        check_name("folder", f"{event.folder}{event.first}")
        event.block()
    elif isinstance(event, SearchCandidates):
        for _, values in event.options:
            decode(values)
    elif isinstance(event, SearchStarted):
        if event.version > JOURNAL_VERSION:
            raise ValueError(f"version {event.version} of the journal is newer than this program")
        Settings.from_json(event.settings)
    elif isinstance(event, AttemptSubmitted):
        _check_id(event)
    elif isinstance(event, AttemptEnded):
        RunState(event.cause or "lost")
    elif isinstance(event, AttemptStopped):
        # Not JSON's numbers: they may be NaN.
        float(event.step), float(event.value)
    elif isinstance(event, RunReused):
        decode_summary(event.summary)
    elif isinstance(event, RunCollected):
        RunState(event.state)
        decode_summary(event.summary or {})


def _check_id(event: AttemptSubmitted) -> None:
    """Make sure that an id means one job: a process, or a word that no command mistakes for an option."""
    pid = integer(event.id.partition("@")[0])
    is_process = pid is not None and 0 < pid <= _LARGEST_PID
    if not (is_job_id(event.id) if event.is_queued else is_process):
        raise ValueError(f"id is {event.id[:40]!r}; expected the id of a {'job' if event.is_queued else 'process'}")
