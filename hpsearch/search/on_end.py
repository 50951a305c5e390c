"""``--on_end``: the user's command for the end of a search, executed once, with the outcome in variables."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from hpsearch.backends.launcher import exit_reason
from hpsearch.backends.shell import run_command
from hpsearch.choosers.of_search import expected_runs
from hpsearch.console.console import Console
from hpsearch.core.errors import BackendError, ControllerPresent, StoreError
from hpsearch.core.model import RunState
from hpsearch.folder.by_configuration import seeds_of
from hpsearch.folder.means import means_of
from hpsearch.folder.run_tables import best_runs, performance
from hpsearch.journal.events import EndTold
from hpsearch.journal.record import SearchRecord
from hpsearch.search.controller import Controller
from hpsearch.store.layout import SearchFolder

#: A command that takes longer is ended; users can put it into the background.
_LONGEST_S = 60.0


class EndCommand:
    """Executes the command on leaving the context, if `expect` was called: then the lock is free for the command."""

    def __init__(self, console: Console, longest_s: float = _LONGEST_S) -> None:
        """longest_s: the command is ended after this time."""
        self._console, self._longest_s = console, longest_s
        self._command, self._run_cwd, self._variables = "", Path(), dict[str, str]()

    def expect(self, controller: Controller, exit_status: int) -> None:
        """Plan to execute the command, and note that; not if it was executed and nothing has happened since.

        exit_status: of the search.
        """
        search, command = controller.search, controller.options.on_end
        is_left = controller.options.submit_only and any(entry.is_open for entry in search.record.with_events)
        if not command or is_left or search.record.end_told_to == command:
            return
        try:
            search.note(EndTold(command, controller.clocks.wall()), durable=True)
        except ControllerPresent:
            return  # Another controller has the search, and will see its end.
        except StoreError:
            pass  # A full disk is no reason not to execute it.
        self._command, self._run_cwd = command, search.settings.home
        self._variables = end_variables(search.record, search.folder, exit_status)

    def __enter__(self) -> EndCommand:
        return self

    def __exit__(self, *_: object) -> None:
        if self._command and (problem := self._problem()):
            self._console.warn(f"--on_end: {problem}: {self._command}")

    def _problem(self) -> str:
        """Execute the command; return what went wrong, empty if nothing did."""
        try:
            answer = run_command(
                ["/bin/sh", "-c", self._command],
                self._longest_s,
                environment={**os.environ, **self._variables},
                folder=self._run_cwd,
                is_killed_by_ctrl_c=True,
                shows_output=True,
            )
        except (BackendError, ValueError) as error:
            return str(error)
        except KeyboardInterrupt:
            return "stopped by Ctrl-C"
        if answer.exit_status is None:
            return f"stopped, as it took longer than {self._longest_s:g} s (with & at its end it may)"
        return exit_reason(answer.exit_status if answer.exit_status >= 0 else 128 - answer.exit_status)


def end_variables(record: SearchRecord, folder: SearchFolder, exit_status: int) -> dict[str, str]:
    """Return the outcome of a search as environment variables: name -> text, which may be empty."""
    settings = record.known_settings()
    states = Counter(entry.result.state for entry in record.with_events)
    finished, stopped = states[RunState.FINISHED], states[RunState.STOPPED_EARLY]
    failed = sum(count for state, count in states.items() if state.is_failure)
    over, key = seeds_of(record), settings.performance_key
    mean = next(iter(means_of(record, over)), None)
    best = mean.counted[0] if mean else next(iter([] if over else best_runs(record.with_events, settings)), None)
    value = mean.spread.mean if mean else None if best is None else performance(best, key)
    values = {
        "NAME": settings.name,
        "FOLDER": folder.path,
        "RESULTS": folder.results,
        "EXIT_STATUS": exit_status,
        "RUNS": len(record.runs),
        "FINISHED": finished,
        "FAILED": failed,
        "STOPPED_EARLY": stopped,
        "LEFT": len(record.runs) - finished - failed - stopped + expected_runs(record),
        "BEST": "" if value is None else f"{value:g}",
        "BEST_RUN": "" if best is None else best.run.number,
        "BEST_FOLDER": "" if best is None else best.reused or folder.run_folder(best.run),
    }
    return {f"HPSEARCH_{name}": str(value) for name, value in values.items()}
