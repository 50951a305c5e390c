"""Runs that are not good enough: judged by the user's function, moved to TO_BE_DELETED, or back. None is deleted."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hpsearch.config.grid_module import SearchConfig
from hpsearch.config.old_names import using_config
from hpsearch.console.user_output import output_on_stderr
from hpsearch.core.errors import ConfigError, SummaryError, reason_of
from hpsearch.folder.folder_scan import FoundRun, FoundSearch
from hpsearch.folder.liveness import SearchLiveness
from hpsearch.store.layout import free_name, move_entry


@dataclass
class Sorting:
    """Which runs go and which stay.

    below: they miss the criterion; without_summary: there is nothing to judge. live, foreign: they stay, being live
    or not recorded as runs of this search. problems: about runs that could not be judged or moved.
    """

    below: list[FoundRun] = field(default_factory=list)
    without_summary: list[FoundRun] = field(default_factory=list)
    live: list[FoundRun] = field(default_factory=list)
    foreign: list[FoundRun] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def sort_out(search: FoundSearch, criterion: float, liveness: SearchLiveness) -> Sorting:
    """Decide which runs' folders are to be set apart; nothing is moved.

    Raises ConfigError if the grid module has no function that judges.
    """
    if search.config.performance_eval is None:
        raise ConfigError(
            f"{search.settings.grid_source}: _PERFORMANCE_EVAL_HANDLE is missing; "
            "--performance_criteria needs a function f(summary_dict, criterion) -> True to keep the run"
        )
    sorting = Sorting()
    for found in search.runs.values():
        if found.path is None or found.path.parent != search.folder.path:
            continue
        try:
            is_kept = found.summary is not None and _is_good(found, criterion, search.config)
        except SummaryError as error:
            sorting.problems.append(f"{found.label} stays: {error}")
            continue
        if not is_kept:
            _place_for(found, sorting, liveness).append(found)
    return sorting


def _place_for(found: FoundRun, sorting: Sorting, liveness: SearchLiveness) -> list[FoundRun]:
    if liveness.may_be_live(found):
        return sorting.live
    if not found.is_recorded:
        return sorting.foreign
    return sorting.below if found.summary is not None else sorting.without_summary


def _is_good(found: FoundRun, criterion: float, config: SearchConfig) -> bool:
    """Ask the user's function. Raises SummaryError if it fails or gives no answer."""
    judge = config.performance_eval
    assert judge is not None
    assert found.summary is not None
    summary = {keyword: list(value) for keyword, value in found.summary.items()}
    try:
        with output_on_stderr(), using_config(config):
            answer: object = judge(summary, criterion)
            is_good = bool(answer)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise SummaryError(f"_PERFORMANCE_EVAL_HANDLE: {type(error).__name__}: {error}") from error
    if answer is None:
        raise SummaryError("_PERFORMANCE_EVAL_HANDLE returned None; expected True (keep) or False")
    return is_good


def move_away(search: FoundSearch, chosen: Sequence[FoundRun]) -> list[str]:
    """Move runs' folders to TO_BE_DELETED; return what went wrong."""
    problems: list[str] = []
    apart = search.folder.to_be_deleted
    try:
        if chosen:
            apart.mkdir(exist_ok=True)
    except OSError as error:
        return [f"{apart}: cannot be made ({reason_of(error)}); all runs stay"]
    for found in chosen:
        assert found.path is not None
        target = free_name(apart / found.run.folder)
        problem = _move(found.path, target)
        problems += [f"{found.label} stays: {problem}"] if problem else []
        found.path = found.path if problem else target
    return problems


@dataclass(frozen=True)
class Return:
    """What was moved back from TO_BE_DELETED: how many runs, and which could not be and why."""

    count: int
    problems: list[str]


def move_back(search: FoundSearch, liveness: SearchLiveness) -> Return:
    """Move all runs' folders back from TO_BE_DELETED to where they were; that folder goes if it is empty then."""
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
            problem = _move(source, target)
        count += not problem
        problems += [f"{source} stays: {problem}"] if problem else []
    with contextlib.suppress(OSError):
        search.folder.to_be_deleted.rmdir()
    return Return(count, problems)


def _move(source: Path, target: Path) -> str:
    """Move a run's folder, within the search folder; return what went wrong."""
    try:
        move_entry(source, target)
    except OSError as error:
        return f"cannot be moved to {target} ({reason_of(error)})"
    return ""
