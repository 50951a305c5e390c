"""What people see of a search while it is carried out: a line for each run, the text of the bar, the closing table."""

from collections import Counter
from collections.abc import Collection, Hashable, Sequence

from hpsearch.backends.base import NamesSubmissions
from hpsearch.config.program import resume_hint, status_hint
from hpsearch.console.text import amount, duration
from hpsearch.core.command import shell_line
from hpsearch.core.failures import likeness
from hpsearch.core.model import Job, RunState
from hpsearch.folder.failures import failure_lines, known_cause, log_hint
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
from hpsearch.search.controller import Controller
from hpsearch.store.layout import SearchFolder
from hpsearch.store.record import RunRecord, SearchRecord


class Progress:
    """Tells of the runs of one search, as they start and end."""

    def __init__(self, controller: Controller, entries: Sequence[RunRecord]) -> None:
        self._console, self._runs = controller.console, controller.runs
        self._settings = controller.search.settings
        self._tells_starts = controller.backend.shows_output or not self._console.has_bar
        self._last_run = max(controller.search.record.runs, default=0)
        finished = [entry for entry in entries if entry.state is RunState.FINISHED]
        self._total = len(entries)
        self._counts = Counter({RunState.FINISHED: len(finished)})
        self._best = best_runs(finished, self._settings)[:1]
        self._folder, self._varying = controller.search.folder, varying_options(controller.search.record)
        self._told: set[Hashable] = set()
        self._console.start_bar(self._total, len(finished))

    def started(self, job: Job, is_queued: bool) -> None:
        if self._tells_starts:
            place = f" submitted as job {job.id}" if is_queued else f" started{on_place(job.place.label)}"
            run = job.attempt.run
            again = f", attempt {job.attempt.number}" if job.attempt.number > 1 else ""
            self._console.note(f"run {run.number}/{self._last_run}{place}{again}: {shell_line(job.attempt.argv)}")

    def runs_now(self, job: Job, place: str) -> None:
        if not self._console.has_bar:
            number = job.attempt.run.number
            self._console.note(f"run {number}/{self._last_run} runs now{on_place(place)} (job {job.id})")

    def ended(self, entry: RunRecord, is_again: bool) -> None:
        if not is_again:
            self._counts[entry.state] += 1
            if entry.state is RunState.FINISHED:
                self._best = best_runs([*self._best, entry], self._settings)[:1]
        is_good = entry.state is RunState.FINISHED and not entry.problem
        if not self._console.has_bar or not is_good:
            self._console.note(self._ended_line(entry, is_again))
        if not is_again:
            self._console.advance_bar()

    def _ended_line(self, entry: RunRecord, is_again: bool) -> str:
        took = f" after {duration(entry.took_s)}" if entry.took_s is not None else ""
        where = on_place(entry.submitted.place) if entry.submitted is not None else ""
        parts = [f"run {entry.run.number}/{self._last_run} {entry.state.value}{took}{where}"]
        is_good = entry.state is RunState.FINISHED
        parts += [self._result(entry) if is_good else self._why(entry)]
        parts += ["; it is run again"] if is_again else [f" [{sum(self._counts.values())}/{self._total}]"]
        parts += [] if is_good else [self._hint(entry)]
        return "".join(parts)

    def _result(self, entry: RunRecord) -> str:
        key = self._settings.performance_key
        value = performance(entry, key)
        odd = f" ({entry.problem})" if entry.problem else ""
        return (f": {key} {value:g}" if value is not None else "") + odd

    def _why(self, entry: RunRecord) -> str:
        """Return why a run did not finish, with the options that tell it from the others."""
        options = options_text(option_texts(entry, self._varying))
        return f": {known_cause(entry, self._folder)}" + (f"; {options}" if options else "")

    def _hint(self, entry: RunRecord) -> str:
        """Return where to read on about a run that did not finish; empty if one like it was told before."""
        kind = likeness(entry.state, known_cause(entry, self._folder))
        hint = "" if kind in self._told else log_hint(entry, self._folder)
        self._told.add(kind)
        return f"; {hint}" if hint else ""

    def refresh(self) -> None:
        if not self._console.has_bar:
            return
        active = self._runs.active
        queued = sum(run.entry.state is RunState.QUEUED for run in active)
        failed = sum(self._counts.values()) - self._counts[RunState.FINISHED]
        parts = [f"{len(active) - queued} running"]
        parts += [f"{queued} queued"] if queued else []
        parts += slots_in_use(job.place.label for job in self._runs.jobs)
        parts += [f"{failed} not finished"] if failed else []
        key = self._settings.performance_key
        parts += [f"best {key} {performance(best, key):g} (run {best.run.number})" for best in self._best]
        self._console.describe_bar(", ".join(parts))


def submitted_lines(controller: Controller, runs: Sequence[RunRecord], earlier: Collection[str]) -> list[str]:
    """Return what was left to the scheduler, and how to look at it and collect it.

    runs: those of the search. earlier: tokens of attempts that the scheduler had before.
    """
    folder, backend, active = controller.search.folder, controller.backend, controller.runs.active
    new = [run for run in active if run.attempt.token not in earlier]
    jobs = [run.job for run in new if run.job is not None]
    where = f" ({backend.submissions_of(jobs)})" if jobs and isinstance(backend, NamesSubmissions) else ""
    lines = [f"Submitted {amount(len(new), 'run')} to {backend.name}{where}"]
    lines += [f"{amount(len(active) - len(new), 'run')} submitted earlier"] if len(active) > len(new) else []
    left = sum(not entry.is_open and not entry.state.is_final for entry in runs)
    lines += [f"{amount(left, 'run')} not submitted yet: resume submits them"] if left else []
    return [*lines, f"  look:     {status_hint(folder.path)}", f"  collect:  {resume_hint(folder.path)}"]


def closing_lines(record: SearchRecord, folder: SearchFolder, took_s: float) -> list[str]:
    """Return how the search ended: counts, failures with reason and log, the best five runs."""
    settings = record.known_settings()
    counts = counts_text(Counter(entry.state for entry in record))
    name = f"{settings.name}: " if settings.name else ""
    lines = [f"{name}{amount(len(record.runs), 'run')}: {counts} ({duration(took_s)})"]
    failed = [entry for entry in record if entry.state.is_final and entry.state is not RunState.FINISHED]
    lines += failure_lines(failed, record, folder)
    lines += place_lines(record)
    best = best_runs(record, settings)[:5]
    if best:
        direction = "lowest" if settings.sort_ascending else "highest"
        lines.append(f"best by {settings.performance_key} ({direction} first):")
        lines += ["  " + line for line in best_table(best, record)]
    return lines
