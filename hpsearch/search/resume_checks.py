"""Whether a controller may look after the runs that an earlier one left: not if they may be live out of its reach."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence
from pathlib import Path

from hpsearch.backends.scheduler import cluster_of
from hpsearch.config.given_paths import absolute
from hpsearch.config.options import SearchOptions
from hpsearch.core.errors import FolderError, UsageError
from hpsearch.core.model import Run
from hpsearch.folder.liveness import Liveness, liveness_of_run
from hpsearch.store.layout import SearchFolder
from hpsearch.store.record import RunRecord, SearchRecord, Settings


def check_adoptable(folder: SearchFolder, settings: Settings, entries: Sequence[RunRecord]) -> None:
    """Make sure that none of these runs may be live where this controller cannot see it.

    Raises FolderError otherwise: such a run would be executed twice at once, or another search's run be ended.
    """
    if not any(entry.is_open for entry in entries):
        return
    original = original_of(folder, settings, (entry.run for entry in entries))
    if original is not None:
        raise FolderError(
            f"{folder.path} is a copy of {original}, whose runs may still be live: go on there, or end them there "
            f"(hpsearch cancel) and copy it anew"
        )
    for entry in entries:
        if entry.submitted is not None and is_process_elsewhere(entry, folder):
            host = entry.submitted.host
            raise FolderError(
                f"run {entry.run.number} was started on {host} and may still be live there, which cannot be seen from "
                f"{socket.gethostname()}: go on there, or add --runs_are_gone if you know that nothing of the search "
                f"lives there any more"
            )


def check_same_place(record: SearchRecord, options: SearchOptions, entries: Sequence[RunRecord]) -> None:
    """Make sure that live runs are looked for where they were started: one scheduler does not know another's jobs.

    options: those with which the search goes on. Raises UsageError otherwise.
    """
    before = record.options.get("scheduler", options.scheduler)
    for entry in entries:
        if entry.is_live and entry.submitted is not None:
            is_job = entry.submitted.is_queued
            if is_job and before != options.scheduler:
                raise UsageError(
                    f"--scheduler={options.scheduler}: run {entry.run.number} may still be live as a job of {before}; "
                    "wait for it or end it first (hpsearch cancel)"
                )
            if not is_job and options.run_cluster:
                raise UsageError(
                    f"--run_cluster: run {entry.run.number} may still be live as a process on {entry.submitted.host}; "
                    "wait for it or end it first (hpsearch cancel)"
                )


def check_same_cluster(folder: SearchFolder, entries: Sequence[RunRecord], cluster: str) -> None:
    """Make sure that jobs are looked for where they are: another cluster does not know them, and they would run again.

    cluster: the one that the scheduler's commands ask here; empty if unknown. Raises UsageError otherwise.
    """
    for entry in entries:
        is_named = entry.submitted is not None and bool(cluster_of(entry.submitted.id))
        is_elsewhere = bool(cluster) and entry.cluster not in ("", cluster) and not is_named
        if is_elsewhere and liveness_of_run(entry, folder, is_on_cluster=True) is not Liveness.GONE:
            raise UsageError(
                f"run {entry.run.number} may still be live as a job of the cluster {entry.cluster}, and the commands "
                f"here ask the cluster {cluster}: go on where they ask {entry.cluster}, or add --runs_are_gone if you "
                "know that nothing of the search lives there any more"
            )


def is_process_elsewhere(entry: RunRecord, folder: SearchFolder | None = None) -> bool:
    """Return whether a run may live as a process of another machine; a scheduler's jobs are seen from anywhere.

    folder: as for `liveness_of_run`.
    """
    is_process = entry.submitted is not None and not entry.submitted.is_queued
    return is_process and liveness_of_run(entry, folder) is Liveness.UNKNOWN


def original_of(folder: SearchFolder, settings: Settings, runs: Iterable[Run]) -> Path | None:
    """Return the folder of which this one is a copy, by where its runs should lie; None if it is none, or was moved."""
    for parent in dict.fromkeys(Path(run.out_dir).parent for run in runs):
        recorded = SearchFolder(absolute(str(parent), Path(settings.run_cwd)))
        if not recorded.journal.exists() or recorded.path.samefile(folder.path):
            continue
        # Another search may lie there by now.
        if _first_line(recorded.journal) == _first_line(folder.journal):
            return recorded.path
    return None


def _first_line(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.readline()
