"""Which options repeat the configurations of a folder, and the table of configurations."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hpsearch.core.errors import UsageError
from hpsearch.core.hints import did_you_mean
from hpsearch.folder.reading import SearchReader
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.settings import Settings
from hpsearch.store.layout import SearchFolder

if TYPE_CHECKING:
    from hpsearch.folder.folder_scan import FoundSearch
    from hpsearch.store.configuration_table import Repetition


def seeds_of(record: SearchRecord | None, given: Collection[str] = ()) -> tuple[str, ...]:
    """Return the options that repeat a search's configurations; empty if there are none.

    given: by the user, with ``--over``; without, the seed options of a search with seeds count.
    """
    return tuple(given) or (() if record is None else record.over)


def repetitions_in(
    folder: SearchFolder, over: Collection[str], grid_module: str, tell: Callable[[list[str]], None]
) -> tuple[list[Repetition], Settings]:
    """Return the finished runs of a folder of any origin, and its search's settings.

    grid_module: the user's, for a folder without a journal; empty = the copy in the folder. tell: called with problems
    of files. Raises FolderError or ConfigError if the folder cannot be understood, UsageError as `check_over`.
    """
    # Imported late: `status` needs only `seeds_of`.
    from hpsearch.folder.folder_scan import find_search
    from hpsearch.store.configuration_table import option_names, repetitions

    if folder.journal.exists():
        record = SearchReader(folder).record
        settings, runs = record.known_settings(), list(repetitions(record))
    else:
        search = find_search(folder.path, grid_module, Path.cwd(), needs_functions=False)
        tell(search.problems)
        settings, runs = search.settings, list(found_repetitions(search))
    check_over(over, option_names(runs, settings), folder.path)
    return runs, settings


def check_over(given: Collection[str], known: Collection[str], where: object) -> None:
    """Raise UsageError if ``--over`` names an option that no run has. known: the options of the runs."""
    for name in given:
        if name not in known:
            there = f"there are: {', '.join(known)}{did_you_mean(name, known)}" if known else "they have none"
            raise UsageError(f"--over={name}: no run in {where} has such an option; {there}")


def found_repetitions(search: FoundSearch) -> Iterator[Repetition]:
    """Return the finished runs of a folder of any origin."""
    from hpsearch.folder.folder_scan import Completion
    from hpsearch.store.configuration_table import repetitions_of_rows

    yield from repetitions_of_rows(search.rows_only, search.settings)
    for found in search.of(Completion.FINISHED):
        if found.summary is not None:
            yield found.run.configuration.as_dict(), found.summary
