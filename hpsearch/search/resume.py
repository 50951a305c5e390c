"""Taking up an earlier search: which of its runs, with which options, and whether that is safe.

It is not where runs may be live out of the controller's reach: they would be executed twice at once.
"""

from __future__ import annotations

import socket
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpsearch.backends.scheduler import cluster_of
from hpsearch.config.given_paths import absolute, existing_folder
from hpsearch.config.options import SearchOptions, options_from_names
from hpsearch.core.errors import FolderError, UsageError
from hpsearch.core.model import RunState
from hpsearch.folder.liveness import Liveness, liveness_of_run
from hpsearch.store.events import RunMoved
from hpsearch.store.journal import remedy_for
from hpsearch.store.layout import SearchFolder
from hpsearch.store.live import LiveSearch
from hpsearch.store.record import RunRecord, SearchRecord


@dataclass(frozen=True)
class RunChoice:
    """Which runs of a search are taken up, and what for.

    numbers: of the runs that are wanted; None = all. Runs that are open are looked after in any case.
    again: numbers of runs that are run also if they finished.
    takes_up_all: all of those runs that did not finish are run, also if that shows only now.
    only_ends: open runs are ended, as far as that can be done here, and nothing is run.
    """

    numbers: Collection[int] | None = None
    again: Collection[int] = ()
    takes_up_all: bool = True
    only_ends: bool = False

    def of(self, record: SearchRecord) -> list[RunRecord]:
        """Return the runs that are looked after."""
        if self.only_ends:
            return [entry for entry in record if entry.is_open and not is_process_elsewhere(entry)]
        return [entry for entry in record if self.numbers is None or entry.is_open or entry.run.number in self.numbers]


#: The usual one: everything that is not finished.
WHAT_IS_LEFT = RunChoice()


def check_is_safe(search: LiveSearch, options: SearchOptions, runs: Sequence[RunRecord], choice: RunChoice) -> None:
    """Make sure that no run may be live out of reach, and that runs can be started. options: those to go on with.

    Raises FolderError or UsageError otherwise.
    """
    if not options.runs_are_gone:
        check_adoptable(search.folder, search.record, runs)
        check_same_place(search.record, options, runs)
    if not choice.only_ends and _counts(runs, choice)[-1]:
        try:
            existing_folder(search.settings.run_cwd, Path.cwd())
        except UsageError as error:
            # Every single run would fail otherwise.
            raise UsageError(f"the runs of this search work in {error}") from error


def check_adoptable(folder: SearchFolder, record: SearchRecord, entries: Sequence[RunRecord]) -> None:
    """Make sure that none of these runs may be live where this controller cannot see it.

    Raises FolderError otherwise: such a run would be executed twice at once, or another search's run be ended.
    """
    if not any(entry.is_open for entry in entries):
        return
    original = original_of(folder, record)
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
        started, problem = entry.submitted if entry.is_live else None, ""
        number = entry.run.number
        if started is not None and started.is_queued and before != options.scheduler:
            problem = f"--scheduler={options.scheduler}: run {number} may still be live as a job of {before}"
        elif started is not None and not started.is_queued and options.run_cluster:
            problem = f"--run_cluster: run {number} may still be live as a process on {started.host}"
        if problem:
            raise UsageError(f"{problem}; wait for it or end it first (hpsearch cancel)")


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


def original_of(folder: SearchFolder, record: SearchRecord) -> Path | None:
    """Return the original if this folder is a copy, by where its runs should lie; None if it is none, or was moved."""
    run_cwd = Path(record.known_settings().run_cwd)
    for parent in dict.fromkeys(Path(entry.run.out_dir).parent for entry in record):
        recorded = SearchFolder(absolute(str(parent), run_cwd))
        if not recorded.journal.exists() or recorded.path.samefile(folder.path):
            continue
        # Another search may lie there by now.
        if _first_line(recorded.journal) == _first_line(folder.journal):
            return recorded.path
    return None


def _first_line(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.readline()


def options_of(search: LiveSearch) -> SearchOptions:
    """Return the options with which the search was carried out until now.

    Raises FolderError if its journal holds others than there are.
    """
    try:
        return options_from_names(search.record.options)
    except ValueError as error:
        journal = search.folder.journal
        raise FolderError(
            f"{journal}: an option of the search cannot be used ({error}); {remedy_for(journal)}"
        ) from error


def _counts(runs: Sequence[RunRecord], choice: RunChoice) -> tuple[int, int, int]:
    """Return how many runs count as finished, may be live, and are to be run."""
    finished = sum(entry.state is RunState.FINISHED and entry.run.number not in choice.again for entry in runs)
    live = sum(liveness_of_run(entry) is not Liveness.GONE for entry in runs)
    return finished, live, len(runs) - finished - live


def resume_lines(folder: Path, runs: Sequence[RunRecord], choice: RunChoice) -> list[str]:
    """Return what is about to be done."""
    finished, live, rest = _counts(runs, choice)
    if choice.only_ends:
        return [f"ending what is left of {folder}: {live:,} runs may still be live"]
    what = f"{finished:,} of {len(runs):,} finished, {live:,} may still be live, {rest:,} to be run"
    return [f"resuming {folder}", f"runs: {what}"]


def moves(search: LiveSearch) -> list[RunMoved]:
    """Return what lets runs write into the folder where the search lies now, if it was moved."""
    folder, run_cwd = search.folder.path, Path(search.settings.run_cwd)
    parents = {Path(entry.run.out_dir).parent for entry in search.record}
    elsewhere = {parent for parent in parents if not _is_same(absolute(str(parent), run_cwd), folder)}
    moved = [entry.run for entry in search.record if Path(entry.run.out_dir).parent in elsewhere]
    return [RunMoved(run.number, str(folder / run.folder)) for run in moved]


def _is_same(path: Path, folder: Path) -> bool:
    try:
        return path.samefile(folder)
    except OSError:
        return False  # Nothing is there (any more), or nothing that can be used.
