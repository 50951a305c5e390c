"""Postprocessing: complete the table of a search that ended or was killed, and move bad runs away."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from hpsearch.backends.scheduler import BATCH_MARK, without_cluster
from hpsearch.config.given_paths import existing_folder
from hpsearch.config.old_names import using_config
from hpsearch.console.console import Console
from hpsearch.console.exit_status import clean_up_when_interrupted
from hpsearch.console.text import amount
from hpsearch.console.user_output import output_on_stderr
from hpsearch.core.errors import ConfigError, StoreError, UsageError, reason_of
from hpsearch.core.ranking import odd_performance, ranking_number
from hpsearch.core.statistics import SAMPLE_STD
from hpsearch.core.summary import cell_under
from hpsearch.folder.by_configuration import check_over, found_repetitions, seeds_of
from hpsearch.folder.choice import choose_folder
from hpsearch.folder.folder_scan import Completion, FoundRun, FoundSearch, SearchLiveness, find_search
from hpsearch.journal.settings import Settings
from hpsearch.startup.classes import dataclass, field
from hpsearch.startup.garbage import collected_later
from hpsearch.store.classic_files import configuration_dict, folder_name, write_dicts
from hpsearch.store.configuration_table import option_names, write_configurations
from hpsearch.store.layout import free_name, make_folder, remove_if_empty, rename_with_stamp
from hpsearch.store.run_folders import move_entry, move_file
from hpsearch.store.table import (
    Columns,
    Row,
    breaks_off,
    columns_of,
    is_finished_row,
    sorted_rows,
    whole_rows,
    write_table,
)

#: The most runs or problems of a kind that are named one by one.
_SHOWN = 10
_LOG_NAME = re.compile(r"(?:job_)?(?P<rest>sim_.+?)(?:\.out|\.err|\.lsf|_script\.sh)")


def postprocess(options: argparse.Namespace, console: Console) -> tuple[Path | None, int]:
    """Put a search folder in order and write its results; its journal stays as it is.

    options: of ``hpsearch_postprocessing``. Returns the written table, None if there is none, and the exit status.
    Raises SearchError if nothing could be done.
    """
    run_cwd = existing_folder(options.run_cwd, Path.cwd(), option="--run_cwd") if options.run_cwd else Path.cwd()
    # Relative to the runs' working directory, else to the current folder.
    path = choose_folder(options.out_dir, console, run_cwd, Path.cwd()).path
    criterion: float | None = options.performance_criteria
    with collected_later():
        search = find_search(path, options.grid_module, run_cwd, criterion is not None, options.parser_timeout)
    check_over(options.over, option_names(found_repetitions(search), search.settings), path)
    if options.undo and options.over:
        raise UsageError("--undo only moves runs back: leave out --over")
    liveness = SearchLiveness(search)
    results = search.folder.postprocessing_results
    console.notes(_found_lines(search, liveness))
    clean_up_when_interrupted()
    if options.undo:
        problems = _move_back(search, liveness, console)
    else:
        # Ask before anything is written: the grid module may lack the function.
        selection = None if criterion is None else _select(search, criterion, liveness)
        problems = _write_results(search, liveness, console)
        problems += _write_configurations(search, seeds_of(search.record, options.over), console)
        problems += _put_logs_in_place(search, liveness, run_cwd, console)
        problems += [] if selection is None else _move_away(search, selection, console)
    console.notes(_listed("problems", problems))
    is_there = not options.undo or results.exists()
    if is_there:
        console.result(str(results))
    return results if is_there else None, 1 if problems else 0


def _found_lines(search: FoundSearch, liveness: SearchLiveness) -> list[str]:
    origin = "by its journal" if search.record is not None else "without a journal: pickles and runs' folders count"
    counts = ", ".join(f"{len(search.of(completion)):,} {completion.value}" for completion in Completion)
    lines = [f"search {search.folder.path} ({origin})", f"{amount(len(search.runs), 'run')}: {counts}"]
    if liveness.controller is not None:
        lines.append(f"the search is running ({liveness.controller}); these are its results so far")
    lines += _listed("warnings", search.problems)
    if search.unrelated:
        more = f" and {len(search.unrelated) - _SHOWN:,} more" if len(search.unrelated) > _SHOWN else ""
        names = ", ".join(search.unrelated[:_SHOWN])
        lines.append(f"left alone: {names}{more} (not known to be runs of this search)")
    return lines + _listed("unfinished", [f"{f.label}: {_why(f)}" for f in search.of(Completion.UNFINISHED)])


def _why(found: FoundRun) -> str:
    """Return why a run did not finish: the cause that its controller found, else what is wrong with its summary."""
    cause = found.entry.cause if found.entry is not None else ""
    return cause or found.problem or "its summary does not say finished 1"


def _listed(title: str, texts: Sequence[str]) -> list[str]:
    """Return texts under a title, cut after the first `_SHOWN`; nothing if there are none."""
    more = [f"  ... and {len(texts) - _SHOWN:,} more"] if len(texts) > _SHOWN else []
    return [f"{title}:", *(f"  {text}" for text in texts[:_SHOWN]), *more] if texts else []


def _write_results(search: FoundSearch, liveness: SearchLiveness, console: Console) -> list[str]:
    """Write table and pickles; add rows that the search's own table lacks. Returns what went wrong."""
    folder, settings = search.folder, search.settings
    rows = sorted_rows(search.rows, settings)
    try:
        jobs = [folder.postprocessing_jobs(completion.value) for completion in Completion]
        rename_with_stamp(folder.postprocessing_results, *jobs)
        _write_table(folder.postprocessing_results, rows, search)
        for completion in Completion:
            dicts = [configuration_dict(found.run, settings) for found in search.of(completion)]
            write_dicts(folder.postprocessing_jobs(completion.value), partial(iter, dicts))
    except OSError as error:
        raise StoreError(f"{folder.path}: cannot be written ({reason_of(error)})") from error
    console.note(f"rows in {folder.postprocessing_results.name}: {len(rows):,}{_best(rows, settings)}")
    key = settings.performance_key
    odd = odd_performance((cell_under(found.summary, key) for found in search.of(Completion.FINISHED)), key)
    if odd:
        console.warn(odd)
    try:
        added = _complete_table(search, liveness)
    except StoreError as error:
        return [str(error)]
    console.notes([f"rows added to {folder.results.name}: {added:,}"] if added else [])
    return []


def _write_configurations(search: FoundSearch, over: Sequence[str], console: Console) -> list[str]:
    """Write the table of configurations if options repeat them. Returns what went wrong."""
    if not over:
        return []
    folder, settings = search.folder, search.settings
    try:
        count = len(write_configurations(folder, found_repetitions(search), settings, over))
    except StoreError as error:
        return [str(error)]
    how = f"over {', '.join(over)}; {SAMPLE_STD}"
    console.note(f"configurations in {folder.results_by_configuration.name}: {count:,} ({how})")
    return []


def _best(rows: Sequence[Row], settings: Settings) -> str:
    """Return the best finished run's value and folder; nothing if no run has a number. rows: best first."""
    key = settings.performance_key
    first = next((row for row in rows if is_finished_row(row) and ranking_number(row.get(key, "")) is not None), None)
    return "" if first is None else f"; best {key} {first[key]} ({folder_name(first.get(settings.out_arg, ''))})"


def _complete_table(search: FoundSearch, liveness: SearchLiveness) -> int:
    """Add rows that the search's own table lacks, keeping all others; return how many.

    A live search's table is left alone: the search writes it itself.
    """
    folder, settings = search.folder, search.settings
    if search.is_journal_damaged or liveness.controller is not None:
        return 0
    delivered = {name: found for name, found in search.runs.items() if found.row is not None}
    if not delivered or (search.names_in_table.issuperset(delivered) and not breaks_off(folder.results)):
        return 0
    # Read the table again: a controller may have added a row meanwhile.
    there = whole_rows(folder.results, settings.out_arg)
    names = [search.name_of(row) for row in there]
    last = delivered.get(names[-1]) if names else None
    if last is not None and breaks_off(folder.results) and not liveness.may_be_live(last):
        del there[-1], names[-1]
    named = set(names)
    lacking = (found for name, found in delivered.items() if name not in named)
    new = [found.row for found in lacking if found.row is not None and not liveness.may_be_live(found)]
    # A controller that has started meanwhile has written a complete table.
    if not new or SearchLiveness(search).controller is not None:
        return 0
    rows = sorted_rows([*there, *new], settings)
    _write_table(folder.results, rows, search)
    return len(new)


def _write_table(path: Path, rows: Sequence[Row], search: FoundSearch) -> None:
    """Write a table with the columns of the search's own table."""
    cells = search.more_cells
    columns = Columns.of(columns_of(search.settings, rows), cells is not None)
    whole = rows if not cells else [columns.row(row, cells.get(search.name_of(row), {})) for row in rows]
    write_table(path, columns.names, whole)


@dataclass
class _Selection:
    """Which runs go (below the criterion, or without a summary), and which stay.

    live, foreign: stay because they may be live, or are not recorded as runs of this search.
    problems: about runs that could not be judged; these stay, too.
    """

    below: list[FoundRun] = field(default_factory=list)
    without_summary: list[FoundRun] = field(default_factory=list)
    live: list[FoundRun] = field(default_factory=list)
    foreign: list[FoundRun] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def _select(search: FoundSearch, criterion: float, liveness: SearchLiveness) -> _Selection:
    """Decide which runs' folders go to TO_BE_DELETED; move nothing yet.

    Raises ConfigError if the grid module has no function that judges.
    """
    selection = _Selection()
    there = [found for found in search.runs.values() if found.path is not None and not found.is_moved_away]
    verdicts = _verdicts(search, there, criterion)
    for found in there:
        verdict = verdicts.get(found.run.folder, False)
        if isinstance(verdict, Exception):
            problem = f"_PERFORMANCE_EVAL_HANDLE: {type(verdict).__name__}: {verdict}"
            selection.problems.append(f"{found.label} stays: {problem}")
        elif verdict is None:
            problem = "_PERFORMANCE_EVAL_HANDLE returned None; expected True (keep) or False"
            selection.problems.append(f"{found.label} stays: {problem}")
        elif verdict:
            continue
        elif liveness.may_be_live(found):
            selection.live.append(found)
        elif not found.is_recorded:
            selection.foreign.append(found)
        else:
            (selection.without_summary if found.summary is None else selection.below).append(found)
    return selection


def _verdicts(search: FoundSearch, runs: Sequence[FoundRun], criterion: float) -> dict[str, object | Exception]:
    """Call the user's function for each run with a summary: folder -> its answer, or its error."""
    performance_eval = search.config.performance_eval
    if performance_eval is None:
        raise ConfigError(
            f"{search.settings.grid_source}: _PERFORMANCE_EVAL_HANDLE is missing; "
            "--performance_criteria needs a function f(summary_dict, criterion) -> True to keep the run"
        )
    summaries = {found.run.folder: found.summary for found in runs if found.summary is not None}
    with output_on_stderr(), using_config(search.config):
        calls = (({key: list(value) for key, value in s.items()}, criterion) for s in summaries.values())
        verdicts = performance_eval.each(calls)
        return dict(zip(summaries, verdicts, strict=True))


def _move_away(search: FoundSearch, selection: _Selection, console: Console) -> list[str]:
    """Move the chosen runs' folders to TO_BE_DELETED and tell about it. Returns what went wrong."""
    below, silent = selection.below, selection.without_summary
    chosen, problems, moved = [*below, *silent], list(selection.problems), 0
    apart = search.folder.to_be_deleted
    try:
        if chosen:
            make_folder(apart)
        for found in chosen:
            assert found.path is not None
            problem = _moved(found.path, free_name(apart / found.run.folder))
            problems += [f"{found.label} stays: {problem}"] if problem else []
            moved += not problem
    except StoreError as error:
        problems.append(f"{error}; all runs stay")
    console.note(
        f"moved to {apart}: {moved:,} of {amount(len(chosen), 'run')} "
        f"({len(below):,} below the criterion, {len(silent):,} without a readable summary); "
        "nothing is deleted, --undo moves them back"
    )
    live, foreign = selection.live, selection.foreign
    for reason, runs in (
        ("they may be live or be started at any moment", live),
        ("the search does not know them", foreign),
    ):
        console.notes(_listed(f"stay, because {reason}", [found.label for found in runs]))
    return problems


def _move_back(search: FoundSearch, liveness: SearchLiveness, console: Console) -> list[str]:
    """Move all runs' folders back from TO_BE_DELETED and tell about it. Returns what went wrong."""
    count, problems = 0, []
    for name in sorted(search.listing.to_be_deleted):
        source, target = search.folder.to_be_deleted / name, search.folder.path / name
        if name not in search.runs:
            problem = "it is no run of this search"
        elif name in search.listing.run_folders:
            problem = "the run has a newer folder"
        elif liveness.may_be_live(search.runs[name]):
            problem = "the run may be live, or be started at any moment"
        else:
            problem = _moved(source, target)
        count += not problem
        problems += [f"{source} stays: {problem}"] if problem else []
    remove_if_empty(search.folder.to_be_deleted)
    console.note(f"moved back from {search.folder.to_be_deleted}: {amount(count, 'run')}")
    return problems


def _moved(source: Path, target: Path) -> str:
    """Move a run's folder within the search folder; return what went wrong."""
    try:
        move_entry(source, target)
    except OSError as error:
        return f"cannot be moved to {target} ({reason_of(error)})"
    return ""


def _put_logs_in_place(search: FoundSearch, liveness: SearchLiveness, run_cwd: Path, console: Console) -> list[str]:
    """Move stray logs and job scripts into the folders of their runs, unless the runs may be live.

    Looks in the search folder, among the logs that a controller left, in the current folder and in the runs' working
    folders. Logs of a run without a folder stay: the folder must not exist if the run is started again.
    Returns what went wrong.
    """
    count, problems = 0, []
    for path in _candidates(search, [Path.cwd(), run_cwd, Path(search.settings.run_cwd)]):
        found = run_of_log(path.name, search.runs)
        if found is None or found.path is None or path.parent == found.path or liveness.may_be_live(found):
            continue
        try:
            move_file(path, free_name(found.path / _final_name(path, found, search)))
            count += 1
        except OSError as error:
            problems.append(f"{path}: cannot be moved into the folder of {found.label} ({reason_of(error)})")
    console.notes([f"logs moved into their runs' folders: {count:,}"] if count else [])
    return problems


def _candidates(search: FoundSearch, elsewhere: Iterable[Path]) -> Iterator[Path]:
    yield from (search.folder.path / name for name in sorted(search.listing.files))
    # One scheduler library puts logs into a subfolder.
    folders = [search.folder.logs, *(path for folder in elsewhere for path in (folder, folder / "logs"))]
    for folder in dict.fromkeys(path for path in folders if path != search.folder.path):
        # The folder may be missing or unreadable.
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            names = [e.name for e in entries if _LOG_NAME.fullmatch(e.name) and e.is_file(follow_symlinks=False)]
            yield from (folder / name for name in sorted(names))


def run_of_log(name: str, runs: dict[str, FoundRun]) -> FoundRun | None:
    """Return the run that a log belongs to, by its name; None if it is no log, or of another search.

    Files of a job with several runs belong to no run: they tell the controller whether the job ever started.
    """
    matched = _LOG_NAME.fullmatch(name) if BATCH_MARK not in name else None
    rest = matched["rest"] if matched is not None else ""
    while rest and rest not in runs:
        # After the folder's name comes a job's id, an index in an array, or the token of our attempt.
        rest = rest[: max(rest.rfind("."), rest.rfind("_"), 0)]
    return runs.get(rest)


def _final_name(path: Path, found: FoundRun, search: FoundSearch) -> str:
    """Return the final name of a log, which has its attempt's name while the run lives."""
    entry, options = found.entry, search.settings.options
    if entry is None or path.parent != search.folder.logs or path.stem != entry.token:
        return path.name
    if options.get("run_cluster") and options.get("scheduler") == "slurm" and entry.submitted is not None:
        return f"{found.run.folder}_{without_cluster(entry.submitted.id)}{path.suffix}"
    return f"job_{found.run.folder}{path.suffix}"
