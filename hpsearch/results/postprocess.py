"""Postprocessing: the whole table of a search that ended or was killed, and bad runs moved away."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpsearch.backends.scheduler import BATCH_MARK, without_cluster
from hpsearch.config.given_paths import existing_folder
from hpsearch.config.user_functions import DEFAULT_LIMIT_S
from hpsearch.console.console import Console
from hpsearch.console.exit_status import clean_up_when_interrupted
from hpsearch.console.text import amount
from hpsearch.core.errors import StoreError, reason_of
from hpsearch.core.ranking import best, odd_performance
from hpsearch.core.summary import cell_under
from hpsearch.folder.folder_scan import Completion, FoundRun, FoundSearch, find_search
from hpsearch.folder.liveness import SearchLiveness
from hpsearch.folder.reading import find_folder
from hpsearch.results.to_be_deleted import Selection, move_away, move_back, select
from hpsearch.store.classic_files import configuration_dict, folder_name, write_dicts
from hpsearch.store.layout import free_name, rename_with_stamp
from hpsearch.store.record import Settings
from hpsearch.store.run_folders import move_file
from hpsearch.store.table import Row, breaks_off, columns_of, is_finished_row, sorted_rows, whole_rows, write_table

#: How many runs or problems of a kind are named one by one.
_SHOWN = 10
_LOG_NAME = re.compile(r"(?:job_)?(?P<rest>sim_.+?)(?:\.out|\.err|\.lsf|_script\.sh)")


@dataclass(frozen=True)
class PostprocessOptions:
    """What is asked for. criterion: None = move no runs. grid_module: empty = what the folder records.

    parser_timeout_s: how long a call of a user's function may take.
    """

    out_dir: str
    criterion: float | None = None
    undo: bool = False
    grid_module: str = ""
    run_cwd: str = ""
    parser_timeout_s: float = DEFAULT_LIMIT_S


@dataclass(frozen=True)
class PostprocessEnd:
    """How it ended. results: the table that was written; None if there is none."""

    results: Path | None
    exit_status: int


def postprocess(options: PostprocessOptions, console: Console) -> PostprocessEnd:
    """Put a search folder in order and write its results; its own state is left alone.

    Raises SearchError if nothing could be done.
    """
    run_cwd = existing_folder(options.run_cwd, Path.cwd(), option="--run_cwd") if options.run_cwd else Path.cwd()
    # Relative to the runs' working directory, else to where we are.
    path = find_folder(options.out_dir, run_cwd, Path.cwd()).path
    needs_functions = options.criterion is not None
    search = find_search(path, options.grid_module, run_cwd, needs_functions, options.parser_timeout_s)
    liveness = SearchLiveness(search)
    console.notes(_found_lines(search, liveness))
    clean_up_when_interrupted()
    if options.undo:
        return _undo(search, liveness, console)
    # Asked before anything is written: the grid module may lack the function.
    selection = select(search, options.criterion, liveness) if options.criterion is not None else None
    problems = _write_results(search, liveness, console)
    problems += _put_logs_in_place(search, liveness, run_cwd, console)
    if selection is not None:
        problems += _move_away(search, selection, console)
    console.notes(_listed("problems", problems))
    console.result(str(search.folder.postprocessing_results))
    return PostprocessEnd(search.folder.postprocessing_results, 1 if problems else 0)


def _found_lines(search: FoundSearch, liveness: SearchLiveness) -> list[str]:
    """Return what was found, for people."""
    origin = "by its journal" if search.record is not None else "without a journal: pickles and runs' folders count"
    counts = ", ".join(f"{len(search.of(completion)):,} {completion.value}" for completion in Completion)
    lines = [f"search {search.folder.path} ({origin})", f"{amount(len(search.runs), 'run')}: {counts}"]
    if liveness.controller is not None:
        lines.append(f"the search is live ({liveness.controller}); this is how it stands now")
    lines += _listed("warnings", search.problems)
    if search.untold:
        lines.append(f"left alone: {_names(search.untold)} (nothing tells that they are runs of this search)")
    lines += _listed(
        "unfinished",
        [f"{f.label}: {f.problem or 'its summary does not say finished 1'}" for f in search.of(Completion.UNFINISHED)],
    )
    return lines


def _listed(title: str, texts: Sequence[str]) -> list[str]:
    """Return texts under a title, only the first ones in full; nothing if there are none."""
    more = [f"  ... and {len(texts) - _SHOWN:,} more"] if len(texts) > _SHOWN else []
    return [f"{title}:", *(f"  {text}" for text in texts[:_SHOWN]), *more] if texts else []


def _names(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else "")


def _write_results(search: FoundSearch, liveness: SearchLiveness, console: Console) -> list[str]:
    """Write table and pickles; add what the search's own table lacks. Returns what went wrong."""
    folder, settings = search.folder, search.settings
    rows = sorted_rows(search.rows, settings)
    try:
        jobs = [folder.postprocessing_jobs(completion.value) for completion in Completion]
        rename_with_stamp(folder.postprocessing_results, *jobs)
        write_table(folder.postprocessing_results, columns_of(settings, rows), rows)
        for completion in Completion:
            dicts = [configuration_dict(found.run, settings) for found in search.of(completion)]
            write_dicts(folder.postprocessing_jobs(completion.value), dicts)
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


def _best(rows: Sequence[Row], settings: Settings) -> str:
    """Return the best finished run's value and folder; nothing if no run has a number."""
    key = settings.performance_key
    finished = filter(is_finished_row, rows)
    first = next(iter(best(finished, lambda row: row.get(key, ""), settings.sort_ascending)), None)
    return "" if first is None else f"; best {key} {first[key]} ({folder_name(first.get(settings.out_arg, ''))})"


def _complete_table(search: FoundSearch, liveness: SearchLiveness) -> int:
    """Add rows that the search's own table lacks, all rows in there stay; return how many.

    A live search writes its table itself, so it is left alone.
    """
    folder, settings = search.folder, search.settings
    if search.is_journal_damaged or liveness.controller is not None:
        return 0
    delivered = {
        found.run.folder: found.row
        for found in search.runs.values()
        if found.row is not None and not liveness.may_be_live(found)
    }
    is_half_copied = bool(search.table) and breaks_off(folder.results)
    if not is_half_copied and not _lacking(search.table, delivered, settings):
        return 0
    there = whole_rows(folder.results, settings.out_arg)
    if is_half_copied and folder_name(there[-1].get(settings.out_arg, "")) in delivered:
        there.pop()
    new = _lacking(there, delivered, settings)
    # A controller that has started meanwhile has written a whole table of its own.
    if not new or SearchLiveness(search).controller is not None:
        return 0
    rows = sorted_rows([*there, *new], settings)
    write_table(folder.results, columns_of(settings, rows), rows)
    return len(new)


def _lacking(rows: Iterable[Row], delivered: Mapping[str, Row], settings: Settings) -> list[Row]:
    """Return the delivered rows that a table lacks. delivered: name of the run's folder -> row."""
    known = {folder_name(row.get(settings.out_arg, "")) for row in rows}
    return [row for name, row in delivered.items() if name not in known]


def _move_away(search: FoundSearch, selection: Selection, console: Console) -> list[str]:
    """Move the chosen runs' folders and tell about it. Returns what went wrong."""
    below, silent, foreign = selection.below, selection.without_summary, selection.foreign
    chosen = [*below, *silent]
    problems = [*selection.problems, *move_away(search, chosen)]
    moved = sum(found.is_moved_away for found in chosen)
    console.note(
        f"moved to {search.folder.to_be_deleted}: {moved:,} of {amount(len(chosen), 'run')} "
        f"({len(below):,} below the criterion, {len(silent):,} without a readable summary); "
        "nothing is deleted, --undo moves them back"
    )
    kept = {"they may be live or be started at any moment": selection.live, "the search does not know them": foreign}
    for reason, runs in kept.items():
        console.notes(_listed(f"stay, because {reason}", [found.label for found in runs]))
    return problems


def _undo(search: FoundSearch, liveness: SearchLiveness, console: Console) -> PostprocessEnd:
    count, problems = move_back(search, liveness)
    console.note(f"moved back from {search.folder.to_be_deleted}: {amount(count, 'run')}")
    console.notes(_listed("problems", problems))
    results = search.folder.postprocessing_results
    if results.exists():
        console.result(str(results))
    return PostprocessEnd(results if results.exists() else None, 1 if problems else 0)


def _put_logs_in_place(search: FoundSearch, liveness: SearchLiveness, run_cwd: Path, console: Console) -> list[str]:
    """Move stray logs and job scripts into the folders of their runs, unless those may be live.

    Looks in the search folder, among the logs that a controller left, in the folder where we are and those where runs
    work. Logs of a run without a folder stay: the folder must not exist if the run is started again.
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
    for folder in dict.fromkeys(folders):
        if folder != search.folder.path:
            yield from _files(folder)


def _files(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            names = [e.name for e in entries if _LOG_NAME.fullmatch(e.name) and e.is_file(follow_symlinks=False)]
    except OSError:
        return []  # It is missing, or we may not read it.
    return [folder / name for name in sorted(names)]


def run_of_log(name: str, runs: dict[str, FoundRun]) -> FoundRun | None:
    """Return the run to which a log belongs by its name; None if it is no log, or of another search.

    What a job of several runs left belongs to none: the controller learns from it whether the job ever started.
    """
    matched = _LOG_NAME.fullmatch(name) if BATCH_MARK not in name else None
    rest = matched["rest"] if matched is not None else ""
    while rest and rest not in runs:
        # After the folder's name comes a job's id, a member of an array, or our own attempt's token.
        rest = rest[: max(rest.rfind("."), rest.rfind("_"), 0)]
    return runs.get(rest)


def _final_name(path: Path, found: FoundRun, search: FoundSearch) -> str:
    """Return the name that a log gets; while its run lives, it has the name of the attempt."""
    entry, options = found.entry, search.settings.options
    if entry is None or path.parent != search.folder.logs or path.stem != entry.token:
        return path.name
    if options.get("run_cluster") and options.get("scheduler") == "slurm" and entry.submitted is not None:
        return f"{found.run.folder}_{without_cluster(entry.submitted.id)}{path.suffix}"
    return f"job_{found.run.folder}{path.suffix}"
