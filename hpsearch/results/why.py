"""``hpsearch why``: why a run's configuration was suggested, and why the run was stopped early."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from hpsearch.choosers.of_search import suggestions_of
from hpsearch.choosers.suggestions import Suggestions
from hpsearch.config.command_parser import folder_parser
from hpsearch.console.console import Console
from hpsearch.console.text import aligned, amount, printable
from hpsearch.folder.choice import choose_folder
from hpsearch.folder.reading import SearchReader
from hpsearch.folder.run_tables import best_runs, option_texts, options_text, performance, varying_options
from hpsearch.journal.events import Event, RunPlanned
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.run_record import RunRecord
from hpsearch.results.logs import folder_and_run

_EXAMPLE = """\
examples:
  hpsearch why 7              run 7 of the newest search
  hpsearch why DIR 7
"""
#: How many of the nearest earlier configurations are shown.
_NEAREST_SHOWN = 3
#: The rule by which a sampler chose -> the reason for people.
_REASONS = {"improvement": "most improvement to expect", "resemblance": "resembles the best so far, and few others"}
#: Values that a sampler gives as scores, which are larger for better results.
_IN_SCORES = ("expected", "low", "high", "best")


def main(argv: Sequence[str]) -> int:
    """Show why a run was chosen; return the exit status."""
    description = "Show why a sampler chose the configuration of a run, or why the run was stopped early."
    parser = folder_parser("why", description, _EXAMPLE)
    parser.add_argument("run", nargs="?", metavar="K", help="The run's number.")
    parser.usage = "hpsearch why [DIR] K"
    options = parser.parse_intermixed_args(argv)
    given, number = folder_and_run("why", options.folder, options.run)
    console = Console(stamps=False)
    reader = SearchReader(choose_folder(given, console))
    return console.table(list(why_lines(reader, reader.run(number))))


def why_lines(reader: SearchReader, entry: RunRecord) -> Iterator[str]:
    """Yield why a run is in its search, and how it ended."""
    record = reader.record
    options = options_text(option_texts(entry, varying_options(record)))
    yield f"run {entry.run.number}" + (f": {options}" if options else "")
    suggestions = suggestions_of(record)
    if suggestions is None or entry.candidate is None:
        yield _budget_text(entry, record) or "planned with the search, or added to it: no sampler has chosen it"
        yield from _end_lines(entry, record, ())
    else:
        # Other runs of this configuration may have been added by hand.
        first = next(run for run in suggestions.suggested()[entry.candidate] if run.candidate is not None)
        before = known_before(reader, first.run.number)
        yield from _suggestion_lines(first, suggestions, before, record)
        yield from _end_lines(entry, record, before)
        yield from _nearest_lines(first, suggestions, before, record)


def _budget_text(entry: RunRecord, record: SearchRecord) -> str:
    """Say why a configuration got this run with a larger budget; empty if it is no such run."""
    why, name = entry.why or {}, record.known_settings().budget_option
    if entry.after is None or not name:
        return ""
    rank = f"with {name}={why.get('budget')} it was number {why.get('rank')} of the {why.get('known')} with a result"
    is_sure = why.get("rule") == "promoted"
    sure = "so it was sure to be among the best" if is_sure else "and a place was free before all results were known"
    return f"goes on from run {entry.after}: {rank}, {sure}"


class _RecordBefore(SearchRecord):
    """Also keeps what was known when a certain run was planned."""

    def __init__(self, number: int, fills_gaps: bool = False) -> None:
        super().__init__(fills_gaps)
        self._number = number
        self.before: list[RunRecord] = []

    def apply(self, event: Event) -> None:
        """Take one event into account."""
        if isinstance(event, RunPlanned) and event.run == self._number:
            self.before = [entry.result.copy() for entry in self]
        super().apply(event)


def known_before(reader: SearchReader, number: int) -> list[RunRecord]:
    """Return the records of the earlier runs as they were when a run was planned."""
    record = SearchReader(reader.folder, new_record=partial(_RecordBefore, number)).record
    assert isinstance(record, _RecordBefore)
    return record.before


def _suggestion_lines(
    first: RunRecord, suggestions: Suggestions, before: Sequence[RunRecord], record: SearchRecord
) -> Iterator[str]:
    """Say when a configuration was suggested, what was known then, and what was expected. first: its first run."""
    place = list(suggestions.suggested()).index(first.candidate or 0) + 1
    ended = sum(run.state.is_final for run in before)
    others = f" and {len(before) - ended:,} had not" if ended < len(before) else ""
    of = f"configuration {place:,} of {suggestions.most:,}"
    when = f"when {amount(ended, 'run')} had ended{others}" if before else "before all others"
    yield f"suggested by {suggestions.options.sampler} as {of}, {when}"
    settings = record.known_settings()
    yield f"why: {reason_text(first.why or {}, settings.performance_key, settings.sort_ascending)}"


def reason_text(why: Mapping[str, Any], key: str, ascending: bool) -> str:  # Any: whatever JSON can hold
    """Say why a sampler made a suggestion. key: of the results. ascending: small results are good."""
    said = {name: -value + 0.0 if ascending and name in _IN_SCORES else value for name, value in why.items()}
    rule = said.pop("rule", "")
    if rule == "start" and "needed" in said:
        few = f"only {said['results']} of the {said['needed']} results that a guess needs"
        return f"at random: {few if said['results'] < said['needed'] else 'all results so far were alike'}"
    if rule in _REASONS and {*_IN_SCORES, "chance"} <= said.keys():
        low, high = sorted((said["low"], said["high"]))
        expected = f"expected {key} {said['expected']:.4g}, probably {low:.4g} to {high:.4g}"
        chance = f"chance of a better one {100 * said['chance']:.0f} %"
        return f"{_REASONS[rule]}: {expected}; best then {said['best']:.4g}, {chance}"
    numbers = (f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in said.items())
    return ", ".join(filter(None, [f"rule {rule}" if rule else "the journal does not say", *numbers]))


def _end_lines(entry: RunRecord, record: SearchRecord, before: Sequence[RunRecord]) -> Iterator[str]:
    """Say how the run ended, and why it was stopped or dropped."""
    yield f"result: {', '.join([entry.result.state.value, *_result_texts(entry.result, record, before)])}"
    if entry.stopped is not None:
        what = "it would have been stopped early" if entry.stopped.is_dry else "it was stopped early"
        yield f"{what}: {entry.stopped.reason}"
    if entry.dropped is not None:
        yield f"its configuration gets no more seeds: {entry.dropped.why}"


def _result_texts(entry: RunRecord, record: SearchRecord, before: Sequence[RunRecord]) -> Iterator[str]:
    """Yield a run's value, its present rank, and its rank among the results that were known when it was chosen."""
    settings = record.known_settings()
    value = performance(entry, settings.performance_key)
    if value is None:
        return
    yield f"{settings.performance_key} {value:g}"
    for runs, when in ((best_runs(record, settings), "now"), (best_runs(before, settings), "then")):
        others = [performance(each, settings.performance_key) for each in runs if each.run.number != entry.run.number]
        better = sum(_is_better(other, value, settings.sort_ascending) for other in others)
        if others:
            yield f"rank {better + 1:,} of {len(others) + 1:,} {when}"


def _is_better(one: float | None, other: float, ascending: bool) -> bool:
    return one is not None and (one < other if ascending else one > other)


def _nearest_lines(
    first: RunRecord, suggestions: Suggestions, before: Sequence[RunRecord], record: SearchRecord
) -> Iterator[str]:
    """Yield a table of the earlier configurations that differ least, and how."""
    key, own = record.known_settings().performance_key, first.run.configuration.as_dict()
    positions = _positions(suggestions)

    def distance(entry: RunRecord) -> float:
        other = entry.run.configuration.as_dict()
        return sum(_difference(positions[name], own.get(name), other.get(name)) for name in positions)

    runs = {entry.candidate: entry for entry in reversed(before) if entry.candidate not in (None, first.candidate)}
    nearest = sorted(runs.values(), key=lambda entry: (distance(entry), entry.run.number))[:_NEAREST_SHOWN]
    rows = []
    for entry in nearest:
        other, value = entry.run.configuration.as_dict(), performance(entry, key)
        differing = [name for name in positions if str(own.get(name)) != str(other.get(name))]
        texts = options_text(option_texts(entry, differing))
        rows.append([f"run {entry.run.number}", entry.state.value if value is None else f"{key} {value:g}", texts])
    if rows:
        yield "nearest earlier ones, and how they differ:"
        yield from (f"  {line}" for line in aligned(rows, cell=printable))


def _positions(suggestions: Suggestions) -> dict[str, dict[str, float]]:
    """Return the positions of values, from 0 to 1, of each varying option: name -> text of a value -> position."""
    options = [option for option in suggestions.candidates.options if len(option.values) > 1]
    return {
        option.name: {str(value): position / (len(option.values) - 1) for position, value in enumerate(option.values)}
        for option in options
    }


def _difference(positions: Mapping[str, float], one: object, other: object) -> float:
    """Return 0 for equal values, else 1 plus how far apart they stand in the option's list."""
    if str(one) == str(other):
        return 0.0
    return 1.0 + abs(positions.get(str(one), 0.0) - positions.get(str(other), 1.0))
