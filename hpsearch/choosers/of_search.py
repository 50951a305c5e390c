"""Which chooser a search has, by its options, and how far it is.

A chooser is imported only for a search that has it: `status` asks every search, and most have none.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from hpsearch.journal.record import SearchRecord

if TYPE_CHECKING:
    from hpsearch.choosers.budgets import Budgets
    from hpsearch.choosers.chooser import Chooser
    from hpsearch.choosers.suggestions import Suggestions
    from hpsearch.config.options import SearchOptions
    from hpsearch.store.live import LiveSearch


def new_chooser(search: LiveSearch, options: SearchOptions, tell: Callable[[str], None]) -> Chooser | None:
    """Return what adds runs to a search while it runs; None if all runs are planned.

    tell: called with messages for people. Raises FolderError if the journal has lost what the chooser needs.
    """
    if options.race:
        from hpsearch.choosers.race import Race

        # First: a race may go on among configurations that a sampler has suggested.
        return Race(search, options, tell, time.time)
    if options.budgets:
        from hpsearch.choosers.budgets import Budgets

        return Budgets(search.record, options)
    if not options.suggests:
        return None
    from hpsearch.choosers.suggestions import Suggestions

    return Suggestions(search.record, options)


def suggestions_of(record: SearchRecord) -> Suggestions | None:
    """Return the chooser of a search with a sampler; None without one."""
    if record.candidates is None or record.options.get("sampler", "grid") == "grid":
        return None
    from hpsearch.choosers.suggestions import Suggestions
    from hpsearch.config.options import options_from_names

    return Suggestions(record, options_from_names(record.options))


def budgets_in(record: SearchRecord) -> Budgets | None:
    """Return the chooser of a search with budgets; None without them."""
    if not record.options.get("budgets"):
        return None
    from hpsearch.choosers.budgets import Budgets
    from hpsearch.config.options import options_from_names

    return Budgets(record, options_from_names(record.options))


def has_chooser(record: SearchRecord) -> bool:
    """Return whether a search's runs are, or were, chosen by results."""
    return record.candidates is not None or any(record.options.get(name) for name in ("race", "budgets"))


def expected_runs(record: SearchRecord) -> int:
    """Return how many runs are still to be chosen; 0 if that depends on results."""
    if (budgets := budgets_in(record)) is not None:
        return budgets.expected()
    suggestions = None if record.options.get("race") else suggestions_of(record)
    return 0 if suggestions is None else suggestions.expected()


def has_more(record: SearchRecord) -> bool:
    """Return whether more runs may be added when a search goes on."""
    if not record.options.get("race"):
        return expected_runs(record) > 0
    from hpsearch.choosers.race import may_go_on

    return may_go_on(record)


def chooser_lines(record: SearchRecord) -> list[str]:
    """Say how far a race, a search with budgets or a sampler is; nothing for other searches."""
    lines: list[str] = []
    if (budgets := budgets_in(record)) is not None:
        from hpsearch.choosers.budgets import budget_lines

        return budget_lines(budgets)
    if (suggestions := suggestions_of(record)) is not None:
        from hpsearch.choosers.suggestions import suggestion_lines

        lines += suggestion_lines(suggestions)
    if record.options.get("race"):
        from hpsearch.choosers.race import race_lines

        lines += race_lines(record)
    return lines
