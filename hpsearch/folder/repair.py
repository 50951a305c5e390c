"""``hpsearch repair``: make a search folder with damaged files of its own usable again."""

from __future__ import annotations

import os
from collections.abc import Sequence

from hpsearch.backends.run_family import members_of
from hpsearch.config.command_parser import folder_parser
from hpsearch.config.options import options_from_names
from hpsearch.config.program import command_hint, resume_hint
from hpsearch.console.console import Console
from hpsearch.folder.choice import choose_folder
from hpsearch.folder.liveness import lock_ways, this_controller
from hpsearch.folder.reading import no_search
from hpsearch.journal.events import ControllerStarted, Event, SearchStarted
from hpsearch.store.layout import SearchFolder
from hpsearch.store.lock import ControllerLock
from hpsearch.store.repair import journal_repair, set_aside_foreign, write_repair

_EXAMPLE = """\
example: hpsearch repair out/hyperparam_search/search_2026-01-31_12-00-00

Nothing is deleted: the damaged files stay beside the repaired ones.

exit status: 0 the search can be resumed; 1 it cannot, because its settings are
lost; 2 no such search, or it is running
"""


def main(argv: Sequence[str]) -> int:
    """Repair a search folder; return the exit status."""
    description = (
        "Repair a search folder with damaged files in .hpsearch, so that it can be resumed: intact lines of the "
        "journal are kept, and everything that was dropped is listed."
    )
    given = folder_parser("repair", description, _EXAMPLE).parse_args(argv).folder
    console = Console(stamps=False)
    folder = choose_folder(given, console)
    if not (os.path.lexists(folder.journal) or folder.settings_copy.exists()):
        raise no_search(folder)
    set_aside = set_aside_foreign(folder)
    console.notes(set_aside)
    with ControllerLock(folder.lock, this_controller(), lock_ways(console.note)):
        return _repair_journal(folder, console, bool(set_aside))


def _repair_journal(folder: SearchFolder, console: Console, has_set_aside: bool) -> int:
    repair = journal_repair(folder, _check_options, lambda token: bool(members_of({token})))
    if repair.is_needed:
        old = write_repair(folder, repair)
        console.notes([f"dropped: {message}" for message in repair.dropped])
        console.notes([f"restored: {message}" for message in repair.put_back])
        kept = sum(number > 0 for number, _ in repair.events)
        where = "there was no journal" if old is None else f"the damaged file is now {old}"
        console.note(f"{folder.journal}: kept {kept:,} of {repair.found:,} lines; {where}")
    elif not has_set_aside:
        console.note(f"{folder.path}: no damage found, nothing changed")
    if any(isinstance(event, SearchStarted) for _, event in repair.events):
        console.note(f"resume with: {resume_hint(folder.path)}")
        return 0
    console.error(
        f"{folder.journal}: the settings of the search are lost, so it cannot be resumed; "
        f"{command_hint('postprocess', folder.path)} gathers its results"
    )
    return 1


def _check_options(event: Event) -> None:
    """Raise ValueError if no search can run with the options in an event."""
    if isinstance(event, SearchStarted):
        options_from_names(event.settings.get("options", {}))
    elif isinstance(event, ControllerStarted):
        options_from_names(event.options)
