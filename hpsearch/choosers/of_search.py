"""Which chooser a search has, by its options, and how far it is."""

import time
from collections.abc import Callable

from hpsearch.choosers.budgets import Budgets, budget_lines
from hpsearch.choosers.chooser import Chooser
from hpsearch.choosers.race import Race, may_go_on, race_lines
from hpsearch.choosers.suggestions import Suggestions, suggestion_lines
from hpsearch.config.options import SearchOptions, options_from_names
from hpsearch.store.live import LiveSearch
from hpsearch.store.record import SearchRecord


def new_chooser(search: LiveSearch, options: SearchOptions, tell: Callable[[str], None]) -> Chooser | None:
    """Return what adds runs to a search while it is carried out; None if all are planned.

    tell: is told what people should know of that. Raises FolderError if the journal has lost what it needs.
    """
    if options.race:
        # Perhaps of what a sampler has suggested before.
        return Race(search, options, tell, time.time)
    if options.budgets:
        return Budgets(search.record, options)
    return Suggestions(search.record, options) if options.suggests else None


def suggestions_of(record: SearchRecord) -> Suggestions | None:
    """Return what a sampler suggests in a search; None in one without."""
    if record.candidates is None or record.options.get("sampler", "grid") == "grid":
        return None
    return Suggestions(record, options_from_names(record.options))


def budgets_in(record: SearchRecord) -> Budgets | None:
    """Return what goes on with larger budgets in a search; None in one without budgets."""
    return Budgets(record, options_from_names(record.options)) if record.options.get("budgets") else None


def expected_runs(record: SearchRecord) -> int:
    """Return how many runs are still to be chosen, where that does not depend on results; 0 where it does."""
    if (budgets := budgets_in(record)) is not None:
        return budgets.expected()
    suggestions = None if record.options.get("race") else suggestions_of(record)
    return 0 if suggestions is None else suggestions.expected()


def has_more(record: SearchRecord) -> bool:
    """Return whether runs may be added to a search when it goes on."""
    return may_go_on(record) if record.options.get("race") else expected_runs(record) > 0


def chooser_lines(record: SearchRecord) -> list[str]:
    """Return how far a race or a search with budgets is, or what a sampler has suggested; nothing if it has none."""
    if (budgets := budgets_in(record)) is not None:
        return budget_lines(budgets)
    suggestions = suggestions_of(record)
    lines = [] if suggestions is None else suggestion_lines(suggestions)
    return [*lines, *(race_lines(record) if record.options.get("race") else [])]
