"""What can happen in a search: the events of its journal."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hpsearch.core.model import Run
from hpsearch.journal.planned import Pair, RunBlock, packed, unpacked
from hpsearch.journal.values import decode, encode
from hpsearch.startup.classes import dataclass, field

#: Raised when older versions could misread what this one writes.
JOURNAL_VERSION = 1
#: More runs than any line plans.
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

    cluster: the cluster that its scheduler's commands ask by default; empty if none, or unknown.
    """

    host: str
    pid: int
    at: float
    options: Mapping[str, Any] = field(default_factory=dict)  # Any: see above
    cluster: str = ""


@dataclass(frozen=True)
class SearchCandidates:
    """A sampler chooses the configurations of the search from these candidates, each known by its index.

    count: how many. available: how many they are sampled from; 0 = not counted, None = they are all there are.
    options: pairs of name and values (encoded), in order. rows: each one's values, see `choosers.candidates`.
    """

    count: int
    available: int | None
    options: list[list[Any]]  # Any: see above
    rows: str


@dataclass(frozen=True)
class RunPlanned:
    """A run belongs to the search. options: pairs of name and value (encoded), in order.

    candidate: its index in `SearchCandidates`. why: what made the sampler choose it, on the candidate's first run.
    after: the run with a smaller budget from which this one goes on. The journal leaves out what is None.
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
        """Return the event that plans a run."""
        options = [[name, encode(value)] for name, value in run.configuration.options]
        return cls(run.number, run.folder, run.out_dir, options, candidate, why, after)


@dataclass(frozen=True)
class RunsPlanned:
    """Runs with consecutive numbers belong to the search; all were planned before the first one started.

    folder: how the names of their folders begin; `width` digits follow. out_dir: the folder that holds these folders.
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
        """Return the event that plans a block of runs."""
        options = [[pairs[0][0], [encode(value) for _, value in pairs]] for pairs in block.options]
        codes = packed(block.codes, [len(pairs) for pairs in block.options])
        return cls(block.first, len(block.numbers), block.stem, block.width, block.parent, options, codes)

    def block(self, pair_of: Callable[[str, Any], Pair] = lambda name, value: (name, decode(value))) -> RunBlock:
        """Return the runs. pair_of: makes an option from its name and its encoded value.

        Raises ValueError, or what decoding a value raises, if there can be no such runs.
        """
        if not (0 < self.count <= _MOST_TOGETHER and self.first > 0 and 0 < self.width < 20 and self.options):
            raise ValueError(f"{self.count} runs from {self.first} on, with {len(self.options)} options")
        options = [[pair_of(name, value) for value in values] for name, values in self.options]
        codes = unpacked(self.codes, self.count, [*map(len, options)])
        return RunBlock(self.first, self.folder, self.width, self.out_dir, options, codes)


@dataclass(frozen=True)
class SearchMoved:
    """The search was found in another folder: from here on, its runs have their output folders there.

    before, after: in which folder these lay and lie, as the simulation gets it. Runs with theirs elsewhere stay there.
    """

    before: str
    after: str


@dataclass(frozen=True)
class RunMoved:
    """The search was found in another folder: from now on, `out_dir` is the run's output folder."""

    run: int
    out_dir: str


@dataclass(frozen=True)
class RowCarried:
    """A row of results was in the table before this journal began. row: column -> cell."""

    row: Mapping[str, str]


@dataclass(frozen=True)
class RunReused:
    """A run counts as finished: another search ran the same command. out_dir: its folder there, absolute.

    summary: see `RunCollected`.
    """

    run: int
    out_dir: str
    at: float
    summary: Mapping[str, Any]  # Any: see above


@dataclass(frozen=True)
class RunsLeftOut:
    """Exactly these unfinished runs are no longer in the grid: they run only if the user names them."""

    runs: list[int]


class AsRead:
    """An event that may read its fields from its line only when one is asked for."""

    __slots__ = ("_line",)
    _line: str
    if not TYPE_CHECKING:  # else mypy would take any misspelled name for a field

        def __getattr__(self, name: str) -> object:
            # Called only for what has no value yet.
            if name == "_line" or name not in type(self)._fields_by_name:
                raise AttributeError(name)
            for field_name, value in json.loads(self._line).items():
                if field_name != "event":
                    object.__setattr__(self, field_name, value)
            return getattr(self, name)


@dataclass(frozen=True, slots=True)
class OfAttempt(AsRead):
    """An event of one attempt at a run. token: the attempt's unique name."""

    run: int
    token: str


@dataclass(frozen=True, slots=True)
class AttemptIntended(OfAttempt):
    """The attempt is about to be submitted.

    continues: the folder of the attempt from which it goes on, as the command names it; empty if it goes on in its own
    folder, or there was none. None = it begins anew; the journal leaves that out.
    """

    at: float
    continues: str | None = None


@dataclass(frozen=True, slots=True)
class AttemptWithdrawn(OfAttempt):
    """An attempt never became a job, or was taken out of a scheduler's queue: the run is back in its earlier state."""

    at: float


@dataclass(frozen=True, slots=True)
class AttemptSubmitted(OfAttempt):
    """A backend accepted the attempt. id: the backend's name for it; place and environment: where it runs.

    waited_s: how long the attempt waited for a free place.
    is_queued: it is a scheduler's job, which first waits in a queue; else it is a process on `host`.
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
    """A rule of ``--stop_early`` found the attempt hopeless; it is about to be ended. reason: for people.

    step, value: the last ones known, as text (a value may be NaN). is_dry: it goes on, with ``--stop_dry_run``.
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

    at: when the run ended, if its host recorded that; else when the end was noticed.
    began: when a job's run began, as its host recorded it; None if it did not.
    """

    exit_status: int | None
    at: float
    cause: str = ""
    reason: str = ""
    began: float | None = None


@dataclass(frozen=True, slots=True)
class RunCollected(OfAttempt):
    """The result of an attempt. state: value of a RunState; summary: keyword -> list with one value, encoded.

    problem: what is wrong with its end or its summary. cause: why it did not finish, in one line; empty if it did, or
    if a version before 1.1 wrote the event.
    """

    state: str
    at: float
    summary: Mapping[str, Any] | None = None  # Any: see above
    problem: str = ""
    cause: str = ""


@dataclass(frozen=True)
class ConfigurationDropped:
    """A race gives a configuration no more seeds. seeds: the number of seeds after which it decided; why: for people.

    p: the probability of being this much worse than the best by chance; None if too many of its runs failed.
    runs: all runs of the configuration; if p is None, only the failed ones: running one of them again ends the drop.
    """

    runs: list[int]
    at: float
    seeds: int
    p: float | None
    why: str


@dataclass(frozen=True)
class EndTold:
    """The search has ended, and the user's command for the end is about to run. command: see ``--on_end``."""

    command: str
    at: float


_OfSearch = SearchStarted | SearchCandidates | ControllerStarted | RowCarried | ConfigurationDropped | EndTold
Event = _OfSearch | SearchMoved | RunPlanned | RunsPlanned | RunMoved | RunReused | RunsLeftOut | OfAttempt


def _is_one_text(value: object) -> bool:
    """Return whether a summary's value needs no encoding, as almost all."""
    return type(value) is list and len(value) == 1 and type(value[0]) is str


def encode_summary(summary: Mapping[str, list[object]]) -> dict[str, Any]:  # Any: whatever JSON can hold
    """Return a summary as JSON can hold it."""
    return {keyword: [encode(item) for item in value] for keyword, value in summary.items()}


def decode_summary(summary: Mapping[str, Any]) -> dict[str, list[object]]:  # Any: see above
    """Return the summary that `encode_summary` was given. Raises ValueError, TypeError or KeyError if there is none."""
    if all(map(_is_one_text, summary.values())):
        return dict(summary)
    decoded = {keyword: [decode(item) for item in value] for keyword, value in summary.items()}
    if not all(decoded.values()):
        raise ValueError("a keyword of the summary has no value")
    return decoded
