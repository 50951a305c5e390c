"""The search of a history: its folder (which may be moved), its journal, and commands for it."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from forked import ForkedCommand, ForkServer
from project import ROOT, SURROUNDINGS

from .facts import Ended
from .processes import MARK, descriptors, has_mark, kill, marked
from .simulation import key_of, read_ledger

#: Variables about the machine's own schedulers and cards, which commands of tests must not see.
_FOREIGN = ("SLURM_", "SBATCH_", "LSB_", "CUDA_", "LD_", "HPSEARCH_")
#: The exit statuses that the documentation promises for a command that ends by itself.
_ENDS = frozenset((0, 1, 2))


def read_events(folder: Path) -> list[dict[str, object]]:
    """Return the whole events of a journal that can be read, in order."""
    try:
        lines = (folder / ".hpsearch" / "journal.jsonl").read_bytes().splitlines(keepends=True)
    except OSError:
        return []
    events = []
    for line in lines:
        with contextlib.suppress(ValueError):
            events.append(json.loads(line))
    return events


def planned_keys(folder: Path) -> dict[int, str]:
    """Return the runs that the pickle of all commands names: number -> key."""
    try:
        commands = pickle.loads((folder / "commands.pickle").read_bytes())
    except OSError:
        return {}
    return {number_of(str(each.pop("out_dir"))): key_of(each.items()) for each in commands}


def number_of(folder: str) -> int:
    """Return the number of a run by the name of its folder."""
    return int(folder.rpartition("_")[2])


def unfinished(folder: Path) -> set[int]:
    """Return the numbers of the planned runs that are neither left out nor finished by the journal."""
    finished: set[object] = set()
    left_out: set[object] = set()
    for event in read_events(folder):
        if event["event"] == "left_out":
            left_out = set(event["runs"])  # type: ignore[call-overload]
        if event["event"] == "collected" and event["state"] == "finished":
            finished.add(event["run"])
    return {number for number in planned_keys(folder) if number not in finished | left_out}


@dataclass
class Command:
    """A command that was started. may_end: the exit statuses that what was done to it allows.

    resumed: the search folder that it is to bring to its end, which may be a copy; None = it is about something else.
    """

    words: str
    process: ForkedCommand
    output: Path
    resumed: Path | None = None
    may_end: set[int] = field(default_factory=lambda: set(_ENDS))
    most_files: int = 0

    def is_live(self) -> bool:
        """Return whether it has not ended, and note how many files it has open."""
        if self.process.poll() is not None:
            return False
        self.most_files = max(self.most_files, descriptors(self.process.pid))
        return True

    def send(self, number: signal.Signals) -> None:
        """Send a signal; before Python handles it, it ends the process by itself."""
        self.may_end |= {128 + number, -number}
        if self.process.poll() is None:
            self.process.send_signal(number)

    def ended(self, unfinished: int | None) -> Ended:
        """Return how it ended. unfinished: how many runs had not finished then; None = it does not matter."""
        text = self.output.read_text(errors="replace")
        return Ended(self.words, self.process.returncode, frozenset(self.may_end), text, unfinished, self.most_files)


@dataclass
class Search:
    """A project with one search, and the commands that are live. environment: added to that of commands.

    A command is forked from one process of the search's own that has imported it: it takes a tenth of the time.
    """

    project: Path
    mark: str
    environment: Mapping[str, str]
    folder: Path = field(init=False)
    live: list[Command] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    started: int = 0
    _forks: ForkServer = field(init=False)

    def __post_init__(self) -> None:
        self.folder = self.project / "out"
        (self.project / "said").mkdir()
        self._forks = ForkServer(self.environ())

    def close(self) -> None:
        """End all processes of the search."""
        self._forks.close()
        for pid in marked(self.mark):
            kill(pid, self.mark)

    def left(self) -> dict[int, str]:
        """Return the processes that live: number -> command line."""
        return {pid: words for pid, words in marked(self.mark).items() if pid != self._forks.pid}

    def environ(self) -> dict[str, str]:
        """Return the environment of commands."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        own = {**SURROUNDINGS, **self.environment, MARK: self.mark}
        paths = [str(ROOT), self.environment.get("PYTHONPATH", "")]
        return {**kept, **own, "PYTHONPATH": os.pathsep.join(filter(None, paths))}

    def start(self, *words: str) -> Command:
        """Start `python -m WORDS` in the project."""
        self.started += 1
        output = self.project / "said" / f"{self.started}.txt"
        argv = [sys.executable, "-m", *words]
        with output.open("wb") as file:
            process = self._forks.start(argv, self.project, self.environ(), file.fileno())
        assert process is not None
        is_resume = words[1:2] == ("resume",) and "--dry_run" not in words
        resumed = Path(words[2]) if is_resume else None
        command = Command(f"{self.started}. {' '.join(words)}", process, output, resumed)
        self.live.append(command)
        return command

    def is_busy(self) -> bool:
        """Return whether a command is live. This looks at all, so that none stays a zombie."""
        live = [command for command in self.live if command.is_live()]
        return bool(live)

    def reap(self, deaths: int = 0) -> None:
        """Note the end of commands. deaths: how many of them may have died at a call."""
        for command in [each for each in self.live if not each.is_live()]:
            self.live.remove(command)
            if deaths:
                command.may_end.add(-signal.SIGKILL)
            # Beside another command, runs may have been added since it ended.
            resumed = command.resumed if not self.live else None
            self.ended.append(command.ended(None if resumed is None else len(unfinished(resumed))))

    def lines(self) -> int:
        """Return how many lines the journal has."""
        try:
            return (self.folder / ".hpsearch" / "journal.jsonl").read_bytes().count(b"\n")
        except OSError:
            return 0

    def exists(self) -> bool:
        """Return whether there is a journal; it is written with the whole plan, or not at all."""
        return (self.folder / ".hpsearch" / "journal.jsonl").exists()

    def live_runs(self) -> list[int]:
        """Return the process numbers of executions that have begun, and live."""
        begun = {entry.pid for entry in read_ledger(self.project) if entry.kind == "begin"}
        return [pid for pid in begun if has_mark(pid, self.mark)]

    def kill(self, victims: str) -> int:
        """Kill the controllers, the runs, their groups, or all at once; return how many processes that were."""
        controllers: Sequence[Command] = [each for each in self.live if each.is_live()]
        runs = self.live_runs() if victims != "controller" else []
        if victims in ("controller", "all"):
            for command in controllers:
                command.send(signal.SIGKILL)
        for pid in runs:
            kill(pid, self.mark, group=victims != "runs")
        return len(runs) + (len(controllers) if victims in ("controller", "all") else 0)
