"""Runs a scheduler's commands, one for many jobs; tells the user once what is wrong; knows how large arrays may be."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from hpsearch.backends.run_family import MARK
from hpsearch.backends.scheduler import (
    AsksForArrays,
    CancelsPending,
    Command,
    JobRow,
    Scheduler,
    cluster_of,
    ids_for_commands,
)
from hpsearch.backends.shell import Answer, Conversation
from hpsearch.core.errors import ArrayTooLarge, BackendError, SearchError, SubmissionDelayed, SubmitLimitReached
from hpsearch.core.model import Job
from hpsearch.startup.classes import dataclass

#: If the scheduler is down or busy, its commands give up after about 20 s (Slurm) or never (LSF).
_COMMAND_S = 30.0
#: The most ids in one command.
_MOST_IDS = 500
#: The id of a job that the scheduler has forgotten: only its exit file is left.
FORGOTTEN = "forgotten"


class SchedulerClient:
    """Asks one scheduler for one controller. `tell` shows people a message."""

    def __init__(self, scheduler: Scheduler, tell: Callable[[str], None], environ: Mapping[str, str]) -> None:
        self._scheduler, self._tell = scheduler, tell
        # A job that inherited the mark of a run around this search would end together with that run.
        self._environment = scheduler.environment({name: text for name, text in environ.items() if name != MARK})
        self.conversation = Conversation(environ)
        self._silent: set[str] = set()
        self._warned_of: set[tuple[str, tuple[str, ...]]] = set()

    def run(self, command: Command) -> Answer:
        """Run a command; if it cannot be started now (too many processes, a folder is away), return no answer."""
        try:
            return self.ask(command)
        except BackendError as error:
            return Answer(None, "", str(error))

    def ask(self, command: Command) -> Answer:
        """Run a command. Raises BackendError if it cannot be started."""
        return self.conversation.ask(command.argv, _COMMAND_S, command.stdin, self._environment)

    def query(self, jobs: Sequence[Job]) -> tuple[list[Job], list[JobRow]]:
        """Return the jobs whose clusters answer, and all rows; tell once if a cluster does not answer."""
        rows: list[JobRow] = []
        silent: set[str] = set()
        asked = (job.id for job in jobs if job.id != FORGOTTEN)
        if isinstance(self._scheduler, AsksForArrays) and self._scheduler.asks_for_arrays:
            # Each whole array once.
            asked = (self._scheduler.array_of(job_id) or job_id for job_id in asked)
        for ids in ids_for_commands(asked, _MOST_IDS):
            cluster = cluster_of(ids[0])
            if cluster not in silent:
                answer = self.run(self._scheduler.query_command(ids))
                part = self._scheduler.rows(answer)
                self._tell_of_silence(cluster, answer.words or "it gives no answer" if part is None else "")
                silent |= {cluster} if part is None else set()
                rows += part or []
        return [job for job in jobs if cluster_of(job.id) not in silent], rows

    def history(self, jobs: Iterable[Job]) -> list[JobRow]:
        """Return the accounting's rows of jobs that left the queue; none without accounting."""
        rows: list[JobRow] = []
        for ids in _groups(jobs):
            command = self._scheduler.history_command(ids)
            rows += [] if command is None else self._scheduler.history_rows(self.run(command)) or []
        return rows

    def cancel(self, jobs: Iterable[Job], at_once: bool = False) -> None:
        for ids in _groups(jobs):
            for is_kill in (False, True) if at_once else (False,):
                self.run(self._scheduler.cancel_command(ids, is_kill))

    def cancel_pending(self, jobs: Iterable[Job]) -> None:
        """Cancel waiting jobs; if the scheduler can, spare a job that starts at this moment."""
        scheduler = self._scheduler
        for ids in _groups(jobs):
            if isinstance(scheduler, CancelsPending):
                self.run(scheduler.cancel_pending_command(ids))
            else:
                self.run(scheduler.cancel_command(ids, False))

    def _tell_of_silence(self, cluster: str, problem: str) -> None:
        if bool(problem) == (cluster in self._silent):
            return
        self._silent ^= {cluster}
        name = f"{self._scheduler.name} on {cluster}" if cluster else self._scheduler.name
        silent = f"warning: {name} does not answer ({problem}); running jobs continue, and hpsearch keeps asking"
        self._tell(f"{silent}{self.conversation.hint}" if problem else f"{name} answers again")

    def tell_of_trouble(self, jobs: Iterable[Job], rows: Mapping[str, JobRow]) -> None:
        """Tell once why jobs do not start. rows: by job id."""
        news: dict[tuple[str, ...], list[Job]] = {}
        for job in jobs:
            trouble = rows[job.id].trouble if job.id in rows else ""
            if not trouble:
                continue
            # Numbers (of jobs, hosts) and the order of reasons may change from answer to answer.
            text = re.sub(r"\d+(?: (\w+?)s?\b)?", r"N \1", trouble)
            kind = tuple(sorted(part.strip() for part in text.split(";")))
            if (job.id, kind) not in self._warned_of:
                self._warned_of.add((job.id, kind))
                news.setdefault(kind, []).append(job)
        for first, *others in news.values():
            more = f" (and {len(others)} other{'s' if len(others) > 1 else ''})" if others else ""
            problem = f"job {first.id} does not start: {rows[first.id].trouble}"
            self._tell(f"warning: run {first.attempt.run.number}{more}: {problem}")


def _groups(jobs: Iterable[Job]) -> Iterable[list[str]]:
    return ids_for_commands((job.id for job in jobs if job.id != FORGOTTEN), _MOST_IDS)


#: After a refused change: the pause before the next try, doubled each time up to the last.
_FIRST_PAUSE_S, _LAST_PAUSE_S = 2.0, 60.0
#: A change waits until it lets this share of all jobs start, or for this long since the last change, in seconds: each
#: is a command, and among hundreds of jobs one ends every moment.
_WIDER_BY, _WIDEN_S = 1 / 32, 10.0


class JobArrays:
    """The arrays of one controller; they are widened as jobs of others end, so no slot stays empty."""

    def __init__(
        self, scheduler: Scheduler, jobs: int, run: Callable[[Command], Answer], clock: Callable[[], float]
    ) -> None:
        """jobs: how many jobs of all arrays together may run at once."""
        self._scheduler, self._jobs, self._run, self._clock = scheduler, jobs, run, clock
        self._site_limit: int | None = None
        self._largest = math.inf
        self._widths: dict[str, _Width] = {}
        self._next_try, self._pause_s, self._changed_at = 0.0, _FIRST_PAUSE_S, -math.inf

    @property
    def size(self) -> int:
        """How many jobs the next array may have; asks the scheduler until it answers, then remembers."""
        if self._site_limit is None:
            self._site_limit = self._told_limit()
        limit = self._scheduler.array_limit(None) if self._site_limit is None else self._site_limit
        return int(min(self._largest, limit))

    def _told_limit(self) -> int | None:
        """Return the limit that the scheduler tells; None if it does not answer now."""
        command = self._scheduler.array_limit_command()
        answer = None if command is None else self._run(command)
        return self._scheduler.array_limit(answer) if answer is None or answer.exit_status == 0 else None

    def refused(self, jobs: int, error: SearchError) -> SearchError:
        """Halve the next array's size if this one was refused for its size; return the error to raise."""
        is_too_large = isinstance(error, ArrayTooLarge)
        if jobs == 1 or not (is_too_large or isinstance(error, SubmitLimitReached)):
            return error
        self._largest = jobs // 2
        if is_too_large:
            # A limit that was only guessed may be told now.
            told = self._told_limit() if self._site_limit is None else None
            self._site_limit = told if told is not None and told < jobs else jobs // 2
        return SubmissionDelayed(str(error)) if is_too_large else error

    def submitted(self, array: str, at_once: int) -> None:
        """Note that an array was accepted, of which `at_once` jobs may run at once; the next array may be larger."""
        self._widths[array] = _Width(at_once, at_once)
        self._largest *= 2

    def widen(self, job_ids: Iterable[str]) -> None:
        """Let more jobs of an array run if other jobs have ended. job_ids: of all jobs that have not ended."""
        live = Counter(self._scheduler.array_of(job_id) or "" for job_id in dict.fromkeys(job_ids))
        self._widths = {array: width for array, width in self._widths.items() if array in live}
        # An earlier controller's arrays, and those whose submission had no clear answer, may be of any width.
        widths = {array: self._widths.get(array, _Width(1, self._jobs)) for array in live if array}
        running = {array: min(width.most, live[array]) for array, width in widths.items()}
        others = live[""] + sum(running.values())
        for array, width in widths.items():
            at_once = self._jobs - others + running[array]
            is_enough = at_once >= live[array]
            # An array of unknown width must not be made narrower.
            is_due = self._is_due(at_once - width.least) if array in self._widths else at_once >= running[array]
            if width.least < min(at_once, live[array]) and (is_enough or is_due) and self._clock() >= self._next_try:
                self._widen(array, width, at_once)
                return

    def _widen(self, array: str, width: _Width, at_once: int) -> None:
        command = self._scheduler.throttle_command(array, at_once)
        answer = None if command is None else self._run(command)
        # scontrol fails if some of an array's jobs have ended; of the others, which it has changed, it says "No error".
        if answer is None or answer.exit_status == 0 or "No error" in f"{answer.stdout}{answer.stderr}":
            self._widths[array] = _Width(at_once, at_once)
            self._pause_s, self._changed_at = _FIRST_PAUSE_S, self._clock()
        else:
            # Only the answer may have got lost.
            self._widths[array] = _Width(width.least, max(width.most, at_once))
            self._next_try = self._clock() + self._pause_s
            self._pause_s = min(2 * self._pause_s, _LAST_PAUSE_S)

    def _is_due(self, more: int) -> bool:
        return more >= _WIDER_BY * self._jobs or self._clock() - self._changed_at >= _WIDEN_S


@dataclass(frozen=True)
class _Width:
    """How many jobs of an array may run at once, as far as that is known: at least, and at most."""

    least: int
    most: int
