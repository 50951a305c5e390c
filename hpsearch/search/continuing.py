"""Runs that go on from checkpoints: after which ends another attempt follows, and what it starts from."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from hpsearch.config.program import resume_hint
from hpsearch.core.errors import UsageError
from hpsearch.core.model import RunState
from hpsearch.journal.run_record import RunRecord
from hpsearch.journal.settings import Settings
from hpsearch.store.layout import SearchFolder
from hpsearch.store.run_folders import folders_aside, holds_work, place_aside


def is_interrupted(settings: Settings, state: RunState) -> bool:
    """Return whether a run was interrupted, so that another attempt goes on and does not count as a retry."""
    return settings.continues and state in (RunState.PREEMPTED, RunState.LOST, RunState.TIMED_OUT)


def end_of_patience(entry: RunRecord, most: int, folder: SearchFolder) -> str:
    """Return why an interrupted run is not continued again, and what helps; empty if it is."""
    if entry.continuations < most:
        return ""
    limit = f"--max_continuations={most}"
    return f"run {entry.run.number} is not continued any more ({limit}); to go on: {resume_hint(folder.path)}"


def continues_from(
    folder: SearchFolder, settings: Settings, entry: RunRecord, smaller: RunRecord | None = None
) -> str | None:
    """Return what the next attempt at a run goes on from; see `AttemptIntended.continues`.

    smaller: the run of the same configuration with a smaller budget; if it finished, the first attempt goes on from it.

    An attempt goes on from an earlier one however that ended, but begins anew after a finished one. An attempt that
    left nothing (it never began, or ended before it could save anything) is passed over.
    """
    first = None if smaller is None or not settings.continue_arg else _folder_of(folder, smaller)
    if not settings.continues or not entry.attempts or entry.state is RunState.FINISHED:
        return first
    if settings.keep_out_dir:
        return ""
    source = _newest_with_work(folder, entry)
    if source is None:
        return first or ""
    # Spelled as the user wrote the search's folder: not a Path, which would turn "./x" into "x".
    return os.path.join(os.path.dirname(entry.run.out_dir), source.relative_to(folder.path))  # noqa: PTH118, PTH120


def _folder_of(folder: SearchFolder, entry: RunRecord) -> str | None:
    """Return a run's folder, as its command names it; None if the run has not finished, or the folder is gone."""
    if entry.state is not RunState.FINISHED:
        return None
    is_there = Path(entry.reused).is_dir() if entry.reused else folder.run_folder(entry.run).is_dir()
    return entry.out_dir if is_there else None


def _newest_with_work(folder: SearchFolder, entry: RunRecord) -> Path | None:
    """Return where the newest attempt with work will have its folder when the next attempt starts; None if none has."""
    run, last_finished = entry.run, 0 if entry.kept is None else entry.kept.attempts
    if holds_work(folder.run_folder(run), run):
        return place_aside(folder, run, entry.attempts)
    # Only now: there may be thousands.
    aside = folders_aside(folder, run)
    earlier = (aside[number] for number in sorted(aside, reverse=True) if number > last_finished)
    return next((path for path in earlier if holds_work(path, run)), None)


def check_continues(settings: Settings, given: Collection[str]) -> None:
    """Raise UsageError if --max_continuations is given to a search whose runs always begin anew."""
    if "max_continuations" in given and not settings.continues:
        lacks = f"{settings.grid_source} has neither _KEEP_OUT_DIR nor _CONTINUE_ARG"
        raise UsageError(f"--max_continuations: {lacks}, so no run can go on from an earlier attempt")
