"""Over which options the configurations of a folder are repeated, and the table of configurations."""

from collections.abc import Collection, Iterator

from hpsearch.core.errors import UsageError
from hpsearch.core.hints import did_you_mean
from hpsearch.folder.folder_scan import Completion, FoundSearch
from hpsearch.store.configuration_table import Repetition, repetitions_of_rows
from hpsearch.store.record import SearchRecord


def seeds_of(record: SearchRecord | None, given: Collection[str] = ()) -> tuple[str, ...]:
    """Return the options over which the configurations of a search are repeated; empty if there are none.

    given: by the user, with ``--over``; otherwise the seed option of a search with seeds.
    """
    return tuple(given) or (() if record is None else record.over)


def check_over(given: Collection[str], known: Collection[str], where: object) -> None:
    """Raise UsageError if ``--over`` names an option that no run has. known: the options of the runs."""
    for name in given:
        if name not in known:
            there = f"there are: {', '.join(known)}{did_you_mean(name, known)}" if known else "they have none"
            raise UsageError(f"--over={name}: no run in {where} has such an option; {there}")


def found_repetitions(search: FoundSearch) -> Iterator[Repetition]:
    """Return the finished runs of a folder of any origin."""
    yield from repetitions_of_rows(search.rows_only, search.settings)
    for found in search.of(Completion.FINISHED):
        if found.row is not None:
            yield found.run.configuration.as_dict(), found.row
