"""Plays a history: does each step at its moment, ends all faults, resumes the search to its end, gathers the facts."""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .facts import Copy, Facts
from .faults import FAULTS, Control
from .history import Act, History, Step
from .processes import waited
from .search import Command, Search, planned_keys
from .simulation import key_of, never_finishes, read_ledger, write_grid, write_script
from .worlds import WORLDS, World

#: How often the search is resumed at its end: what fails at first does so twice, the rest is for what was preempted.
MOST_RESUMES = 6
#: How long processes may take to end once their search has ended.
LAST_BREATH_S = 15.0
#: How long a step waits for lines that may not come: a search may have to wait for the end of a fault.
MOMENT_S = 8.0
#: How long a command that only reads may take where dozens of processes share a core.
ASK_S = 180.0


@dataclass(frozen=True)
class Played:
    """The outcome of a history. kills: how many processes were killed; injected: how many calls failed.

    started: how many commands had been started when each step had been done.
    """

    facts: Facts
    kills: int
    injected: int
    started: Sequence[int]


def play(history: History, folder: Path, library: Path) -> Played:
    """Play a history in a new folder."""
    with prepared(history, folder, library) as player:
        return player.play()


@contextlib.contextmanager
def prepared(history: History, folder: Path, library: Path) -> Iterator[Player]:
    """Give the player of a history, in a new folder and its own world, all of whose processes end with it."""
    folder.mkdir(parents=True)
    project = folder / "my project"
    project.mkdir()
    with WORLDS[history.world](folder) as world:
        control = Control(folder / "faults", library, project / "out")
        mark = secrets.token_hex(8)
        search = Search(project, mark, {**world.environment, **control.environment()})
        try:
            yield Player(history, world, control, search)
        finally:
            control.close()
            search.close()


@dataclass
class Player:
    """One history, being played."""

    history: History
    world: World
    control: Control
    search: Search
    values: int = field(init=False)
    kills: int = 0
    copies: list[Copy] = field(default_factory=list)
    repeats: Counter[str] = field(default_factory=Counter)
    stuck: list[str] = field(default_factory=list)
    #: The largest number of values so far.
    most_values: int = field(init=False)

    def __post_init__(self) -> None:
        self.values = self.most_values = self.history.values

    def play(self) -> Played:
        """Do all steps, resume to the end, and return what is left."""
        write_script(self.search.project)
        write_grid(self.search.project, range(self.values))
        started = []
        for step in self.history.steps:
            self._wait(step)
            self._do(step)
            self._reap()
            started.append(self.search.started)
        self._finish()
        return Played(self._facts(), self.kills + self.control.deaths, self.control.injected, started)

    def _wait(self, step: Step) -> None:
        """Wait until a step's moment; where nothing is live, nothing more will be written."""
        lines = self.search.lines() + step.lines

        def is_there() -> bool:
            return self.search.lines() >= lines or not self.search.is_busy()

        waited(is_there, MOMENT_S)
        time.sleep(step.pause_s)

    def _reap(self) -> None:
        self.search.reap(self.control.deaths)

    def _do(self, step: Step) -> None:
        deeds: Mapping[Act, Callable[[str], None]] = {
            Act.GO: self._go,
            Act.EXTEND: self._extend,
            Act.SEEDS: lambda count: self._about("seeds", "--num_seeds", count),
            Act.RETRY: lambda _: self._about("retry"),
            Act.REPEAT: self._repeat,
            Act.KILL: self._kill,
            Act.SIGNAL: self._signal,
            Act.DIE: lambda detail: self.control.die_at(int(detail.split()[0]), detail.split()[1]),
            Act.ASK: self._ask,
            Act.MOVE: lambda _: self._move(),
            Act.COPY: lambda _: self._copy(),
            Act.CLOCK: lambda offset_s: self.control.set_clock(float(offset_s)),
            Act.FAULT: lambda name: self.control.fail(FAULTS[name]),
            Act.TROUBLE: self._trouble,
            Act.MEND: lambda _: self._mend(),
        }
        deeds[step.act](step.detail)

    # Commands

    def _about(self, *words: str) -> None:
        """Start a command about the search, or the search itself if there is none yet."""
        if self.search.exists():
            self.search.start("hpsearch", words[0], str(self.search.folder), *words[1:])
        elif not self.search.live:
            self._begin_anew()

    def _go(self, count: str) -> None:
        for _ in range(int(count)):
            self._about("resume")

    def _begin_anew(self) -> None:
        """Start the search as a user would who finds no journal: without what is left of an earlier try."""
        if any(entry.kind == "begin" for entry in read_ledger(self.search.project)):
            self.stuck.append("something began, and no journal knows of it")
        shutil.rmtree(self.search.folder, ignore_errors=True)
        place = ("--deterministic_search", f"--out_dir={self.search.folder.name}", "--force_out_dir")
        self.search.start("hpsearch.hpsearch", "--grid_module=config", *place, *self.world.options)

    def _extend(self, count: str) -> None:
        self.values, self.most_values = int(count), max(int(count), self.most_values)
        write_grid(self.search.project, range(self.values))
        self._about("extend")

    def _repeat(self, number: str) -> None:
        key = planned_keys(self.search.folder).get(int(number))
        if key is not None:
            self.repeats[key] += 1
        self._about("retry", "--run", number)

    def _ask(self, words: str) -> None:
        """Ask a question, and wait for the answer."""
        parts = [str(self.search.folder) if word == "DIR" else word for word in words.split()]
        if parts[0] == "cancel":
            parts.append("--timeout=30")
            for command in self.search.live:
                command.may_end |= {130, -signal.SIGINT}
        self._await(self.search.start("hpsearch", *parts), ASK_S)

    def _await(self, command: Command, limit_s: float) -> None:
        """Wait for a command's end; one that does not end is noted, and killed."""
        if not waited(lambda: not command.is_live(), limit_s, pause_s=0.02):
            self.stuck.append(f"{command.words}: {command.output.read_text(errors='replace').strip()[-1000:]}")
            command.send(signal.SIGKILL)
            command.process.wait()
        self._reap()

    # Violence

    def _kill(self, victims: str) -> None:
        self.kills += self.search.kill(victims)
        if victims in ("controller", "all"):
            waited(lambda: not self.search.is_busy(), 10)

    def _signal(self, name: str) -> None:
        for command in self.search.live:
            command.send(signal.Signals[name])
        self.kills += len(self.search.live)
        waited(lambda: not self.search.is_busy(), 30)

    def _trouble(self, name: str) -> None:
        # A job may have ended in the moment in which it was to be killed.
        with contextlib.suppress(subprocess.CalledProcessError):
            self.world.troubles[name]()

    def _mend(self) -> None:
        self.control.fail(None)
        self.world.mend()

    # Places

    def _stop(self) -> bool:
        """Stop all that is live; return whether that is certain."""
        self._signal("SIGINT")
        self._kill("controller")
        self._reap()
        if not self.search.exists():
            return not self.search.live_runs()
        self._ask("cancel DIR")
        return self.search.ended[-1].status == 0 and waited(lambda: not self.search.live_runs(), 10)

    def _move(self) -> None:
        if self._stop() and self.search.exists():
            folder = self.search.folder
            self.search.folder = folder.with_name(f"out-moved-{len(list(folder.parent.glob('out*')))}")
            folder.rename(self.search.folder)

    def _copy(self) -> None:
        """Copy the folder as it is, and resume the copy; it may be refused."""
        if not self.search.exists():
            return
        ledger = read_ledger(self.search.project)
        target = self.search.folder.with_name(f"out-copy-{len(self.copies)}")
        self.copies.append(Copy(target, frozenset(entry.key for entry in ledger if entry.kind == "done")))
        # Files may come and go meanwhile.
        with contextlib.suppress(shutil.Error, OSError):
            shutil.copytree(self.search.folder, target)
        self._await(self.search.start("hpsearch", "resume", str(target)), self.world.patience_s)

    # The end

    def _finish(self) -> None:
        """End all faults, and resume the search until nothing is left that can finish."""
        self._mend()
        self.control.die_at(0, "before")
        self.control.set_clock(0)
        for command in [*self.search.live]:
            self._await(command, self.world.patience_s)
        write_grid(self.search.project, range(self.most_values))
        if not self.search.exists():
            self._begin_anew()
            self._await(self.search.live[-1], self.world.patience_s)
        hung = len(self.stuck)
        for word in ("extend", *["resume"] * MOST_RESUMES):
            self._await(self.search.start("hpsearch", word, str(self.search.folder)), self.world.patience_s)
            # A command that hung earlier is a finding by itself: rows that are missing then are none.
            if len(self.stuck) > hung or self._expected() <= self._done():
                break

    def _expected(self) -> frozenset[str]:
        keys = (key_of([("x", number)]) for number in range(self.most_values))
        return frozenset(key for key in keys if not never_finishes(key))

    def _done(self) -> set[str]:
        return {entry.key for entry in read_ledger(self.search.project) if entry.kind == "done"}

    def _facts(self) -> Facts:
        waited(lambda: not self.search.left(), LAST_BREATH_S, pause_s=0.1)
        left = self.search.left()
        ended = tuple(self.search.ended)
        status = self._status()
        search = self.search
        repeats, copies, stuck = dict(self.repeats), tuple(self.copies), tuple(self.stuck)
        return Facts(search.project, search.folder, self._expected(), ended, status, repeats, copies, left, stuck)

    def _status(self) -> Mapping[str, object]:
        command = self.search.start("hpsearch", "status", str(self.search.folder), "--json")
        self._await(command, ASK_S)
        try:
            answer = json.loads(command.output.read_text().splitlines()[-1])
        except (ValueError, IndexError):
            answer = {}
        return answer if isinstance(answer, dict) else {}
