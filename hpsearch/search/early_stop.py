"""``--stop_early``: looks at the values of live runs at intervals, and ends the hopeless ones."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from hpsearch.config.options import SearchOptions
from hpsearch.console.text import amount
from hpsearch.core.configurations import identity
from hpsearch.core.errors import ControllerPresent, StoreError
from hpsearch.core.model import RunState
from hpsearch.folder.run_tables import performance
from hpsearch.journal.events import AttemptStopped
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.run_record import RunRecord
from hpsearch.journal.settings import Settings
from hpsearch.search.controller import Controller, OpenRun
from hpsearch.stopping.curves import Curve
from hpsearch.stopping.rules import Stop, StopRule, first_stop
from hpsearch.store.live import LiveSearch

if TYPE_CHECKING:
    from hpsearch.stopping.sources import RunCurve, ValueSource

#: Pauses between two looks: on this machine, and at files that a cluster's nodes write. If a look takes long, the pause
#: is `_SHARE` times as long, but at most `_MOST_PAUSES` usual pauses: a slow disk must not keep us from looking.
_LOOK_S, _CLUSTER_LOOK_S, _SHARE, _MOST_PAUSES = 1.0, 5.0, 10, 4
#: How long a look may read, and how long it may judge, before the other runs must wait for the next look.
_MOST_S = 0.2
#: A run that was told to end is told again after this time: a scheduler may have missed it.
_TELL_AGAIN_S = 60.0
#: People are warned if no run has told a value after this many ends, or this long.
_FEWEST_ENDS, _SILENT_S = 3, 600.0


def rules_of(options: SearchOptions) -> list[StopRule]:
    """Return the rules by which runs are stopped; none by default."""
    return [StopRule(word) for word in options.stop_early.split(",") if word != "none"]


def value_source(settings: Settings, options: SearchOptions) -> ValueSource:
    """Return the source of runs' values. Raises UsageError or ConfigError if there is none."""
    from hpsearch.stopping.sources import ValueSettings, source_of

    values = ValueSettings(
        summary_filename=settings.summary_filename,
        performance_key=settings.performance_key,
        sort_ascending=settings.sort_ascending,
        has_parser=settings.has_parser,
        pattern=options.progress_pattern,
        file=settings.progress_file,
        keys=settings.progress_keys,
    )
    return source_of(values, f"--stop_early={options.stop_early}")


def check_values(settings: Settings, options: SearchOptions) -> None:
    """Raise UsageError or ConfigError if runs are to be stopped early, but their values have no source."""
    if rules_of(options):
        value_source(settings, options)


class RunValues:
    """The values that a search's runs have told so far.

    source: where values are read from. curves: by the run's number; empty if it has told nothing.
    spoke_early: numbers of the runs that told values before their end.
    """

    def __init__(self, search: LiveSearch, source: ValueSource, earlier: Collection[str]) -> None:
        """earlier: tokens of attempts from before this controller."""
        self._search, self.source = search, source
        self._readers: dict[str, RunCurve] = {}
        self.curves: dict[int, Curve] = {}
        self.spoke_early: set[int] = set()
        self._problem = ""
        self._earlier = earlier
        ended = (entry for entry in search.record.with_events if entry.token in earlier and not entry.is_open)
        self._unread = deque(ended)

    def read(self, entry: RunRecord, is_last: bool = False) -> Curve:
        """Read a run's new values, up to the last if it has just ended; return its curve."""
        if entry.token not in self._readers:
            # An earlier attempt's values say nothing about this one.
            self.curves.pop(entry.run.number, None)
        reader = self._readers.pop(entry.token, None) or self._reader(entry, entry.token not in self._earlier)
        curve = self.curves[entry.run.number] = reader.update(is_last)
        self._problem = reader.problem or self._problem
        if not is_last:
            self._readers[entry.token] = reader
            self.spoke_early |= {entry.run.number} if curve.points else set()
        return curve

    @property
    def why_none(self) -> str:
        """Why no values are read, for people."""
        return self._problem or "a run's values come only at its end, or it ends too soon"

    def has_told(self, entry: RunRecord) -> bool:
        """Return whether a run's live attempt has told any value."""
        return entry.token in self._readers and bool(self.curves[entry.run.number].points)

    def read_earlier(self, may_go_on: Callable[[], bool]) -> bool:
        """Read runs that ended before this controller, one by one while `may_go_on`; return whether any was read."""
        is_any = bool(self._unread)
        while self._unread and may_go_on():
            entry = self._unread.popleft()
            if not entry.is_open and entry.run.number not in self.curves:
                self.curves[entry.run.number] = self._reader(entry, False).update(is_last=True)
        return is_any

    def _reader(self, entry: RunRecord, is_own: bool) -> RunCurve:
        from hpsearch.stopping.sources import run_curve

        return run_curve(self.source, self._search.folder, entry, self._search.settings.continues, is_own)


class Rivals:
    """Which runs a run is compared with: the others; with seeds, one run of each other configuration."""

    def __init__(self, record: SearchRecord, curves: Mapping[int, Curve]) -> None:
        """curves: by the run's number; more are added over time."""
        self._record, self._curves, self._grouped = record, curves, 0
        self._keys: dict[int, Hashable] = {}
        self._groups: dict[Hashable, list[RunRecord]] = {}

    def of(self, entry: RunRecord) -> list[Curve]:
        """Return the curves of the rivals that have told anything."""
        own = entry.run.number
        if not self._record.over:
            return [curve for number, curve in self._curves.items() if number != own and curve.points]
        self._group()
        others = (group for key, group in self._groups.items() if key != self._keys[own])
        return list(filter(None, (self._curve_of(group, entry) for group in others)))

    def has_finished(self, entry: RunRecord) -> bool:
        """Return whether another run of the same configuration has finished, so that this one may be compared."""
        if not self._record.over:
            return True
        self._group()
        group = self._groups[self._keys[entry.run.number]]
        return any(other.result.state is RunState.FINISHED for other in group if other is not entry)

    def _group(self) -> None:
        for entry in islice(self._record, self._grouped, None):
            key = identity(entry.run.configuration.as_dict(), self._record.over)
            self._keys[entry.run.number] = key
            self._groups.setdefault(key, []).append(entry)
        self._grouped = len(self._record.runs)

    def _curve_of(self, group: Sequence[RunRecord], entry: RunRecord) -> Curve | None:
        """Return the curve of a configuration under the same seed, or else under its first seed."""
        with_curve = [each for each in group if self._curves.get(each.run.number, Curve()).points]
        seed = self._seed(entry)
        best = next((each for each in with_curve if self._seed(each) == seed), with_curve[0] if with_curve else None)
        return None if best is None else self._curves[best.run.number]

    def _seed(self, entry: RunRecord) -> list[str]:
        options = entry.run.configuration.as_dict()
        return [str(options.get(name, "")) for name in self._record.over]


class EarlyStop:
    """Looks at live runs at intervals and ends the hopeless ones. Its own errors harm no run."""

    def __init__(self, controller: Controller) -> None:
        self._options, self._search, self._backend = controller.options, controller.search, controller.backend
        self._console, self._clocks, self._runs = controller.console, controller.clocks, controller.runs
        self._stop = controller.stop
        self._rules = rules_of(controller.options)
        self._interval_s = _CLUSTER_LOOK_S if controller.backend.has_queue else _LOOK_S
        self._began = self._next_look = self._clocks.steady()
        self._earlier = {entry.token for entry in controller.search.record.with_events if entry.token}
        self._known: tuple[RunValues, Rivals] | None = None
        #: Tokens of the live attempts to read; and of those to judge, because there are new values.
        self._to_read, self._to_judge = deque[str](), dict[str, None]()
        self._has_news = False
        self._signalled_at: dict[str, float] = {}
        self._said_kinds: set[str] = set()
        #: Tokens of ended attempts that were read to their end.
        self._ended: set[str] = set()

    def seconds_left(self) -> float | None:
        """Return in how many seconds `look` has something to do; None = nothing to do."""
        has_work = bool(self._rules) or any(run.entry.is_stopped for run in self._runs.values() if run.job is not None)
        return max(0.0, self._next_look - self._clocks.steady()) if has_work else None

    def look(self) -> None:
        """If it is time to, read the runs' new values, and tell hopeless runs to end."""
        if self.seconds_left() != 0.0:
            return
        began = self._clocks.steady()
        # No run may be ended unless the journal can take the reason.
        if self._search.trouble is None:
            self._look()
        now = self._clocks.steady()
        pause_s = min(_SHARE * (now - began), _MOST_PAUSES * self._interval_s)
        self._next_look = now + max(self._interval_s, pause_s)

    def ended(self, run: OpenRun) -> None:
        """Read the rest of a run that has ended, before its files move."""
        is_of_use = bool(self._rules) and self._stop.signal_number is None
        if is_of_use and run.job is not None and run.attempt.token not in self._ended:
            self._guarded(lambda: self._read_rest(run))

    def closing_lines(self) -> list[str]:
        """Return what early stopping could not do, and in a dry run what it would have done."""
        return self._said(lambda: [*self._idle_lines(), *self._dry_lines()])

    def opening_lines(self) -> list[str]:
        """Return by which rules runs are stopped, and where their values come from."""
        return self._said(lambda: [self._opening_line()])

    def _said(self, lines: Callable[[], list[str]]) -> list[str]:
        """Return the lines; none if runs are not stopped early or the search is about to end."""
        said: list[str] = []
        if self._rules and self._stop.signal_number is None:
            self._guarded(lambda: said.extend(lines()))
        return said

    def _opening_line(self) -> str:
        is_compared = any(rule.compares for rule in self._rules)
        after = f" from step {self._options.stop_after:g} on" if is_compared else ""
        what = "would be stopped early" if self._options.stop_dry_run else "are stopped early"
        rules = " or ".join(rule.value for rule in self._rules)
        return f"runs {what} by {rules}{after}: {self._values()[0].source.text}"

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except ControllerPresent:
            raise
        except StoreError:
            pass  # The search itself tells people what is wrong with its disk.
        except Exception as error:  # noqa: BLE001  (an error of ours must not end the search)
            self._say_once("error", f"it does not work as it should ({type(error).__name__}: {error})")

    def _say_once(self, kind: str, text: str) -> None:
        if kind not in self._said_kinds:
            self._said_kinds.add(kind)
            self._console.warn(f"{self._name}: {text}")

    @property
    def _name(self) -> str:
        return f"--stop_early={self._options.stop_early}"

    def _values(self) -> tuple[RunValues, Rivals]:
        if self._known is None:
            source = value_source(self._search.settings, self._options)
            values = RunValues(self._search, source, self._earlier)
            self._known = values, Rivals(self._search.record, values.curves)
        return self._known

    def _look(self) -> None:
        active = [run for run in self._runs.active if not run.is_held and run.entry.state is RunState.RUNNING]
        if self._rules:
            self._guarded(lambda: self._judge_all(active))
        self._guarded(lambda: self._tell([run for run in active if run.entry.is_stopped]))

    def _judge_all(self, active: Sequence[OpenRun]) -> None:
        self._note(list(self._hopeless(active)))
        self._warn_of_silence(active)

    def _hopeless(self, active: Sequence[OpenRun]) -> Iterator[tuple[OpenRun, Stop]]:
        """Yield the runs that a rule gives up, while there is time; the others are judged next time."""
        runs = {run.attempt.token: run for run in active if not run.entry.is_stopped}
        self._read_news(runs)
        if self._has_news:
            # New values of others can make a run hopeless that tells nothing new.
            values = self._values()[0]
            self._to_judge.update(dict.fromkeys(token for token, run in runs.items() if values.has_told(run.entry)))
            self._has_news = False
        deadline = self._clocks.steady() + _MOST_S
        while self._to_judge and self._clocks.steady() <= deadline:
            token = next(iter(self._to_judge))
            del self._to_judge[token]
            # In a dry run, a run found hopeless goes on: judge it only once.
            if token in runs and runs[token].entry.stopped is None:
                stop = self._judge(runs[token].entry)
                if stop is not None:
                    yield runs[token], stop

    def _read_news(self, runs: Mapping[str, OpenRun]) -> None:
        """Read the runs' new values; runs that there is no time for come first next time."""
        (values, _), deadline = self._values(), self._clocks.steady() + _MOST_S
        self._has_news |= values.read_earlier(lambda: self._clocks.steady() <= deadline)
        queued = set(self._to_read)
        self._to_read.extend(token for token in runs if token not in queued)
        for _ in range(len(self._to_read)):
            token = self._to_read.popleft()
            if token in runs:
                self._to_read.append(token)
                before = values.curves.get(runs[token].number)
                self._has_news |= values.read(runs[token].entry) is not before
            if self._clocks.steady() > deadline:
                return

    def _judge(self, entry: RunRecord) -> Stop | None:
        values, rivals = self._values()
        # Each configuration must keep a result that counts.
        may_compare = rivals.has_finished(entry)
        rules = [rule for rule in self._rules if may_compare or not rule.compares]
        others = rivals.of(entry) if any(rule.compares for rule in rules) else []
        curve, after = values.curves[entry.run.number], self._options.stop_after
        return first_stop(rules, curve, others, ascending=values.source.ascending, stop_after=after)

    def _note(self, hopeless: Sequence[tuple[OpenRun, Stop]]) -> None:
        """Note why runs are about to be ended, or would be; on disk before the signal, in case this process dies."""
        is_dry, now, events = self._options.stop_dry_run, self._clocks.wall(), list[AttemptStopped]()
        sharing = Counter(job.id for job in self._runs.jobs) if hopeless else Counter[str]()
        for run, stop in hopeless:
            reason = f"{stop.rule.value}: {stop.reason}"
            if run.job is not None and sharing[run.job.id] > 1 and not is_dry:
                self._to_judge[run.attempt.token] = None
                alone = "it can be ended only when it is alone in its job (--runs_per_job)"
                self._say_once(f"job of {run.number}", f"run {run.number} is hopeless, but {alone}: {reason}")
                continue
            step, value = f"{stop.step:.17g}", str(stop.value)
            events.append(
                AttemptStopped(run.number, run.attempt.token, now, stop.rule.value, reason, step, value, is_dry)
            )
        if events:
            self._search.note(*events, durable=True, at_once=self._backend.jobs_outlive_controller)
        self._console.notes(f"run {event.run} would be stopped: {event.reason}" for event in events if is_dry)

    def _tell(self, runs: Sequence[OpenRun]) -> None:
        """Tell runs to end, and again if they have not ended after a while."""
        now = self._clocks.steady()
        jobs = [
            run.job
            for run in runs
            if run.job is not None and now - self._signalled_at.get(run.attempt.token, -math.inf) >= _TELL_AGAIN_S
        ]
        if jobs:
            self._signalled_at.update(dict.fromkeys(self._backend.stop(jobs), now))

    def _read_rest(self, run: OpenRun) -> None:
        self._ended.add(run.attempt.token)
        self._values()[0].read(run.entry, is_last=True)
        self._has_news = True

    def _warn_of_silence(self, active: Sequence[OpenRun]) -> None:
        """Tell people once that no run tells values, when that is likely to stay so."""
        values, _ = self._values()
        is_late = bool(active) and self._clocks.steady() - self._began >= _SILENT_S
        if not values.spoke_early and (len(self._ended) >= _FEWEST_ENDS or is_late):
            self._say_once("silence", f"no values were read so far ({values.why_none})")

    def _idle_lines(self) -> Iterator[str]:
        """Say where early stopping could do nothing."""
        values, _ = self._values()
        if any(entry.stopped is not None for entry in self._search.record.with_events):
            return
        ended = [entry for entry in self._search.record.with_events if entry.token in self._ended]
        finished = [entry for entry in ended if entry.state is RunState.FINISHED]
        silent = [entry for entry in finished if entry.run.number not in values.spoke_early]
        longest = max((curve.last_step for curve in values.curves.values() if curve.points), default=math.inf)
        if silent and 2 * len(silent) >= len(finished):
            runs = amount(len(silent), "run")
            yield f"{self._name}: no values were read from {runs} while going on ({values.why_none})"
        elif any(rule.compares for rule in self._rules) and longest < self._options.stop_after:
            far = f"no run came as far as step {self._options.stop_after:g} (--stop_after)"
            yield f"{self._name}: {far}; the longest told values up to step {longest:g}"

    def _dry_lines(self) -> Iterator[str]:
        """Say what a dry run's stops would have saved, and whether they would have cost the best run."""
        if not self._options.stop_dry_run:
            return
        (values, _), settings = self._values(), self._search.settings
        values.read_earlier(lambda: True)
        finished = [
            entry for entry in self._search.record.with_events if entry.state is RunState.FINISHED and entry.token
        ]
        speaking = [entry for entry in finished if values.curves.get(entry.run.number, Curve()).points]
        whys = ((index, entry.stopped) for index, entry in enumerate(speaking))
        stops = {
            index: Stop(StopRule(why.rule), why.reason, float(why.step), float(why.value))
            for index, why in whys
            if why is not None
        }
        curves = [values.curves[entry.run.number] for entry in speaking]
        results = [performance(entry, settings.performance_key) for entry in speaking]
        from hpsearch.stopping.replay import effect_of

        effect = effect_of(stops, curves, results, settings.sort_ascending)
        silent = len(finished) - len(speaking)
        but = f" (and {silent:,} told no values)" if silent else ""
        what = f"{len(stops):,} of {amount(len(speaking), 'finished run')}{but} would have been stopped"
        saved = f", which saves {effect.saved_share:.0%} of all steps" if stops else ""
        best = " and ".join(f"run {speaking[index].run.number}" for index in effect.best)
        end = f"; the best ({best}) {'would have been lost' if effect.costs_best else 'stays'}" if best else ""
        yield f"--stop_dry_run: {what}{saved}{end}"
