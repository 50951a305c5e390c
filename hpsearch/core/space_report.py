"""What enumeration did, for people: what each condition changed, or why nothing; what is listed twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any

from hpsearch.core.conditions import Not, Range, Rule, names_in
from hpsearch.core.hints import did_you_mean
from hpsearch.core.value_text import whole_text
from hpsearch.startup.classes import dataclass

#: How many values a message names one by one, and how many characters of each.
_SHOWN, _WIDTH = 4, 40


@dataclass(frozen=True)
class ConditionReport:
    """What a condition did: it changed `options` in `changed` of `of` configurations.

    changed, of: None where only a sample was drawn. problem: why it changed nothing; empty if it changed, or may have
    changed, something. is_skipped: it was not applied.
    """

    options: tuple[str, ...] = ()
    changed: int | None = None
    of: int | None = None
    problem: str = ""
    is_skipped: bool = False


@dataclass(frozen=True)
class SpaceReport:
    """What enumeration did.

    grid_size: configurations of the plain product. conditions: in their order.
    repeated: values that the grid or a condition lists more than once, as phrases.
    left_out: how many each constraint left out of what the earlier ones kept; empty where only a sample was drawn.
    duplicates: how many configurations were dropped. available: how many distinct ones exist; None if not counted.
    tried: how many were looked at, if a sample fell short although more may exist; else None.
    """

    grid_size: int
    conditions: tuple[ConditionReport, ...] = ()
    repeated: tuple[str, ...] = ()
    duplicates: int = 0
    available: int | None = None
    left_out: tuple[int, ...] = ()
    tried: int | None = None


def why_skipped(name: str, grid: Collection[str], added_by: int | None) -> str:
    """Return why a condition on an option that the grid lacks is skipped. added_by: the condition that adds it."""
    if added_by is not None:
        return f"its option {name!r} is not in the grid, only condition {added_by} adds it"
    return f"its option {name!r} is not in the grid{did_you_mean(name, grid)}"


def why_never(rule: Rule, values: Mapping[str, Sequence[object]], possible: Mapping[str, set[int]]) -> str:
    """Return why a rule never matches; empty if it may. values: of each option, by code. possible: its codes."""
    for name, codes in rule.when.items():
        if codes.isdisjoint(possible[name]):
            has = values_text([values[name][code] for code in sorted(possible[name]) if code])
            listed = rule.condition.when[name]
            if isinstance(listed, Not):
                return f"{name} is always {has}, which Not leaves out"
            if isinstance(listed, Range):
                return f"{name} is never in {listed!r}, only {has}"
            return f"{name} is never {values_text(listed)}, only {has}"
    return ""


def why_not_here(rule: Rule, possible: Mapping[str, set[int]]) -> str:
    """Return why a rule matches no row although it might."""
    if all(not codes.isdisjoint(possible[name]) for name, codes in rule.when.items()):
        return "earlier conditions changed every configuration that it would match"
    return "no configuration has these values together"


def why_unchanged(rule: Rule, matched: int) -> str:
    """Return why a rule changes none of the rows that it matches."""
    has = ", ".join(
        f"{names_text(names_in(key))}={value_text(values[0])}" for key, values in rule.condition.then.items()
    )
    those = "the one configuration that matches has" if matched == 1 else f"all {matched:,} that match have"
    return f"{those} {has} already"


class RuleEffect:
    """What a rule has changed in the rows of a table, part by part. Any: an array of numpy's, an item for each row."""

    def __init__(self, rule: Rule, words: Mapping[str, Sequence[int]]) -> None:
        """words: by option and code, see `Column`."""
        self.rule, self._of, self._matched, self._changed = rule, 0, 0, 0
        self._differs = {name: self._other_codes(words[name], codes) for name, codes in rule.replaced.items()}
        self._options: dict[str, bool] = dict.fromkeys(self._differs, False)

    def _other_codes(self, words: Sequence[int], codes: range) -> Any:
        import numpy as np  # only a table of rows needs it

        differs = np.ones(len(words), dtype=bool)
        if len(new := {words[code] for code in codes}) == 1:
            # An option that is absent is not the same as a flag that is off: it has no value in the table.
            differs[1:] = [word not in new for word in words[1:]]
        return differs

    def see(self, table: Mapping[str, Any], mask: Any) -> None:
        """Take in that the rule is about to change these rows where they match."""
        changed = mask & False
        for name, differs in self._differs.items():
            here = differs[table[name]] & mask
            self._options[name] |= bool(here.any())
            changed |= here
        self._of += len(mask)
        self._matched += int(mask.sum())
        self._changed += int(changed.sum())

    @property
    def rows(self) -> int:
        """How many rows there are after the rule."""
        return self._of + self._matched * (self.rule.product_size - 1)

    def report(self, possible: Mapping[str, set[int]], never: str) -> ConditionReport:
        """Return the report. possible: by option, its codes. never: why it cannot match at all; empty if it may."""
        if not self._matched:
            return ConditionReport((), 0, self._of, never or why_not_here(self.rule, possible))
        options = tuple(name for name, is_changed in self._options.items() if is_changed)
        problem = "" if options else why_unchanged(self.rule, self._matched)
        return ConditionReport(options, self._changed, self._of, problem)


def names_text(names: Sequence[str]) -> str:
    """Return an option, or the options of a tie, for a message."""
    return names[0] if len(names) == 1 else f"({', '.join(names)})"


def repeated_values(name: str, values: Sequence[tuple[Hashable, object]]) -> str:
    """Return which values of a list give the same command, as in ``lr=0.1 twice``. values: (command, value) each."""
    counts = Counter(command for command, _ in values)
    first = dict(reversed(values))
    found = [(value_text(first[command]), count) for command, count in counts.items() if count > 1]
    times = [f"{name}={value} {'twice' if count == 2 else f'{count:,} times'}" for value, count in found[:_SHOWN]]
    more = f" and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else ""
    return ", ".join(times) + more


def values_text(values: Sequence[object]) -> str:
    """Return some values for a message, the first ones in full: ``1, 2 or 3``."""
    texts = list(dict.fromkeys(map(value_text, values[:1000])))
    if len(texts) > _SHOWN or len(values) > 1000:
        return f"{', '.join(texts[:_SHOWN])}, ..."
    return " or ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def value_text(value: object) -> str:
    """Return a value for a message: a text in quotes, everything else as it goes to the script."""
    text = " ".join((repr(value) if isinstance(value, str) else whole_text(value)).split())
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."
