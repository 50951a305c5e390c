"""The page's content for one or several searches, all of it as JSON."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from datetime import datetime
from typing import Any

from hpsearch import __version__
from hpsearch.console.text import printable
from hpsearch.core.command import shell_line
from hpsearch.core.failures import likeness
from hpsearch.core.hints import shown_path
from hpsearch.core.model import RunState
from hpsearch.core.ranking import best, number_of
from hpsearch.core.summary import cell_under
from hpsearch.folder.provenance import provenance_facts, provenances
from hpsearch.report.columns import OptionColumns, PageColumn, cells_of, result_column
from hpsearch.report.importance import importance_of
from hpsearch.report.log_tails import WantedLog, log_tails
from hpsearch.report.searches import ShownRun, ShownSearch
from hpsearch.report.timeline import moment, names_hosts, place_of, timeline
from hpsearch.user_code.copied_module import orders_of_grids

#: Any: whatever JSON can hold.
Json = dict[str, Any]

#: With more runs, attempts are left out: their times would take as much room as all results.
_MOST_WITH_ATTEMPTS = 20_000
#: The most characters of all causes together; further runs share the cause of a run that failed alike.
_MOST_CAUSES = 300_000
_FINISHED = RunState.FINISHED.value


def content_of(searches: Sequence[ShownSearch], made: datetime, watch_s: float | None = None) -> Json:
    """Return the page's content. made: local time. watch_s: interval of its renewal, in seconds; None = never."""
    now = moment(made.timestamp()) or 0.0
    return {
        "made": made.isoformat(timespec="seconds"),
        "made_at": now,
        "version": __version__,
        "watch_s": watch_s,
        **_Content(searches).as_json(now),
    }


class _Codes:
    """Texts, each kept once."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}

    @property
    def texts(self) -> list[str]:
        """The texts, in the order of their codes."""
        return list(self._codes)

    def of(self, text: str) -> int | None:
        """Return the code of a text; None if it is empty."""
        return self._codes.setdefault(text, len(self._codes)) if text else None


class _Content:
    """Assembles the content. Runs are known by their index; the first search's runs come first."""

    def __init__(self, searches: Sequence[ShownSearch]) -> None:
        self._searches = searches
        self._runs = [run for search in searches for run in search.runs]
        self._search_of = [number for number, search in enumerate(searches) for _ in search.runs]
        self._states, self._places, self._causes, self._programs = _Codes(), _Codes(), _Codes(), _Codes()
        self._cut: list[str] = []

    def as_json(self, now: float) -> Json:
        """Return the content without what concerns the page itself. now: in seconds since the epoch."""
        columns, names = self._columns()
        groups = self._failure_groups()
        logs = log_tails(self._wanted_logs(groups))
        search_names = _names(self._searches)
        of_attempts = self._timeline(search_names, now)
        settings = self._searches[0].settings
        key = names.get(settings.performance_key, printable(settings.performance_key))
        seeds = dict.fromkeys(printable(name) for search in self._searches for name in search.over)
        return {
            "searches": [self._search(search, name) for search, name in zip(self._searches, search_names)],
            "performance": {"key": key, "larger": not settings.sort_ascending},
            "seeds": list(seeds),
            "columns": columns,
            "runs": self._run_columns(groups),
            **of_attempts,
            "logs": logs,
            "failures": [_failure(group, self._runs, logs) for group in groups],
            "importance": self._importance(columns, key, not settings.sort_ascending, seeds),
            "states": self._states.texts,
            "places": self._places.texts,
            "causes": self._causes.texts,
            "programs": self._programs.texts,
            "cut": self._cut,
        }

    def _search(self, search: ShownSearch, name: str) -> Json:
        return {
            "name": printable(name),
            "folder": printable(str(search.folder.path)),
            "state": search.state,
            "command": search.command,
            "started": search.started,
            "ended": search.ended,
            "counts": Counter(run.state for run in search.runs),
            "machine_hours": search.machine_hours,
            "whole": search.is_whole,
            "budget": search.settings.budget_option,
            "notes": [*map(printable, search.notes), *self._differences(search)],
            "provenance": [[name, printable(text)] for name, text in _facts(search)],
        }

    def _differences(self, search: ShownSearch) -> Iterator[str]:
        """Say whether a search ranks runs by another result than the first search."""
        first, own = self._searches[0].settings, search.settings
        if (own.performance_key, own.sort_ascending) != (first.performance_key, first.sort_ascending):
            what = "the lowest" if own.sort_ascending else "the highest"
            yield f"here, {what} {own.performance_key} is best"

    def _columns(self) -> tuple[list[PageColumn], dict[str, str]]:
        """Return the columns of options and results, and keyword -> name of its column."""
        names = dict.fromkeys(name for search in self._searches for name in search.settings.option_names)
        options = OptionColumns(names, len(self._runs))
        for index, run in enumerate(self._runs):
            options.add(index, run.run.configuration.options)
        columns = options.columns(orders_of_grids([search.folder for search in self._searches]))
        taken, names_of_results = {column["name"] for column in columns}, dict[str, str]()
        for keyword, cells in self._results().items():
            name = printable(keyword)
            while name in taken:
                name += "_"
            column, left_out = result_column(name, cells)
            self._cut += [left_out] if left_out else []
            if column is not None and not _says_only_finished(keyword, cells):
                names_of_results[keyword] = name
                taken.add(name)
                columns.append(column)
        return columns, names_of_results

    def _results(self) -> dict[str, list[object]]:
        """Return keyword -> each run's value."""
        keywords = (keyword for search in self._searches for keyword in search.settings.summary_keywords)
        results: dict[str, list[object]] = {keyword: [None] * len(self._runs) for keyword in keywords}
        for index, run in enumerate(self._runs):
            for keyword, value in (run.summary or {}).items():
                if keyword not in results:
                    results[keyword] = [None] * len(self._runs)
                results[keyword][index] = value[0]
        return results

    def _run_columns(self, groups: Sequence[Sequence[int]]) -> Json:
        runs, has_hosts = self._runs, names_hosts(self._searches)
        programs = [self._programs.of(shell_line(search.settings.program)) for search in self._searches]
        out_args = [search.settings.out_arg for search in self._searches]
        return {
            "search": self._search_of,
            "number": [run.run.number for run in runs],
            "state": [self._states.of(run.state) for run in runs],
            "seconds": [None if run.seconds is None else round(run.seconds, 3) for run in runs],
            "submitted": [moment(run.submitted) for run in runs],
            "ended": [moment(run.ended) for run in runs],
            "place": [self._places.of(place_of(run, has_hosts)) for run in runs],
            "job": [run.job or None for run in runs],
            "cause": self._cause_codes(groups),
            "folder": [run.folder for run in runs],
            "attempts": [run.attempts for run in runs],
            "program": [programs[search] for search in self._search_of],
            "out": [
                shell_line([f"--{out_args[search]}={run.run.out_dir}"]) for search, run in zip(self._search_of, runs)
            ],
        }

    def _cause_codes(self, groups: Sequence[Sequence[int]]) -> list[int | None]:
        """Return the code of each run's cause; with too many causes, similar ones share one."""
        causes = [run.cause for run in self._runs]
        if sum(map(len, set(causes))) > _MOST_CAUSES:
            self._cut.append("Runs that failed alike are shown with the cause of one of them.")
            for group in groups:
                for index in group:
                    causes[index] = causes[group[0]]
        return [self._causes.of(printable(cause)) for cause in causes]

    def _failure_groups(self) -> list[list[int]]:
        """Return the failed runs, grouped by likeness, the largest group first."""
        groups: dict[object, list[int]] = {}
        for index, run in enumerate(self._runs):
            if run.is_failure:
                groups.setdefault(likeness(RunState(run.state), run.cause), []).append(index)
        return sorted(groups.values(), key=len, reverse=True)

    def _wanted_logs(self, groups: Sequence[Sequence[int]]) -> Iterator[WantedLog]:
        """Yield the wanted logs by importance: one of each kind of failure, other failures, live runs, best runs."""
        firsts = [group[0] for group in groups]
        failures = [index for group in groups for index in group[1:]]
        live = [index for index, run in enumerate(self._runs) if run.state == RunState.RUNNING.value]
        key, ascending = self._searches[0].settings.performance_key, self._searches[0].settings.sort_ascending
        finished = (index for index, run in enumerate(self._runs) if run.state == _FINISHED)
        order = best(finished, lambda index: cell_under(self._runs[index].summary, key), ascending)
        for index in (*firsts, *failures, *live, *order):
            run, search = self._runs[index], self._searches[self._search_of[index]]
            yield WantedLog(index, search.folder, run.folder, run.token, run.is_failure)

    def _timeline(self, names: Sequence[str], now: float) -> Json:
        """Return the attempts; if there are too many, only how their slots were used."""
        found, states = timeline(self._searches, names, now)
        found["attempts"]["state"] = [self._states.of(state) for state in states]
        if len(self._runs) > _MOST_WITH_ATTEMPTS:
            self._cut.append(
                f"Of more than {_MOST_WITH_ATTEMPTS:,} runs, single attempts are left out of the timeline."
            )
            found |= {"attempts": {name: [] for name in found["attempts"]}, "slots": []}
        return found

    def _importance(self, columns: Sequence[PageColumn], key: str, larger: bool, seeds: Container[str]) -> Json | None:
        """Return how much options decide about the performance; None if no run has one."""
        performance = next((column for column in columns if (column["role"], column["name"]) == ("result", key)), None)
        if performance is None:
            return None
        finished = [index for index, run in enumerate(self._runs) if run.state == _FINISHED]
        asked = [column for column in columns if column["role"] == "option" and column["varies"]]
        cells = {column["name"]: cells_of(column) for column in asked if column["name"] not in seeds}
        options = {name: [own[index] for index in finished] for name, own in cells.items()}
        results = cells_of(performance)
        values = [number_of(results[index]) for index in finished]
        return importance_of(options, values, key, larger).as_json()


def _says_only_finished(keyword: str, cells: Sequence[object]) -> bool:
    """Return whether a keyword only repeats the runs' states."""
    return keyword == "finished" and all(cell is None or number_of(cell) == 1 for cell in cells)


def _failure(group: Sequence[int], runs: Sequence[ShownRun], logs: dict[str, str]) -> Json:
    log = next((index for index in group if str(index) in logs), group[0])
    first = runs[group[0]]
    return {"cause": printable(first.cause or first.state), "runs": group, "log": log}


def _names(searches: Sequence[ShownSearch]) -> list[str]:
    """Return, for each search, the shortest end of its path that differs from the others'."""
    paths = [search.folder.path for search in searches]
    if len(paths) == 1:
        return [shown_path(paths[0])]
    common = os.path.commonpath(paths)
    return [str(path.relative_to(common)) if str(path) != common else path.name for path in paths]


def _facts(search: ShownSearch) -> Iterator[tuple[str, str]]:
    """Yield what is known of a search's origin."""
    settings = search.settings
    facts = {
        "name": settings.name,
        "grid": settings.grid_source,
        "script": shell_line(settings.program),
        "working folder": settings.run_cwd,
    }
    yield from ((name, text) for name, text in facts.items() if text)
    yield from provenance_facts(provenances(search.folder), search.folder)
