"""Stray logs of cluster jobs: found by the name of their run's folder, and moved into it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from hpsearch.backends.scheduler import BATCH_MARK, without_cluster
from hpsearch.core.errors import reason_of
from hpsearch.folder.folder_scan import FoundRun, FoundSearch
from hpsearch.folder.liveness import SearchLiveness
from hpsearch.store.layout import free_name
from hpsearch.store.run_folders import move_file

_LOG_NAME = re.compile(r"(?:job_)?(?P<rest>sim_.+?)(?:\.out|\.err|\.lsf|_script\.sh)")


def move_stray_logs(search: FoundSearch, liveness: SearchLiveness, elsewhere: Iterable[Path]) -> tuple[int, list[str]]:
    """Move logs and job scripts into the folders of their runs, unless those may be live.

    Looks in the search folder, among the logs that a controller left, and in the folders `elsewhere` (and in their
    subfolder ``logs``, where one scheduler library puts them). Logs of a run without a folder stay: the folder must
    not exist if the run is started again. Returns how many were moved, and what went wrong.
    """
    count, problems = 0, []
    for path in _candidates(search, elsewhere):
        found = run_of_log(path.name, search.runs)
        if found is None or found.path is None or path.parent == found.path or liveness.may_be_live(found):
            continue
        try:
            move_file(path, free_name(found.path / _final_name(path, found, search)))
            count += 1
        except OSError as error:
            problems.append(f"{path}: cannot be moved into the folder of {found.label} ({reason_of(error)})")
    return count, problems


def _candidates(search: FoundSearch, elsewhere: Iterable[Path]) -> Iterator[Path]:
    yield from (search.folder.path / name for name in sorted(search.listing.files))
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
