"""``--budgets``: all configurations run at the smallest budget, and the best of each budget at the next larger one.

The journal alone decides which runs go on, so that a resumed search continues as if nothing had happened.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import islice

from hpsearch.choosers.chooser import Choice
from hpsearch.choosers.halving import Halving, Promotion, sizes_at
from hpsearch.config.grid_module import SearchConfig
from hpsearch.config.options import SearchOptions
from hpsearch.core.coding import Selection
from hpsearch.core.command import text_of
from hpsearch.core.conditions import lists_by_option
from hpsearch.core.configurations import identity, with_seed
from hpsearch.core.errors import ConfigError, UsageError
from hpsearch.core.model import Configuration, RunState
from hpsearch.folder.run_tables import result_of
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.run_record import RunRecord
from hpsearch.journal.settings import Settings


def budgets_of(options: SearchOptions) -> list[int | float]:
    """Return the budgets of a search, smallest first; empty without ``--budgets``."""
    return [float(word) if set(word) & set(".eE") else int(word) for word in options.budgets.split(",") if word]


def at_smallest_budget(selection: Selection, config: SearchConfig, options: SearchOptions) -> Selection:
    """Return the runs at the smallest budget. Raises ConfigError or UsageError if the grid allows none."""
    name, where = config.settings.budget_arg, config.grid_config_file or config.settings.grid_source
    if not name:
        how = "name the option that says how long a run trains there, as in _BUDGET_ARG = 'num_epochs'"
        raise UsageError(f"--budgets={options.budgets}: {where} has no _BUDGET_ARG: {how}")
    for number, condition in enumerate(config.conditions, start=1):
        if name in condition.when or name in lists_by_option(condition.then):
            raise ConfigError(f"{where}: condition {number} names {name}, which --budgets sets: take it out there")
    if len({text_of(value) for value in selection.values_of(name)}) > 1:
        raise ConfigError(f"{where}: the grid has several values of {name}, which --budgets sets: take it out there")
    return selection.under_seeds([name], budgets_of(options)[:1])


def runs_in_all(count: int, options: SearchOptions) -> int:
    """Return how many runs a search with `count` planned runs will have if none fails: the best go on."""
    budgets = budgets_of(options)
    return sum(sizes_at(count, budgets)) if budgets else count


def planned_budgets(count: int, settings: Settings, options: SearchOptions) -> str:
    """Say how many runs there will be at each budget, and what they cost. count: of configurations."""
    budgets, name = budgets_of(options), settings.budget_arg
    sizes = sizes_at(count, budgets)
    cost = sum(size * budget for size, budget in zip(sizes, budgets))
    if settings.continue_arg:
        # A run goes on from where the run with the smaller budget ended.
        cost -= sum(size * budget for size, budget in zip(sizes[1:], budgets))
    share = cost / (count * budgets[-1])
    parts = [f"{size:,} with {name}={text_of(budget)}" for size, budget in zip(sizes, budgets)]
    how = "going on from the smaller one" if settings.continue_arg else "each from the start"
    return f"budgets: {', '.join(parts)}; {how}: {share:.0%} of the cost of all with {text_of(budgets[-1])}"


class Budgets:
    """Chooses which runs go on with a larger budget; see `Chooser`."""

    def __init__(self, record: SearchRecord, options: SearchOptions) -> None:
        """options: of the search, with its budgets."""
        self._record, self._settings, self.budgets = record, record.known_settings(), budgets_of(options)
        self.budget_arg = self._settings.budget_arg
        self._at = {text_of(budget): number for number, budget in enumerate(self.budgets)}
        self._seen = 0
        #: Each configuration's runs by the number of their budget, in order of first appearance.
        self._runs: dict[Hashable, dict[int, RunRecord]] = {}

    def runs(self) -> Sequence[Mapping[int, RunRecord]]:
        """Return the runs of each configuration with a run at the smallest budget, by the number of their budget."""
        name, over = self.budget_arg, (self.budget_arg, self._settings.out_arg)
        for entry in islice(self._record, self._seen, None):
            options = entry.run.configuration.as_dict()
            budget = self._at.get(text_of(options[name])) if name in options else None
            if budget is not None:
                self._runs.setdefault(identity(options, over), {}).setdefault(budget, entry)
        self._seen = len(self._record.runs)
        return [runs for runs in self._runs.values() if 0 in runs]

    def halving(self) -> Halving:
        """Return the state of successive halving, from the results so far."""
        runs = self.runs()
        return Halving([self._results(each) for each in runs], self.sizes, self._settings.sort_ascending)

    @property
    def sizes(self) -> list[int]:
        """How many runs there are at each budget, if none fails and none goes on too early."""
        return sizes_at(len(self.runs()), self.budgets)

    def _results(self, runs: Mapping[int, RunRecord]) -> list[float | None]:
        """Return a configuration's results, from the smallest budget up to the first one without a run."""
        had = next((budget for budget in range(len(self.budgets)) if budget not in runs), len(self.budgets))
        return [result_of(runs[budget], self._settings.performance_key) for budget in range(had)]

    def has_more(self) -> bool:
        """Return whether a configuration goes on now."""
        return any(True for _ in self.halving().promotions())

    def expected(self) -> int:
        """Return how many runs are to come at larger budgets."""
        return self.halving().left

    def coming(self) -> Iterator[Choice]:
        """Yield the configurations that go on now, each with its larger budget."""
        runs = self.runs()
        return (self._choice(runs[promotion.index], promotion) for promotion in self.halving().promotions())

    def _choice(self, runs: Mapping[int, RunRecord], promotion: Promotion) -> Choice:
        before, budget = runs[promotion.budget - 1], self.budgets[promotion.budget]
        options = with_seed(before.run.configuration.as_dict(), (self.budget_arg,), budget)
        larger = Configuration(tuple(options.items()))
        why = {
            "rule": "promoted" if promotion.is_sure else "promoted early",
            "rank": promotion.rank,
            "known": promotion.known,
            "budget": self.budgets[promotion.budget - 1],
        }
        return Choice(larger, why=why, after=before.run.number)


def budget_lines(budgets: Budgets) -> list[str]:
    """Say how many configurations have finished at each budget, and how many there will be."""
    name, runs, sizes = budgets.budget_arg, budgets.runs(), budgets.sizes
    parts = []
    for number, budget in enumerate(budgets.budgets):
        begun = [each[number] for each in runs if number in each]
        finished = sum(entry.result.state is RunState.FINISHED for entry in begun)
        parts.append(f"{finished:,} of {max(sizes[number], len(begun)):,} at {name}={text_of(budget)}")
    return [f"budgets: {', '.join(parts)}"] if runs else []
