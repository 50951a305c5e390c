"""The texts that people read: the plan before a search, the closing table after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from hpsearch.app.places import on_place, place_columns, place_lines
from hpsearch.core.coding import SpaceReport
from hpsearch.core.conditions import Condition
from hpsearch.core.model import RunState
from hpsearch.core.summary import number_of, odd_performance, sort_key
from hpsearch.core.value_text import whole_text
from hpsearch.search.plan import Plan
from hpsearch.store.layout import SearchFolder
from hpsearch.store.record import RunRecord, SearchRecord

#: So many failed runs are named one by one at the end.
_FAILURES_SHOWN = 10
_CELL_WIDTH = 28


def amount(number: int, noun: str) -> str:
    """Return a number with its noun, as in ``1 run`` and ``1,200 runs``."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def plan_lines(plan: Plan) -> list[str]:
    """Return what is about to be searched."""
    report, settings = plan.selection.report, plan.settings
    lines = [f"grid: {amount(report.grid_size, 'configuration')} in {settings.grid_file or settings.grid_module}"]
    if plan.config.grid_config_file is not None:
        lines[0] += f" with {plan.config.grid_config_file}"
    lines += condition_lines(plan.config.conditions, report)
    lines.append(f"runs: {_chosen(plan)}")
    lines.append(f"command: {' '.join(settings.program)} ... --{settings.out_arg}=DIR, in {settings.run_cwd}")
    lines.append(f"results: {plan.folder}")
    return lines


def condition_lines(conditions: Sequence[Condition], report: SpaceReport) -> list[str]:
    """Return what the conditions did, and how many duplicates were dropped."""
    lines = []
    for number, (condition, matched) in enumerate(zip(conditions, report.matched), start=1):
        if number in report.skipped:
            lines.append(
                f"warning: condition {number} is skipped: its option {report.skipped[number]!r} is not in the grid"
            )
        elif matched is not None:
            options = ", ".join(condition.then)
            lines.append(f"condition {number} set {options} in {amount(matched, 'configuration')}")
    if report.duplicates:
        were = "was" if report.duplicates == 1 else "were"
        lines.append(f"warning: {amount(report.duplicates, 'duplicate configuration')} {were} dropped")
    return lines


def _chosen(plan: Plan) -> str:
    count, report = len(plan.selection), plan.selection.report
    if plan.options.dont_generate_full_grid or report.available is None:
        wanted = plan.options.num_searches
        how = f"{count:,} sampled at random" + (f" (only {count:,} of {wanted:,} exist)" if count < wanted else "")
    else:
        how = f"{count:,}" + (f" of {report.available:,}" if count < report.available else "")
    order = "in the order of the grid" if plan.options.deterministic_search else "in random order"
    return f"{how}, {order}" + ("" if plan.options.deterministic_search else f" (seed {plan.options.random_seed})")


def closing_lines(record: SearchRecord, folder: SearchFolder, took_s: float) -> list[str]:
    """Return how the search ended: counts, failures with reason and log, the best five runs."""
    settings = record.known_settings()
    states = Counter(entry.state for entry in record)
    counts = ", ".join(f"{number:,} {state.value}" for state, number in sorted_states(states))
    lines = [f"{amount(len(record.runs), 'run')}: {counts} ({duration(took_s)})"]
    failed = [entry for entry in record if entry.state.is_final and entry.state is not RunState.FINISHED]
    lines += [failure_line(entry, folder) for entry in failed[:_FAILURES_SHOWN]]
    if len(failed) > _FAILURES_SHOWN:
        lines.append(f"  ... and {len(failed) - _FAILURES_SHOWN:,} more; all are in {folder.not_completed}")
    lines += place_lines(record)
    best = best_runs(record, 5)
    if best:
        direction = "lowest" if settings.sort_ascending else "highest"
        lines.append(f"best by {settings.performance_key} ({direction} first):")
        lines += ["  " + line for line in best_table(best, record)]
    return lines


def sorted_states(states: Counter[RunState]) -> list[tuple[RunState, int]]:
    """Return states with their counts in the order of a run's life, finished ones always included."""
    return [(state, states[state]) for state in RunState if states[state] or state is RunState.FINISHED]


def failure_line(entry: RunRecord, folder: SearchFolder) -> str:
    """Return why a run did not finish and where to read on."""
    return f"  {failure_reason(entry)} (log: {failure_log(entry, folder)})"


def failure_reason(entry: RunRecord) -> str:
    """Return why a run did not finish."""
    place = on_place(entry.submitted.place) if entry.submitted is not None else ""
    return f"run {entry.run.number} {entry.state.value}{place}: {entry.problem or 'no reason known'}"


def failure_log(entry: RunRecord, folder: SearchFolder) -> Path:
    """Return where to read on about a run that did not finish: its errors, LSF's report on it, or its folder."""
    run_folder = folder.run_folder(entry.run)
    logs = [path for ending in ("err", "lsf") for path in sorted(run_folder.glob(f"*.{ending}"), reverse=True)]
    return next(iter([*filter(_has_content, logs), *logs]), run_folder)


def _has_content(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def best_runs(record: SearchRecord, count: int) -> list[RunRecord]:
    """Return the best finished runs, best first; runs without a number under the performance key are left out."""
    settings = record.known_settings()
    key, ascending = settings.performance_key, settings.sort_ascending
    finished = [entry.result for entry in record if entry.result.state is RunState.FINISHED]
    scored = [entry for entry in finished if performance(entry, key) is not None]
    return sorted(scored, key=lambda entry: sort_key(_cell(entry, key), ascending))[:count]


def performance(entry: RunRecord, key: str) -> float | None:
    """Return a run's value under the performance key, None if there is no number."""
    number = number_of(_cell(entry, key))
    return None if number is None or number != number else number


def odd_performances(record: SearchRecord) -> str:
    """Return a warning if finished runs have no number under the performance key; empty if all have one."""
    key = record.known_settings().performance_key
    return odd_performance((_cell(entry, key) for entry in record if entry.state is RunState.FINISHED), key)


def _cell(entry: RunRecord, key: str) -> object:
    return (entry.summary or {}).get(key, [""])[0]


def best_table(best: Sequence[RunRecord], record: SearchRecord) -> list[str]:
    """Return a table of some runs: performance, run number, and the options in which the search's runs differ."""
    settings = record.known_settings()
    names = varying_options(record)
    place_names, places = place_columns(best)
    rows = [[settings.performance_key, "run", *place_names, *names]]
    for entry in best:
        options = entry.run.configuration.as_dict()
        cells = [whole_text(options[name]) if name in options else "" for name in names]
        rows.append(
            [str(_cell(entry, settings.performance_key)), str(entry.run.number), *places[entry.run.number], *cells]
        )
    return aligned(rows)


def varying_options(record: SearchRecord) -> list[str]:
    """Return the options that do not have the same value in all runs."""
    seen: dict[str, set[str]] = {name: set() for name in record.known_settings().option_names}
    for entry in record:
        options = entry.run.configuration.as_dict()
        for name, values in seen.items():
            if len(values) < 2:
                values.add(whole_text(options[name]) if name in options else "")
    return [name for name, values in seen.items() if len(values) > 1]


def aligned(rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the rows of a table as lines, columns aligned, long cells cut."""
    cut = [[_cut(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cut)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in cut]


def _cut(cell: str) -> str:
    # A control character would move the rest of the line, or the terminal's cursor.
    cell = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cell)
    return cell if len(cell) <= _CELL_WIDTH else cell[: _CELL_WIDTH - 3] + "..."


def duration(seconds: float) -> str:
    """Return a time span for people: ``41 s``, ``3 min 20 s``, ``2 h 5 min``, ``3 d 4 h``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit, size, smaller, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // part} {smaller}"
    return f"{whole} s"
