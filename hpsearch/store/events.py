"""What can happen in a search, as lines of its journal."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hpsearch.core.model import Run, RunState, is_job_id
from hpsearch.core.value_text import integer
from hpsearch.startup.classes import dataclass, field, fields
from hpsearch.store.planned import Pair, RunBlock, packed, unpacked
from hpsearch.store.settings import Settings
from hpsearch.store.values import build, build_plain, check_name, check_path, decode, encode

#: Raised when older versions could misread what this one writes.
JOURNAL_VERSION = 1
#: Where the name of its kind starts in a line, and how many letters tell those of attempts apart.
_NAME_STARTS, _LETTERS = len('{"event":"'), 3
#: Process ids are smaller on every system.
_LARGEST_PID = 2**31 - 1
#: More runs than any line tells of.
_MOST_TOGETHER = 1_000_000


@dataclass(frozen=True)
class SearchStarted:
    """A search was planned in this folder. settings: see `Settings`; all that resuming needs."""

    settings: Mapping[str, Any]  # Any: whatever JSON can hold
    at: float
    version: int = JOURNAL_VERSION


@dataclass(frozen=True)
class ControllerStarted:
    """A controller took the search over; options: its command-line options, name -> value.

    cluster: the one that its scheduler's commands ask by themselves; empty if none, or unknown.
    """

    host: str
    pid: int
    at: float
    options: Mapping[str, Any] = field(default_factory=dict)  # Any: see above
    cluster: str = ""


@dataclass(frozen=True)
class SearchCandidates:
    """A sampler chooses the configurations of the search from these; they are known by their place.

    count: how many they are. available: of how many they are a sample; 0 = that was not counted, None = they are all.
    options: pairs of name and values (encoded), in order. rows: which value each has, see `choosers.candidates`.
    """

    count: int
    available: int | None
    options: list[list[Any]]  # Any: see above
    rows: str


@dataclass(frozen=True)
class RunPlanned:
    """A run belongs to the search. options: pairs of name and value (encoded), in order.

    candidate: which of the `SearchCandidates` it is. why: what made the sampler choose it, on the first run of it.
    after: the run with a smaller budget from which it goes on. None = no sampler chose it, or it is the first of its
    configuration; then no journal has these fields.
    """

    run: int
    folder: str
    out_dir: str
    options: list[list[Any]]  # Any: see above
    candidate: int | None = None
    why: Mapping[str, Any] | None = None
    after: int | None = None

    @classmethod
    def of(
        cls, run: Run, candidate: int | None = None, why: Mapping[str, Any] | None = None, after: int | None = None
    ) -> RunPlanned:
        """Return the event by which the journal learns of a run."""
        options = [[name, encode(value)] for name, value in run.configuration.options]
        return cls(run.number, run.folder, run.out_dir, options, candidate, why, after)


@dataclass(frozen=True)
class RunsPlanned:
    """Runs with consecutive numbers belong to the search, all planned before the first of them started.

    folder: what the names of their folders begin with; `width` digits follow. out_dir: in which folder these lie.
    options: pairs of a name and its values (encoded), in order. codes: which value each run has, see `packed`.
    """

    first: int
    count: int
    folder: str
    width: int
    out_dir: str
    options: list[list[Any]]  # Any: see above
    codes: str

    @classmethod
    def of(cls, block: RunBlock) -> RunsPlanned:
        """Return the event by which the journal learns of some runs."""
        options = [[pairs[0][0], [encode(value) for _, value in pairs]] for pairs in block.options]
        codes = packed(block.codes, [len(pairs) for pairs in block.options])
        return cls(block.first, len(block.numbers), block.stem, block.width, block.parent, options, codes)

    def block(self, pair_of: Callable[[str, Any], Pair] = lambda name, value: (name, decode(value))) -> RunBlock:
        """Return the runs. pair_of: returns an option from its name and its encoded value.

        Raises ValueError, or what its values raise, if there can be no such runs.
        """
        if not (0 < self.count <= _MOST_TOGETHER and self.first > 0 and 0 < self.width < 20 and self.options):
            raise ValueError(f"{self.count} runs from {self.first} on, with {len(self.options)} options")
        options = [[pair_of(name, value) for value in values] for name, values in self.options]
        codes = unpacked(self.codes, self.count, [*map(len, options)])
        return RunBlock(self.first, self.folder, self.width, self.out_dir, options, codes)


@dataclass(frozen=True)
class RunMoved:
    """The search was found in another folder: from here on, this is the run's output folder."""

    run: int
    out_dir: str


@dataclass(frozen=True)
class RowCarried:
    """A row of results was in the table before this journal began. row: column -> cell."""

    row: Mapping[str, str]


@dataclass(frozen=True)
class RunReused:
    """A run counts as finished: another search ran the same command. out_dir: its folder there, absolute.

    summary: as `RunCollected` has it.
    """

    run: int
    out_dir: str
    at: float
    summary: Mapping[str, Any]  # Any: see above


@dataclass(frozen=True)
class RunsLeftOut:
    """These unfinished runs, and no others, are not in the grid any more: they run only if somebody names them."""

    runs: list[int]


class _AsRead:
    """An event of which only some fields may be known yet: the others are read from its line when one is asked for."""

    __slots__ = ("_line",)
    _line: str
    if not TYPE_CHECKING:  # or any misspelled name would pass for a field

        def __getattr__(self, name: str) -> object:
            # Called only for what has no value yet.
            if name == "_line" or name not in _FIELDS[type(self)]:
                raise AttributeError(name)
            for field_name, value in _json(self._line).items():
                if field_name != "event":
                    object.__setattr__(self, field_name, value)
            return getattr(self, name)


@dataclass(frozen=True, slots=True)
class OfAttempt(_AsRead):
    """An event of one attempt at a run. token: the attempt's unique name."""

    run: int
    token: str


@dataclass(frozen=True, slots=True)
class AttemptIntended(OfAttempt):
    """The attempt is about to be submitted.

    continues: the folder of the attempt from which it goes on, as its command names it; empty if it finds its own as it
    was, or none was left. None = it begins anew; then no journal has this field.
    """

    at: float
    continues: str | None = None


@dataclass(frozen=True, slots=True)
class AttemptWithdrawn(OfAttempt):
    """An attempt never became a job, or was taken out of a scheduler's queue: the run is what it was before."""

    at: float


@dataclass(frozen=True, slots=True)
class AttemptSubmitted(OfAttempt):
    """A backend accepted the attempt. id: the backend's name for it; place and environment: where it runs.

    waited_s: for how long it could have been started if there had been a place.
    is_queued: it is a scheduler's job, which waits in a queue first; otherwise it is a process on `host`.
    """

    id: str
    host: str
    at: float
    place: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    waited_s: float = 0.0
    is_queued: bool = False


@dataclass(frozen=True, slots=True)
class AttemptStarted(OfAttempt):
    """A queued attempt was seen running. place: where, for people; may be empty."""

    at: float
    place: str = ""


@dataclass(frozen=True, slots=True)
class AttemptStopped(OfAttempt):
    """The attempt is hopeless by a rule of ``--stop_early``, and about to be ended. reason: for people.

    step, value: the last ones known, as text: a value may be NaN. is_dry: it goes on, ``--stop_dry_run``.
    """

    at: float
    rule: str
    reason: str
    step: str
    value: str
    is_dry: bool = False


@dataclass(frozen=True, slots=True)
class AttemptEnded(OfAttempt):
    """The attempt is over. cause: value of a RunState where the backend knows why, else empty.

    at: when the run ended, if its host noted that; else when its end was noticed.
    began: when a job's run began, as its host noted it; None if it did not.
    """

    exit_status: int | None
    at: float
    cause: str = ""
    reason: str = ""
    began: float | None = None


@dataclass(frozen=True, slots=True)
class RunCollected(OfAttempt):
    """What the attempt came to. state: value of a RunState; summary: keyword -> list with one value, encoded.

    problem: what is wrong with its end or its summary. cause: why it did not finish, in one line; empty if it did, or
    if a version before 1.1 wrote this.
    """

    state: str
    at: float
    summary: Mapping[str, Any] | None = None  # Any: see above
    problem: str = ""
    cause: str = ""


@dataclass(frozen=True)
class ConfigurationDropped:
    """A race gives a configuration no more seeds. seeds: after how many each; why: for people.

    p: the probability of being this much worse than the best by chance; None if too many of its runs failed.
    runs: all that it has; if they failed, only those, since the drop holds until one of them is run again.
    """

    runs: list[int]
    at: float
    seeds: int
    p: float | None
    why: str


@dataclass(frozen=True)
class EndTold:
    """The search is at its end, and the user's command for that is about to run. command: see ``--on_end``."""

    command: str
    at: float


_OfSearch = SearchStarted | SearchCandidates | ControllerStarted | RowCarried | ConfigurationDropped | EndTold
Event = _OfSearch | RunPlanned | RunsPlanned | RunMoved | RunReused | RunsLeftOut | OfAttempt

#: The name by which a line tells its kind -> that kind. Any: the classes above.
_KINDS: dict[str, type[Any]] = {
    "search": SearchStarted,
    "candidates": SearchCandidates,
    "controller": ControllerStarted,
    "planned": RunPlanned,
    "plan": RunsPlanned,
    "moved": RunMoved,
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
#: Fields that a line does not have where they are None.
_LEFT_OUT: dict[type, tuple[str, ...]] = {RunPlanned: ("candidate", "why", "after"), AttemptIntended: ("continues",)}
_to_json = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode
#: json.loads would look for the encoding of each of many lines, and `decode` for white space around it.
_decoder = json.JSONDecoder()


def to_line(event: Event) -> bytes:
    """Return an event as one line of JSON, line break included."""
    kind = type(event)
    said = {"event": _NAMES[kind], **{name: getattr(event, name) for name in _FIELDS[kind]}}
    for name in _LEFT_OUT.get(kind, ()):
        if said[name] is None:
            del said[name]
    return _to_json(said).encode("ascii") + b"\n"


def from_line(line: bytes) -> Event:
    """Read an event back. Raises ValueError if the line is no event of this version."""
    try:
        found = _json(line.decode("ascii"))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    name = found.pop("event", None) if isinstance(found, dict) else None
    if not isinstance(name, str) or name not in _KINDS:
        raise ValueError(f"not an event of this version: {line[:80]!r}")
    kind = _KINDS[name]
    event: Event = build(kind, found) if issubclass(kind, OfAttempt) else build_plain(kind, found)
    try:
        _check(event)
    except (TypeError, KeyError, OverflowError, RecursionError) as error:
        raise ValueError(f"it holds what this version never writes ({error!r})") from error
    return event


def _json(text: str) -> Any:  # Any: whatever JSON can hold
    if text.startswith("{"):
        found, end = _decoder.raw_decode(text)
        if text[end:] == "\n":
            return found
    return _decoder.decode(text)


_TEXT = r"[ !#-\[\]-~]*"
_INTEGER, _NUMBER = r"(?:0|[1-9][0-9]{0,17})", r"(?:0|[1-9][0-9]{0,9})(?:\.[0-9]{1,17})?(?:e-[0-9]{2})?"
_PAIR, _CELL = rf'"{_TEXT}":"{_TEXT}"', rf'"{_TEXT}":\["{_TEXT}"\]'
#: Annotation of a field -> pattern of its usual values in JSON, with one group for what tells the value.
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
#: The same of fields that take less than that: an attempt's name, and an id that is a process or a number.
_USUAL = {"token": r'"(\w[\w.-]{0,254})"', "id": r'"([1-9][0-9]{0,8}(?:@[\w.]+)?)"'}
_USUAL_STATE, _NO_CAUSE = f'"({"|".join(state.value for state in RunState)})"', '"()"'
#: Annotation of a field -> how what stands in the group becomes its value.
_READ_AS: dict[str, Callable[[str], object]] = {
    "int": int,
    "float": float,
    "str": str,
    "bool": "true".__eq__,
    "Mapping[str, Any] | None": lambda text: _decoder.raw_decode(text)[0],
}
#: Which fields of usual lines are read at once, besides run and token.
_AT_ONCE: dict[type[OfAttempt], tuple[str, ...]] = {
    AttemptIntended: (),
    AttemptSubmitted: ("at", "is_queued"),
    AttemptStarted: (),
    AttemptEnded: ("at",),
    RunCollected: ("state", "at", "summary", "problem", "cause"),
}
#: Puts a value into a field of an event that is being made.
_Put = Callable[[OfAttempt, object], None]
_put_line: _Put = vars(_AsRead)["_line"].__set__
_new = object.__new__
#: How a line looks that has all fields, in order, and nothing unusual in them: what matches it, the class, what takes
#: run and token, for the other fields that are read at once number of the group, what takes it and what reads it, and
#: what takes None for those that a line does not have.
_UsualLine = tuple[
    Callable[[str], re.Match[str] | None],
    type[OfAttempt],
    _Put,
    _Put,
    list[tuple[int, _Put, Callable[[str], object]]],
    list[_Put],
]


def _usual_line(kind: type[OfAttempt]) -> _UsualLine:
    left_out = _LEFT_OUT.get(kind, ())
    types = {each.name: str(each.type) for each in fields(kind) if each.name not in left_out}
    usual = {name: _USUAL.get(name, _USUAL_OF[of_type]) for name, of_type in types.items()}
    usual |= {RunCollected: {"state": _USUAL_STATE}, AttemptEnded: {"cause": _NO_CAUSE}}.get(kind, {})
    pattern = "".join(f',"{name}":{of_value}' for name, of_value in usual.items())
    matches = re.compile(rf'\{{"event":"{_NAMES[kind]}"{pattern}\}}\n', re.ASCII).fullmatch
    puts: dict[str, _Put] = {name: getattr(kind, name).__set__ for name in _FIELDS[kind]}
    others = [([*usual].index(name) + 1, puts[name], _READ_AS[types[name]]) for name in _AT_ONCE[kind]]
    return matches, kind, puts["run"], puts["token"], others, [puts[name] for name in left_out]


class LineReader:
    """Reads lines as `from_line` does, faster where they are many, as in the journal of 100,000 runs.

    A line of an attempt that looks as usual is recognised by a pattern, and most of its fields are read when somebody
    asks for them: that takes 2 us a line instead of 9. Any other line is read by `from_line`.
    """

    def __init__(self) -> None:
        # It takes a millisecond to compile the patterns: a short journal has been read by then.
        self._usual = {_NAMES[kind][:_LETTERS]: _usual_line(kind) for kind in _AT_ONCE}

    def __call__(self, line: bytes) -> Event:
        """Return the event. Raises ValueError as `from_line` does."""
        text = line.decode("ascii")
        usual = self._usual.get(text[_NAME_STARTS : _NAME_STARTS + _LETTERS])
        if usual is None:
            return from_line(line)
        matches, kind, put_run, put_token, others, left_out = usual
        found = matches(text)
        if found is None:
            return from_line(line)
        event = _new(kind)
        run, token = found.group(1, 2)
        put_run(event, int(run))
        put_token(event, token)
        for group, put, read in others:
            put(event, read(found[group]))
        for put in left_out:
            put(event, None)
        _put_line(event, text)
        return event


def _check(event: Event) -> None:
    """Make sure that what later reads an event can rely on it; raises ValueError or what its values raise."""
    if isinstance(event, OfAttempt):
        check_name("token", event.token)
    if isinstance(event, (RunPlanned, RunsPlanned, RunMoved, RunReused)):
        check_path("out_dir", event.out_dir)
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
    """Make sure that an id means one job: a process, or a word that no command takes for an option."""
    pid = integer(event.id.partition("@")[0])
    is_process = pid is not None and 0 < pid <= _LARGEST_PID
    if not (is_job_id(event.id) if event.is_queued else is_process):
        raise ValueError(f"id is {event.id[:40]!r}; expected that of a {'job' if event.is_queued else 'process'}")


def _is_one_text(value: object) -> bool:
    """Return whether a summary's value is its own encoding, as almost all are."""
    return type(value) is list and len(value) == 1 and type(value[0]) is str


def encode_summary(summary: Mapping[str, list[object]]) -> dict[str, Any]:  # Any: whatever JSON can hold
    """Return a summary as JSON can hold it."""
    return {keyword: [encode(item) for item in value] for keyword, value in summary.items()}


def decode_summary(summary: Mapping[str, Any]) -> dict[str, list[object]]:  # Any: see above
    """Return the summary that `encode_summary` was given. Raises ValueError, TypeError or KeyError if it is none."""
    if all(map(_is_one_text, summary.values())):
        return dict(summary)
    decoded = {keyword: [decode(item) for item in value] for keyword, value in summary.items()}
    if not all(decoded.values()):
        raise ValueError("a keyword of the summary has no value")
    return decoded
