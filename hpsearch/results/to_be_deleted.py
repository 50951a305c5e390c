"""Runs that are not good enough: judged by the user's function, moved to TO_BE_DELETED, or back. None is deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hpsearch.config.old_names import using_config
from hpsearch.console.user_output import output_on_stderr
from hpsearch.core.errors import ConfigError, StoreError, reason_of
from hpsearch.folder.folder_scan import FoundRun, FoundSearch
from hpsearch.folder.liveness import SearchLiveness
from hpsearch.store.layout import free_name, make_folder, remove_if_empty
from hpsearch.store.run_folders import move_entry


@dataclass
class Selection:
    """Which runs go: those below the criterion and those without a summary to judge; and which stay.

    live, foreign: they stay because they may be live, or are not recorded as runs of this search.
    problems: about runs that could not be judged; they stay, too.
    """

    below: list[FoundRun] = field(default_factory=list)
    without_summary: list[FoundRun] = field(default_factory=list)
    live: list[FoundRun] = field(default_factory=list)
    foreign: list[FoundRun] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def select(search: FoundSearch, criterion: float, liveness: SearchLiveness) -> Selection:
    """Decide which runs' folders go to TO_BE_DELETED; nothing is moved.

    Raises ConfigError if the grid module has no function that judges.
    """
    selection = Selection()
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
        elif not verdict:
            _group_of(found, selection, liveness).append(found)
    return selection


def _verdicts(search: FoundSearch, runs: Sequence[FoundRun], criterion: float) -> dict[str, object | Exception]:
    """Return what the user's function says of each run with a summary, or its error: folder -> verdict."""
    judge = search.config.performance_eval
    if judge is None:
        raise ConfigError(
            f"{search.settings.grid_source}: _PERFORMANCE_EVAL_HANDLE is missing; "
            "--performance_criteria needs a function f(summary_dict, criterion) -> True to keep the run"
        )
    summaries = {found.run.folder: found.summary for found in runs if found.summary is not None}
    with output_on_stderr(), using_config(search.config):
        verdicts = judge.each(({key: list(value) for key, value in s.items()}, criterion) for s in summaries.values())
        return dict(zip(summaries, verdicts, strict=True))


def _group_of(found: FoundRun, selection: Selection, liveness: SearchLiveness) -> list[FoundRun]:
    if liveness.may_be_live(found):
        return selection.live
    if not found.is_recorded:
        return selection.foreign
    return selection.below if found.summary is not None else selection.without_summary


def move_away(search: FoundSearch, chosen: Sequence[FoundRun]) -> list[str]:
    """Move runs' folders to TO_BE_DELETED; return what went wrong."""
    apart = search.folder.to_be_deleted
    try:
        if chosen:
            make_folder(apart)
    except StoreError as error:
        return [f"{error}; all runs stay"]
    problems = []
    for found in chosen:
        assert found.path is not None
        target = free_name(apart / found.run.folder)
        problem = _move(found.path, target)
        if problem:
            problems.append(f"{found.label} stays: {problem}")
        else:
            found.path, found.is_moved_away = target, True
    return problems


def move_back(search: FoundSearch, liveness: SearchLiveness) -> tuple[int, list[str]]:
    """Move all runs' folders back from TO_BE_DELETED; return how many were moved, and what went wrong."""
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
    remove_if_empty(search.folder.to_be_deleted)
    return count, problems


def _move(source: Path, target: Path) -> str:
    """Move a run's folder within the search folder; return what went wrong."""
    try:
        move_entry(source, target)
    except OSError as error:
        return f"cannot be moved to {target} ({reason_of(error)})"
    return ""
