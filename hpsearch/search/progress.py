"""What people see of a search while it runs: a line for each run, the text of the bar, the closing table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterator, Sequence
from itertools import islice

from hpsearch.backends.base import NamesSubmissions
from hpsearch.choosers.chooser import runs_of
from hpsearch.choosers.of_search import chooser_lines
from hpsearch.config.options import SearchOptions
from hpsearch.config.program import command_hint, resume_hint
from hpsearch.console.colour import green, red
from hpsearch.console.console import Console
from hpsearch.console.text import amount, duration
from hpsearch.core.command import shell_line
from hpsearch.core.model import Job, RunState
from hpsearch.core.ranking import SIGNIFICANT_P, Mean, difference_text, number_of, p_of_second
from hpsearch.core.summary import cell_under
from hpsearch.folder.by_configuration import seeds_of
from hpsearch.folder.failures import failure_lines, known_cause, log_hint
from hpsearch.folder.means import means_of, means_table
from hpsearch.folder.run_tables import (
    best_runs,
    best_table,
    counts_text,
    on_place,
    option_texts,
    options_text,
    performance,
    place_lines,
    slots_in_use,
    varying_options,
)
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.run_record import RunRecord
from hpsearch.samplers.sampler import expectation_text
from hpsearch.search.continuing import is_interrupted
from hpsearch.search.controller import Controller
from hpsearch.store.classic_files import command_line
from hpsearch.store.layout import SearchFolder

#: The bar ranks configurations again after this many seconds, but not before this many times the ranking's own time.
_MEANS_INTERVAL_S, _MEANS_SHARE = 1.0, 50
#: How many suggestions a dry run shows.
_FIRST_SHOWN = 3


class Progress:
    """Tells people of a search's runs as they start and end.

    runs: numbers of the runs looked after. again: numbers of the runs that do not count as finished.
    """

    def __init__(self, controller: Controller, runs: Sequence[int], again: Collection[int] = ()) -> None:
        self._console, self._runs, self._stop = controller.console, controller.runs, controller.stop
        self._settings, self._is_verbose = controller.search.settings, controller.options.verbose
        self._varying = varying_options(controller.search.record)
        self._chooser = controller.chooser
        self._expected = 0 if self._chooser is None else self._chooser.expected()
        self._last_run = controller.search.record.runs.last + self._expected
        entries = {entry.run.number: entry for entry in controller.search.record.with_events}
        counted = (entries[number] for number in runs if number in entries and number not in again)
        finished = [entry for entry in counted if entry.state is RunState.FINISHED]
        self._total = len(runs) + self._expected
        self._counts = Counter({RunState.FINISHED: len(finished)})
        self._folder, self._record = controller.search.folder, controller.search.record
        # Among all runs in the folder, as in the closing table.
        self._best = best_runs(self._record.with_events, self._settings)[:1]
        self._finished = list[RunRecord]()
        self._means, self._next_means, self._steady = list[Mean[RunRecord]](), 0.0, controller.clocks.steady
        self._hinted: set[Hashable] = set()
        self._console.start_bar(self._total, len(finished))
        self._tells_starts = controller.backend.shows_output or self._is_verbose or not self._console.has_bar

    def added(self, count: int) -> None:
        """Note that the search has got more runs."""
        expected = 0 if self._chooser is None else self._chooser.expected()
        more, self._expected = count + expected - self._expected, expected
        self._total, self._last_run = self._total + more, self._record.runs.last + expected
        self._console.extend_bar(more)

    def started(self, job: Job, is_queued: bool) -> None:
        if not self._tells_starts:
            return
        run, attempt = job.attempt.run, job.attempt
        what = f"submitted as job {job.id}" if is_queued else f"started{on_place(job.place.label)}"
        again = f", attempt {attempt.number}" if attempt.number > 1 else ""
        again += " (continued)" if attempt.continues is not None else ""
        options = options_text(option_texts(self._record.runs[run.number], self._varying))
        options = shell_line(attempt.argv) if self._is_verbose else options
        if (expected := self._expectation(self._record.runs[run.number])).startswith("expected"):
            options += f" ({expected})"
        self._console.note(f"run {run.number}/{self._last_run} {what}{again}{options and ': '}{options}")

    def runs_now(self, job: Job, place: str) -> None:
        if not self._console.has_bar:
            number = job.attempt.run.number
            self._console.note(f"run {number}/{self._last_run} started{on_place(place)} (job {job.id})")

    def ended(self, entry: RunRecord, is_again: bool) -> None:
        if not is_again:
            self._counts[entry.state] += 1
            if entry.state is RunState.FINISHED and self._console.has_bar:
                self._finished.append(entry)
        is_good = entry.state is RunState.FINISHED and not entry.problem
        # The closing lines count the runs that end because the search ends.
        is_stopped = entry.state is RunState.CANCELLED and self._stop.signal_number is not None
        if not is_stopped and not (is_good and self._console.has_bar):
            line = self._ended_line(entry, is_again)
            is_bad = entry.state.is_failure and not (is_again and is_interrupted(self._settings, entry.state))
            self._console.note(red(line) if is_bad else line)
        if not is_again and not is_stopped:
            self._console.advance_bar()

    def _ended_line(self, entry: RunRecord, is_again: bool) -> str:
        what = f"run {entry.run.number}/{self._last_run} {entry.state.value}"
        took = f" after {duration(entry.took_s)}" if entry.took_s is not None else ""
        options = options_text(option_texts(entry, self._varying))
        is_good = entry.state is RunState.FINISHED
        said = self._result(entry) if is_good else known_cause(entry, self._folder)
        parts = [
            f"{what}{took}{on_place(entry.place)}",
            f" ({options})" if options else "",
            f": {said}" if said else "",
        ]
        again = "continuing it" if self._settings.continues else "running it again"
        parts += [f"; {again}"] if is_again else [f" [{sum(self._counts.values())} of {self._total} done]"]
        return "".join([*parts, "" if entry.state.is_done else self._hint(entry)])

    def _result(self, entry: RunRecord) -> str:
        key = self._settings.performance_key
        value = number_of(cell_under(entry.summary, key))
        return "; ".join(filter(None, ["" if value is None else f"{key} {value:g}", entry.problem]))

    def _hint(self, entry: RunRecord) -> str:
        """Say where to read on about a run that did not finish; empty if it was said of a similar failure."""
        from hpsearch.core.failures import likeness  # its patterns take 4 ms, and most runs do not fail

        kind = likeness(entry.state, known_cause(entry, self._folder))
        hint = "" if kind in self._hinted else log_hint(entry, self._folder)
        self._hinted.add(kind)
        return f"; {hint}" if hint else ""

    def _expectation(self, entry: RunRecord) -> str:
        """Return, in words, what a sampler expects of a run; empty if no sampler chose it."""
        return expectation_text(entry.why or {}, self._settings.sort_ascending)

    def refresh(self, is_last: bool = False) -> None:
        """Update the bar's text, if it is time to draw it. is_last: in any case, since the bar stays like that."""
        if not self._console.has_bar or not (is_last or self._console.is_bar_due):
            return
        active = self._runs.active
        queued = sum(run.entry.state is RunState.QUEUED for run in active)
        failed = sum(count for state, count in self._counts.items() if state.is_failure)
        is_over = not active and (sum(self._counts.values()) == self._total or self._stop.signal_number is not None)
        texts = [] if is_over else [[f"{len(active) - queued} running"]]
        texts += [[f"{queued} queued"]] if queued else []
        texts += [[red(f"{failed} failed")]] if failed else []
        texts += [[f"{stopped} stopped early"]] if (stopped := self._counts[RunState.STOPPED_EARLY]) else []
        slots = slots_in_use(job.place.label for job in self._runs.jobs)
        expected = [] if is_over else self._expected_texts()
        self._console.describe_bar([*texts, *self._best_texts(is_over), *expected, [", ".join(slots), ""]])

    def _expected_texts(self) -> Iterator[Sequence[str]]:
        """Yield what the sampler expected of its latest choice."""
        runs = self._record.with_events if self._record.candidates is not None else []
        latest = next((entry for entry in reversed(runs) if entry.why), None)
        if latest is not None and (text := self._expectation(latest)):
            yield [f"next {text}" if text.startswith("expected") else text, text.rpartition(", ")[2], ""]

    def _best_texts(self, is_over: bool) -> Iterator[Sequence[str]]:
        """Yield the best so far, and whether the second best configuration differs. is_over: no more runs come."""
        key, over, now = self._settings.performance_key, seeds_of(self._record), self._steady()
        if is_over or now >= self._next_means:
            self._means = means_of(self._record, over)
            self._next_means = self._steady() + max(_MEANS_INTERVAL_S, _MEANS_SHARE * (self._steady() - now))
        if self._finished:
            self._best = best_runs([*self._best, *self._finished], self._settings)[:1]
            self._finished.clear()
        values = [f"{performance(best, key):g} (run {best.run.number})" for best in self._best]
        for value in [mean.text for mean in self._means[:1]] if over else values:
            yield [green(f"best {key} {value}"), green(f"best {value}")]
        p = p_of_second(self._means)
        if p is not None and p > SIGNIFICANT_P:
            yield [difference_text(self._means), f"p = {p:.2g} to second", ""]


def submitted_lines(controller: Controller, runs: Collection[int], earlier: Collection[str]) -> list[str]:
    """Say what was left to the scheduler, and how to look at it and collect it.

    runs: numbers of the runs looked after. earlier: tokens of attempts submitted before; those that ended since count,
    too.
    """
    folder, backend, active = controller.search.folder, controller.backend, controller.runs.active
    numbers = frozenset(runs)
    entries = [entry for entry in controller.search.record.with_events if entry.run.number in numbers]
    jobs = [entry.submitted.id for entry in entries if entry.submitted is not None and entry.token not in earlier]
    where = f" ({backend.submissions_of(jobs)})" if jobs and isinstance(backend, NamesSubmissions) else ""
    lines = [f"Submitted {amount(len(jobs), 'run')} to {backend.name}{where}"]
    waiting = sum(run.attempt.token in earlier for run in active)
    lines += [f"{amount(waiting, 'run')} submitted earlier"] if waiting else []
    left = len(numbers) - sum(entry.is_open or entry.state.is_final for entry in entries)
    lines += [f"{amount(left, 'run')} not submitted yet: resume submits them"] if left else []
    return [*lines, f"  look:     {command_hint('status', folder.path)}", f"  collect:  {resume_hint(folder.path)}"]


def closing_lines(record: SearchRecord, folder: SearchFolder, took_s: float, is_stopped: bool = False) -> list[str]:
    """Say how the search ended: counts, failures with reason and log, the best five runs."""
    settings = record.known_settings()
    counts, entries = counts_text(record.states()), record.with_events
    name = f"{settings.name}: " if settings.name else ""
    what = "Stopped" if is_stopped else amount(len(record.runs), "run")
    lines = [f"{name}{what}: {counts} ({duration(took_s)})"]
    lines += map(red, failure_lines([entry for entry in entries if entry.state.is_failure], record, folder))
    if not is_stopped:
        lines += failure_lines([entry for entry in entries if entry.state is RunState.CANCELLED], record, folder)
    lines += failure_lines([entry for entry in entries if entry.state is RunState.STOPPED_EARLY], record, folder)
    lines += place_lines(entries)
    lines += chooser_lines(record)
    over = seeds_of(record)
    means, best = means_of(record, over)[:5], [] if over else best_runs(entries, settings)[:5]
    if means or best:
        direction = "lowest" if settings.sort_ascending else "highest"
        by = f"mean {settings.performance_key} over {' and '.join(over)}" if over else settings.performance_key
        at = f" with {name}={option_texts(best[0], [name])[name]}" if (name := settings.budget_option) and best else ""
        lines.append(f"best by {by}{at} ({direction} first):")
        header, first, *others = means_table(means, record, over) if over else best_table(best, record)
        lines += ["  " + line for line in (header, green(first), *others)]
        lines += filter(None, [difference_text(means)])
        file = folder.results_by_configuration
        lines += [f"all of them, with mean and spread: {file.name}"] * bool(means and file.exists())
    return lines


def show_first_choices(record: SearchRecord, options: SearchOptions, console: Console) -> None:
    """Print what a sampler would choose next, by present results; nothing without a sampler."""
    if options.race or not options.suggests:
        return
    from hpsearch.choosers.suggestions import Suggestions

    suggestions = Suggestions(record, options)
    if not suggestions.has_more():
        return
    choices = [choice.configuration for choice in islice(suggestions.coming(), _FIRST_SHOWN)]
    settings, first = record.known_settings(), record.runs.last + 1
    at, expected = record.started_at or 0.0, suggestions.expected()
    more = f"; results choose {amount(expected - len(choices), 'more run')}" if expected > len(choices) else ""
    console.notes([f"The next {amount(len(choices), 'run')} if no result comes in between{more}"])
    console.results(command_line(run, settings) for run in runs_of(choices, expected, settings.shown_folder, at, first))
