"""Over which options the configurations of a folder are repeated, and the table of configurations."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from hpsearch.core.errors import UsageError
from hpsearch.core.hints import did_you_mean
from hpsearch.folder.reading import SearchReader
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.settings import Settings
from hpsearch.startup.typing import TYPE_CHECKING
from hpsearch.store.layout import SearchFolder

if TYPE_CHECKING:
    from hpsearch.folder.folder_scan import FoundSearch
    from hpsearch.store.configuration_table import Repetition


def seeds_of(record: SearchRecord | None, given: Collection[str] = ()) -> tuple[str, ...]:
    """Return the options over which the configurations of a search are repeated; empty if there are none.

    given: by the user, with ``--over``; otherwise the seed option of a search with seeds.
    """
    return tuple(given) or (() if record is None else record.over)


def repetitions_in(
    folder: SearchFolder, over: Collection[str], grid_module: str, tell: Callable[[list[str]], None]
) -> tuple[list[Repetition], Settings]:
    """Return the finished runs of a folder of any origin, and what is known of its search.

    grid_module: the user's, for a folder without a journal; empty = the copy in there. tell: gets files' problems.
    Raises FolderError or ConfigError if the folder cannot be made sense of, UsageError as `check_over`.
    """
    # Not for those who only ask for `seeds_of`, as `status` does.
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
