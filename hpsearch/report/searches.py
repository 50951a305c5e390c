"""A search of any origin, opened for the report: its runs in one form, whatever the folder knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import cast

from hpsearch.choosers.of_search import chooser_lines, expected_runs, has_more, suggestions_of
from hpsearch.config.options import options_from_names
from hpsearch.config.written_options import to_argv
from hpsearch.console.text import amount
from hpsearch.core.command import shell_line
from hpsearch.core.configurations import identity
from hpsearch.core.model import Configuration, Run, RunState, Summary
from hpsearch.folder.by_configuration import seeds_of
from hpsearch.folder.failures import causes_of
from hpsearch.folder.folder_scan import Completion, FoundRun, find_search
from hpsearch.folder.liveness import Liveness, SearchState, liveness_of_controller, liveness_of_run
from hpsearch.folder.reading import SearchReader
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.run_record import RunRecord
from hpsearch.journal.settings import Settings
from hpsearch.report.attempts import AttemptRecord, RecordWithAttempts
from hpsearch.startup.classes import dataclass, field, replace
from hpsearch.store.classic_files import folder_name, options_of_row
from hpsearch.store.layout import SearchFolder
from hpsearch.store.table import Row, is_finished_row

#: State of a run that has ended after its controller was gone.
NOT_COLLECTED = "not collected"


@dataclass(slots=True)
class ShownRun:
    """One run: its configuration and result, when and where it ran. None or empty = not known.

    run: its number is 0 if only a row of the table tells of it. folder: relative to the search's if it lies in there.
    summary: of the attempt that counts; times, place and job: of the newest attempt. host: of a process; a scheduler's
    job has its host as place. cause: why it did not finish. token: of the newest attempt.
    """

    run: Run
    state: str
    folder: str
    summary: Summary | None = None
    seconds: float | None = None
    submitted: float | None = None
    ended: float | None = None
    place: str = ""
    host: str = ""
    job: str = ""
    cause: str = ""
    attempts: int = 0
    token: str = ""
    is_failure: bool = False


@dataclass(frozen=True)
class ShownSearch:
    """A search at one moment. started, ended: seconds since the epoch; ended: None while it may go on.

    state, notes: for people. away: see `RecordWithAttempts`. over: the options that repeat a configuration.
    command: to start it again; may be empty. is_whole: its runs are all configurations of its grid.
    """

    folder: SearchFolder
    settings: Settings
    state: str
    runs: Sequence[ShownRun]
    attempts: Sequence[AttemptRecord] = ()
    away: Sequence[tuple[float, float]] = ()
    started: float | None = None
    ended: float | None = None
    over: Sequence[str] = ()
    command: str = ""
    notes: Sequence[str] = field(default_factory=list)
    is_whole: bool = False

    @property
    def machine_hours(self) -> float | None:
        """How long all attempts ran in total; None if unknown."""
        return sum(attempt.seconds for attempt in self.attempts) / 3600 if self.attempts else None


class OpenSearch:
    """A search folder of any origin; with a journal, later reads are only of what is new."""

    def __init__(self, folder: SearchFolder, grid_module: str, over: Sequence[str]) -> None:
        """grid_module: the user's, for a folder without a journal; over: as the user gave it.

        Raises FolderError or ConfigError if the folder cannot be understood.
        """
        self.folder, self._grid_module, self._over = folder, grid_module, over
        self._reader: SearchReader | None = None
        if folder.journal.exists():
            self._reader = SearchReader(folder, passes_over_damage=True, new_record=RecordWithAttempts)
            if self._liveness() is Liveness.GONE:
                self._reader.fill_in()

    def update(self) -> None:
        """Read what is new. Raises FolderError if the folder can no longer be read."""
        if self._reader is not None:
            self._reader.update()

    @property
    def option_names(self) -> Sequence[str]:
        """The options of its runs."""
        reader = self._reader
        return (self.shown().settings if reader is None else reader.record.known_settings()).option_names

    @property
    def moment(self) -> object:
        """A value that changes only when something happens in the search."""
        if self._reader is None:
            return None
        record = self._reader.record
        return record.last_event_at, len(record.runs), record.collected_now, self._liveness()

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen unless the search is started again."""
        if self._reader is None:
            return True
        record, state = self._reader.record, self._state(self._reader.record)
        if state is not SearchState.STOPPED:
            return state is SearchState.ENDED
        # Jobs left to a scheduler go on without a controller.
        queued = (entry for entry in record if entry.submitted is not None and entry.submitted.is_queued)
        return all(liveness_of_run(entry, self.folder) is Liveness.GONE for entry in queued if entry.is_live)

    def shown(self) -> ShownSearch:
        """Return the search as it is known now."""
        if self._reader is None:
            return _without_journal(self.folder, self._grid_module, self._over)
        record = cast(RecordWithAttempts, self._reader.record)
        settings, liveness, state = record.known_settings(), self._liveness(), self._state(record)
        runs = [*_recorded_runs(record, self.folder, liveness), *_rows_only(record.carried, settings, record)]
        is_at_rest = state in (SearchState.ENDED, SearchState.STOPPED)
        return ShownSearch(
            folder=self.folder,
            settings=settings,
            state=_state_text(state, runs, expected_runs(record)),
            runs=runs,
            attempts=list(record.attempts),
            away=record.away,
            started=record.started_at,
            ended=record.last_event_at if is_at_rest else None,
            over=seeds_of(record, self._over),
            command=_command(record),
            notes=[*self._reader.damage, *_notes(record, liveness)],
            is_whole=_is_whole(record),
        )

    def _liveness(self) -> Liveness:
        """Return the controller's liveness; for a copied folder, the controller works on the original."""
        if self._reader is None:
            return Liveness.GONE
        holder = self._reader.holder()
        if holder is not None and self._reader.is_copy(holder):
            return Liveness.GONE
        return liveness_of_controller(holder)

    def _state(self, record: SearchRecord) -> SearchState:
        left = sum(not entry.state.is_final for entry in record)
        return SearchState.of(self._liveness(), left + has_more(record))


def _state_text(state: SearchState, runs: Sequence[ShownRun], expected: int = 0) -> str:
    names = {each.value for each in RunState if each.is_final}
    left = sum(run.state not in names for run in runs) + expected
    return f"{state.value}, {amount(left, 'run')} left" if state is SearchState.STOPPED and left else state.value


def _notes(record: SearchRecord, liveness: Liveness) -> Iterator[str]:
    """Say how far a race is, and what is not known of runs."""
    yield from chooser_lines(record)
    live = sum(entry.is_live for entry in record)
    if live and liveness is not Liveness.LIVE:
        yield f"{amount(live, 'run')} may be running: whoever started this search has gone, or is on another machine"


def _is_whole(record: SearchRecord) -> bool:
    """Return whether all configurations of the grid have equally many runs, as far as the options tell."""
    options, over = options_from_names(record.options), seeds_of(record)
    counts = Counter(identity(entry.run.configuration.as_dict(), over) for entry in record) if over else {}
    if len(set(counts.values())) > 1:
        return False
    if record.candidates is not None:
        suggestions = suggestions_of(record)
        return suggestions is not None and record.candidates.available is None and not suggestions.expected()
    return bool(record.options) and options.num_searches == -1 and not options.race and not options.budgets


def _command(record: SearchRecord) -> str:
    """Return the command that starts the search again; empty if this version lacks its options."""
    try:
        options = options_from_names({**record.known_settings().options, "resume": ""})
    except ValueError:
        return ""
    words = to_argv(options)
    return shell_line(["hpsearch", "run", *words]) if words else ""


def _recorded_runs(record: SearchRecord, folder: SearchFolder, liveness: Liveness) -> list[ShownRun]:
    failed = [entry for entry in record if entry.result.state.is_failure]
    causes = dict(zip((entry.run.number for entry in failed), causes_of(failed, folder)))
    return [_recorded_run(entry, folder, liveness, causes.get(entry.run.number, "")) for entry in record]


def _recorded_run(entry: RunRecord, folder: SearchFolder, liveness: Liveness, cause: str) -> ShownRun:
    """Return a run from the journal. liveness: of the search's controller."""
    result, submitted = entry.result, entry.submitted
    state = result.state.value
    if entry.is_live and result is entry and liveness is not Liveness.LIVE:
        state = state if liveness_of_run(entry, folder) is not Liveness.GONE else NOT_COLLECTED
    return ShownRun(
        run=entry.run,
        state=state,
        folder=result.reused or entry.run.folder,
        summary=result.summary,
        seconds=result.took_s,
        submitted=None if submitted is None else submitted.at,
        ended=None if entry.ended is None else entry.ended.at,
        place=entry.place,
        host="" if submitted is None or submitted.is_queued else submitted.host,
        job=submitted.id if submitted is not None and submitted.is_queued else "",
        cause=cause or result.cause,
        attempts=entry.attempts,
        token=entry.token,
        is_failure=result.state.is_failure,
    )


def _rows_only(rows: Sequence[Row], settings: Settings, record: SearchRecord | None) -> Iterator[ShownRun]:
    """Yield the runs known only from rows of the table."""
    newer: Collection[str] = (
        () if record is None else {e.result.out_dir for e in record if e.result.summary is not None}
    )
    for row in rows:
        out_dir = row.get(settings.out_arg, "")
        if out_dir not in newer:
            summary: Summary = {keyword: [row[keyword]] for keyword in settings.summary_keywords if keyword in row}
            options = options_of_row(row, (settings.out_arg, *settings.summary_keywords))
            state = RunState.FINISHED if is_finished_row(row) else RunState.UNFINISHED
            run = Run(0, folder_name(out_dir), Configuration(tuple(options.items())), out_dir)
            yield ShownRun(run, state.value, out_dir, summary)


def _without_journal(folder: SearchFolder, grid_module: str, over: Sequence[str]) -> ShownSearch:
    """Return a search of the older tool, or one whose journal is lost."""
    found = find_search(folder.path, grid_module, Path.cwd(), needs_functions=False)
    settings, runs = found.settings, [_found_run(run, folder) for run in found.runs.values()]
    runs += _rows_only(found.rows_only, settings, None)
    states = Counter(run.state for run in runs)
    state = "ended" if states[RunState.FINISHED.value] == len(runs) else "not known: there is no journal"
    settings = replace(settings, shown_folder=str(folder.path))
    return ShownSearch(folder, settings, state, runs, over=tuple(over), notes=list(found.problems))


def _found_run(found: FoundRun, folder: SearchFolder) -> ShownRun:
    path = folder.short(found.path) if found.path is not None else found.run.folder
    is_failure = found.completion is Completion.UNFINISHED
    return ShownRun(found.run, found.completion.value, path, found.summary, cause=found.problem, is_failure=is_failure)
