"""Finished runs of another search, to be reused by a search with the same commands of the same script."""

from __future__ import annotations

import os
import shlex
from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path

from hpsearch.console.console import Console
from hpsearch.core.command import shell_line, without_interpreter
from hpsearch.core.configurations import identity
from hpsearch.core.errors import UsageError
from hpsearch.core.model import RunState, Summary
from hpsearch.folder.choice import choose_folder
from hpsearch.folder.folder_scan import Completion, find_search
from hpsearch.folder.reading import every_run, recorded_search
from hpsearch.journal.run_record import RunRecord
from hpsearch.journal.settings import Settings
from hpsearch.startup.classes import dataclass
from hpsearch.store.layout import SearchFolder
from hpsearch.store.run_folders import folder_of


@dataclass(frozen=True)
class ReusableRun:
    """A run of another search. out_dir: its folder there, absolute."""

    out_dir: str
    summary: Summary


def searches_to_reuse(given: Sequence[str], console: Console) -> tuple[str, ...]:
    """Return the folders of the searches that ``--reuse`` names, each once.

    Raises UsageError if there is none.
    """
    try:
        return tuple(dict.fromkeys(str(choose_folder(name, console).path) for name in given))
    except UsageError as error:
        raise UsageError(f"--reuse: {error}") from error


def finished_elsewhere(path: Path, settings: Settings) -> dict[Hashable, ReusableRun]:
    """Return the finished runs of a search of any origin, by the identity of their commands.

    settings: of the search that reuses them; runs without its performance key are left out.
    Raises UsageError if the scripts differ, FolderError or ConfigError if the folder cannot be understood.
    """
    theirs, entries = _finished_runs(path, settings)
    if not _is_same_script(theirs, settings):
        their_line, our_line = shell_line(theirs.program), shell_line(settings.program)
        where = f" in {theirs.run_cwd}" if theirs.run_cwd != settings.run_cwd else ""
        raise UsageError(f"--reuse={path}: its runs are of another script ({their_line}{where}; here it is {our_line})")
    over = (settings.out_arg, theirs.out_arg)
    return {
        identity(entry.run.configuration.as_dict(), over): ReusableRun(
            str(folder_of(entry, SearchFolder(path))), entry.summary or {}
        )
        for entry in entries
        if settings.performance_key in (entry.summary or {})
    }


def _finished_runs(path: Path, settings: Settings) -> tuple[Settings, Iterator[RunRecord]]:
    """Return a search's settings, and its finished runs, later ones last."""
    record = recorded_search(path)
    if record is not None:
        return record.known_settings(), (entry for entry in every_run(record) if entry.state is RunState.FINISHED)
    search = find_search(path, "", Path(settings.run_cwd), needs_functions=False)
    entries = (RunRecord(each.run, summary=each.summary) for each in search.of(Completion.FINISHED))
    return search.settings, entries


def _is_same_script(theirs: Settings, ours: Settings) -> bool:
    """Return whether two searches run the same file with the same first arguments, by any interpreter."""
    home = _home(theirs)
    # If their folder is gone, the project may have been moved here.
    return _script_of(theirs, home if home.is_dir() else _home(ours)) == _script_of(ours, _home(ours))


def _home(settings: Settings) -> Path:
    """Return where a search's original code lies, of which a snapshot is a copy."""
    return Path(settings.options["run_cwd"] if settings.options.get("snapshot") else settings.run_cwd)


def _script_of(settings: Settings, home: Path) -> list[str]:
    """Return the words of a command before the options of a run, files as absolute paths."""
    words = without_interpreter(settings.program, shlex.split(str(settings.options.get("interpreter") or "")))
    files = (os.path.realpath(home / word) for word in words)
    return [file if os.path.isfile(file) else word for word, file in zip(words, files)]  # noqa: PTH113
