"""The state of a search: what its journal's events add up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from hpsearch.core.errors import FolderError
from hpsearch.core.model import Configuration, Run, RunState
from hpsearch.journal.courses import Course, Stretch
from hpsearch.journal.events import (
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
from hpsearch.journal.planned import Pair, Runs, parent_of
from hpsearch.journal.run_record import STATES, RunRecord
from hpsearch.journal.settings import Settings
from hpsearch.journal.values import decode
from hpsearch.startup.classes import replace
from hpsearch.startup.garbage import collected_later

#: How many pairs are kept for runs to share: a grid has fewer values, and a sampled value seldom comes twice.
_MOST_SHARED = 10_000
#: The classes of the objects in a run's record.
_KINDS = (
    *(RunRecord, Run, Configuration, ConfigurationDropped),
    *(AttemptSubmitted, AttemptStarted, AttemptStopped, AttemptEnded),
)
#: Why a run that was left out has not run.
_LEFT_OUT = "no longer in the grid"


class SearchRecord:
    """All runs of a search folder and what is known of each."""

    #: Whether a long journal may be given to `take_stretch`; False = each event is needed.
    takes_stretches = True

    def __init__(self, fills_gaps: bool = False) -> None:
        """Begin with nothing. fills_gaps: accept events of a run whose planning is lost."""
        self._fills_gaps = fills_gaps
        self.settings: Settings | None = None
        self.runs = Runs(self._make, _KINDS)
        self._by_number = self.runs.by_number
        #: By number: what the journal tells of runs that took the usual course, until their records are asked for.
        self.courses: dict[int, Course] = {}
        self._pairs: dict[tuple[str, str], tuple[str, object]] = {}
        self.carried: list[Mapping[str, str]] = []
        #: What a sampler chooses from; None in a search without a sampler.
        self.candidates: SearchCandidates | None = None
        #: Numbers of the runs that are no longer in the grid, see `RunsLeftOut`.
        self.left_out: frozenset[int] = frozenset()
        #: The latest controller of the latest search.
        self.controller: ControllerStarted | None = None
        self._controllers = 0
        #: How many runs were collected since that controller started, see `is_of_now`.
        self.collected_now = 0
        #: The command (--on_end) that ran at the search's end, unless something has happened since; else empty.
        self.end_told_to = ""
        self.started_at: float | None = None
        #: Whether the table has `MORE_COLUMNS`: once asked for, they stay.
        self.has_more_columns = False
        #: The options that repeat configurations, such as seeds; empty in a search without. They stay, too.
        self.over: tuple[str, ...] = ()
        self._has_drops = False
        self._touched: set[int] = set()
        #: The latest event that has a time.
        self._latest: Any = None  # Any: of several kinds

    @property
    def last_event_at(self) -> float | None:
        """When the last event happened, in seconds since the epoch."""
        return None if self._latest is None else self._latest.at

    def is_of_now(self, entry: RunRecord | Course) -> bool:
        """Return whether a run was collected since the latest controller started.

        Time stamps could not tell: the clock may have been set back in between.
        """
        return self._controllers > 0 and entry.collected_under == self._controllers

    def pack(self, numbers: Iterable[int]) -> None:
        """Keep the records of these runs in little memory where they have ended, see `Runs.pack`.

        They do not count as touched any more.
        """
        ended = [number for number in numbers if not self._by_number[number].is_open]
        self.runs.pack(ended)
        self._touched.difference_update(ended)

    def take_touched(self) -> set[int]:
        """Return the numbers of the runs that had events since the last call."""
        touched, self._touched = self._touched, set()
        return touched

    @classmethod
    def of(cls, events: Iterable[Event]) -> SearchRecord:
        """Return what the events add up to."""
        record = cls()
        for event in events:
            record.apply(event)
        return record

    def __iter__(self) -> Iterator[RunRecord]:
        """Return all runs, by number; this makes every one of them. `with_events` has the runs with events."""
        with collected_later():
            return iter(self.runs.all())

    @property
    def with_events(self) -> list[RunRecord]:
        """The runs with events, by number, perhaps among others; all other runs are in the state PLANNED."""
        with collected_later():
            for number in [*self.courses]:
                self._by_number[number]
        return self.runs.made()

    @property
    def unusual(self) -> list[RunRecord]:
        """The runs with events, by number, perhaps among others, but without those in `courses`."""
        return self.runs.made()

    def states(self) -> Counter[RunState]:
        """Return how many runs are in each state."""
        known: list[RunRecord | Course] = [*self.unusual, *self.courses.values()]
        counts = Counter(each.state for each in known)
        counts[RunState.PLANNED] += len(self.runs) - len(known)
        return counts

    def parents(self) -> list[str]:
        """Return the folders in which runs should have their output folders, as the simulation gets them."""
        parents = {entry.run.number: parent_of(entry.run.out_dir) for entry in self.with_events}
        blocks = (block for _, block in self.runs.parts() if block is not None)
        planned = (
            parent_of(block.out_stem) for block in blocks if any(number not in parents for number in block.numbers)
        )
        return list(dict.fromkeys((*parents.values(), *planned)))

    def listed_options(self) -> Iterator[tuple[Sequence[Pair], int]]:
        """Return pairs of an option, block by block, and how many of the block's runs have one of them."""
        for numbers, block in self.runs.parts():
            if block is None:
                yield from (([pair], 1) for pair in self.runs[numbers[0]].run.configuration.options)
            else:
                having = (len(numbers) - list(codes).count(0) for codes in block.codes)
                yield from zip(block.options, having)

    def known_settings(self) -> Settings:
        """Return the settings. Raises FolderError if the journal holds no planned search."""
        if self.settings is None:
            raise FolderError(
                "the journal holds no planned search: hpsearch repair DIR restores what other files say about it, "
                "hpsearch postprocess DIR gathers the results"
            )
        return self.settings

    @property
    def options(self) -> Mapping[str, Any]:  # Any: whatever JSON can hold
        """The command-line options of the search as its latest controller had them, name -> value."""
        given = {} if self.controller is None else self.controller.options
        return {**self.known_settings().options, **given}

    @property
    def drops(self) -> list[ConfigurationDropped]:
        """The configurations that a race has dropped and not taken back, in order."""
        if not self._has_drops:
            # Most searches have none, and a watch asks at each look.
            return []
        # One event drops all runs of a configuration.
        drops = {(drop.at, tuple(drop.runs)): drop for entry in self.unusual if (drop := entry.dropped)}
        return [drops[key] for key in sorted(drops)]

    def apply(self, event: Event) -> None:
        """Take one event into account. Raises KeyError, ValueError or TypeError if it does not fit what is known."""
        take_in = _OF_ATTEMPT.get(type(event))
        if take_in is None or not isinstance(event, OfAttempt):
            self._latest = event if hasattr(event, "at") else self._latest
            _OF_SEARCH[type(event)](self, event)
            return
        self._latest = event
        self._touched.add(event.run)
        self.end_told_to = ""
        take_in(self, self._entry(event), event)

    def take_stretch(self, stretch: Stretch) -> bool:
        """Take in the events of a stretch, as `apply` does; return False, without doing so, if a run is not known."""
        if not self.runs.has_all((*stretch.courses, *(event.run for event in stretch.others))):
            return False
        for event in stretch.others:
            self.apply(event)
        for number, match in stretch.courses.items():
            course = Course(match, self._controllers, self._cluster)
            if number not in self.courses and not self.runs.is_made(number):
                self.courses[number] = course
                self.collected_now += 1
            else:
                self._take_course(self.runs[number], course)
        self._touched.update(stretch.courses)
        self.end_told_to, self._latest = "", stretch.last
        return True

    def _take_course(self, entry: RunRecord, course: Course) -> None:
        if entry.is_untouched:
            course.tell(entry)
            self.collected_now += 1
            return
        for event in course.events():
            self.apply(event)

    def _make(self, run: Run) -> RunRecord:
        entry = RunRecord(run)
        if (course := self.courses.pop(run.number, None)) is not None:
            course.tell(entry)
        return entry

    @property
    def _cluster(self) -> str:
        return "" if self.controller is None else self.controller.cluster

    def _plan_run(self, event: RunPlanned) -> None:
        options = Configuration(tuple(self._option(name, value) for name, value in event.options))
        run = Run(event.run, event.folder, options, event.out_dir)
        self.courses.pop(event.run, None)
        self.runs[event.run] = RunRecord(run, candidate=event.candidate, why=event.why, after=event.after)

    def _plan_runs(self, event: RunsPlanned) -> None:
        self.runs.add_block(event.block(self._option))

    def _note_candidates(self, event: SearchCandidates) -> None:
        self.candidates = event

    def _move_run(self, event: RunMoved) -> None:
        entry = self.runs[event.run]
        for attempt in (entry, entry.kept, entry.before):
            if attempt is not None:
                attempt.run = replace(attempt.run, out_dir=event.out_dir)

    def _start_controller(self, event: ControllerStarted) -> None:
        self.controller = event
        self._take_options(event.options)
        self._controllers, self.collected_now = self._controllers + 1, 0

    def _drop(self, event: ConfigurationDropped) -> None:
        self._has_drops = True
        entries = [self.runs[number] for number in event.runs if number in self.runs]
        for entry in (*entries, *(entry.before for entry in entries if entry.before is not None)):
            entry.dropped = event

    def _note_end(self, event: EndTold) -> None:
        self.end_told_to = event.command

    def _carry(self, event: RowCarried) -> None:
        self.carried.append(event.row)

    def _submit(self, entry: RunRecord, event: AttemptSubmitted) -> None:
        if event.token != entry.token:
            # The line with its intention is lost: what was submitted was intended.
            entry.begin(event.token, self._cluster)
        entry.submitted, entry.state = event, RunState.QUEUED if event.is_queued else RunState.RUNNING
        # An attempt that waits in a queue may still be taken back.
        entry.before = entry.before if event.is_queued else None

    def _note_start(self, entry: RunRecord, event: AttemptStarted) -> None:
        entry.started, entry.state, entry.before = event, RunState.RUNNING, None

    def _stop(self, entry: RunRecord, event: AttemptStopped) -> None:
        entry.stopped = event

    def _end(self, entry: RunRecord, event: AttemptEnded) -> None:
        entry.ended, entry.before = event, None

    def _option(self, name: str, encoded: Any) -> tuple[str, object]:  # Any: see `encode`
        """Return an option's name and value; runs with the same option share one pair."""
        # By its text: 1, 1.0 and True are the same key of a dict, but make three commands.
        pair = self._pairs.get(key := (name, repr(encoded)))
        if pair is None:
            pair = (name, decode(encoded))
            if len(self._pairs) < _MOST_SHARED:
                self._pairs[key] = pair
        return pair

    def _entry(self, event: OfAttempt) -> RunRecord:
        if self._fills_gaps and event.run not in self._by_number and event.run not in self.runs:
            # A token begins with the name of its run's folder.
            folder = event.token.rsplit(".", 2)[0]
            self.runs[event.run] = RunRecord(Run(event.run, folder, Configuration(()), folder))
        return self._by_number[event.run]

    def _start(self, event: SearchStarted) -> None:
        settings = Settings.from_json(event.settings)
        if self.settings is not None:
            # A later search in the same folder: the table keeps the columns of the earlier ones.
            names = dict.fromkeys((*self.settings.option_names, *settings.option_names))
            settings = replace(settings, option_names=tuple(names))
        self.settings = settings
        self.controller = None
        self.end_told_to = ""
        self._take_options(settings.options)
        self.started_at = self.started_at or event.at

    def _take_options(self, options: Mapping[str, Any]) -> None:  # Any: whatever JSON can hold
        self.has_more_columns |= bool(options.get("more_columns"))
        if any(options.get(name) for name in ("num_seeds", "seeds_list", "seed_option")):
            also = ("data_random_seed",) if options.get("vary_data_seed") else ()
            names = (*self.over, options.get("seed_option") or "random_seed", *also)
            self.over = tuple(dict.fromkeys(map(str, names)))

    def _move(self, event: SearchMoved) -> None:
        self.runs.move_blocks(event.before, event.after)
        for entry in self.with_events:
            for attempt in filter(None, (entry, entry.kept, entry.before)):
                run = attempt.run
                if parent_of(run.out_dir) == event.before:
                    attempt.run = Run(run.number, run.folder, run.configuration, f"{event.after}/{run.folder}")

    def _reuse(self, event: RunReused) -> None:
        if self._fills_gaps and event.run not in self.runs:
            name = event.out_dir.rpartition("/")[2]
            self.runs[event.run] = RunRecord(Run(event.run, name, Configuration(()), event.out_dir))
        entry = self.runs[event.run]
        self._touched.add(event.run)
        entry.state, entry.reused, entry.collected_at = RunState.FINISHED, event.out_dir, event.at
        entry.summary = decode_summary(event.summary)
        entry.submitted = entry.started = entry.stopped = entry.ended = entry.before = entry.kept = None
        entry.problem = entry.cause = ""

    def _leave_out(self, event: RunsLeftOut) -> None:
        """Note which runs are left out; while they are, those that never started count as cancelled."""
        numbers = frozenset(event.runs)
        untried = (self.runs[number] for number in self.left_out | numbers if number in self.runs)
        for entry in untried:
            if not entry.token and not entry.reused:
                is_out = entry.run.number in numbers
                self._touched.add(entry.run.number)
                entry.state, entry.cause = (RunState.CANCELLED, _LEFT_OUT) if is_out else (RunState.PLANNED, "")
        self.left_out = numbers

    def _withdraw(self, entry: RunRecord, event: AttemptWithdrawn) -> None:
        entry.take_back()

    def _intend(self, entry: RunRecord, event: AttemptIntended) -> None:
        entry.begin(event.token, self._cluster, event.continues is not None)

    def _collect(self, entry: RunRecord, event: RunCollected) -> None:
        entry.state = state = STATES[event.state]
        entry.summary = None if event.summary is None else decode_summary(event.summary)
        entry.problem, entry.cause = event.problem, event.cause
        entry.collected_at = event.at
        if state is RunState.FINISHED:
            entry.kept = None
        elif state.is_interruption:
            entry.interruptions += 1
        self.collected_now += not self.is_of_now(entry)
        entry.collected_under = self._controllers


#: Kind of event -> what takes it in. A chain of isinstance would ask ten times for each of many lines. Any: that kind.
_OF_ATTEMPT: Mapping[type, Callable[[SearchRecord, RunRecord, Any], None]] = {
    AttemptIntended: SearchRecord._intend,
    AttemptWithdrawn: SearchRecord._withdraw,
    AttemptSubmitted: SearchRecord._submit,
    AttemptStarted: SearchRecord._note_start,
    AttemptStopped: SearchRecord._stop,
    AttemptEnded: SearchRecord._end,
    RunCollected: SearchRecord._collect,
}
_OF_SEARCH: Mapping[type, Callable[[SearchRecord, Any], None]] = {
    SearchStarted: SearchRecord._start,
    SearchCandidates: SearchRecord._note_candidates,
    SearchMoved: SearchRecord._move,
    ControllerStarted: SearchRecord._start_controller,
    RunPlanned: SearchRecord._plan_run,
    RunsPlanned: SearchRecord._plan_runs,
    RunMoved: SearchRecord._move_run,
    RunReused: SearchRecord._reuse,
    RunsLeftOut: SearchRecord._leave_out,
    RowCarried: SearchRecord._carry,
    ConfigurationDropped: SearchRecord._drop,
    EndTold: SearchRecord._note_end,
}
