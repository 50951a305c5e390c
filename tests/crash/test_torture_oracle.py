"""The oracle of random histories notices each broken rule, and shrinking finds the steps that are needed for it."""

from __future__ import annotations

import csv
import fcntl
import json
import os
import pickle
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from crash.torture.facts import Copy, Ended, Facts
from crash.torture.history import Act, History, Step, random_history
from crash.torture.oracle import MOST_FILES, Finding, Kind, findings
from crash.torture.processes import MARK, marked
from crash.torture.search import Command, Search
from crash.torture.shrink import minimal, shrunk
from crash.torture.simulation import read_ledger, write_script
from crash.torture.tries import Tried
from crash.torture.worlds import TROUBLES, WORLDS
from forked import ForkedCommand
from project import ROOT

#: Values of x: all that can finish do, 7 never does.
VALUES = range(9)
FINISHING = [x for x in VALUES if x != 7]


def write_table(folder: Path, rows: Sequence[Sequence[object]]) -> None:
    """Write a table of x, output folder, acc and finished."""
    with (folder / "search_results.csv").open("w", newline="") as file:
        csv.writer(file, delimiter=";").writerows([("x", "out_dir", "acc", "finished"), *rows])


def note(facts: Facts, *lines: str) -> Facts:
    """Add lines to the ledger; `{out}` is the folder of a run there."""
    with (facts.project / "ledger.txt").open("a") as file:
        file.writelines(f"{line}\n" for line in lines)
    return facts


def row(x: object, acc: object = None, finished: object = 1) -> tuple[object, ...]:
    return x, f"out/sim_20260101000000_{x}", x if acc is None else acc, finished


@pytest.fixture
def sound(tmp_path: Path) -> Facts:
    """The facts of a search in which all is well."""
    folder = tmp_path / "out"
    (folder / ".hpsearch" / "exits").mkdir(parents=True)
    (folder / ".hpsearch" / "logs").mkdir()
    commands, events = [], []
    for x in VALUES:
        run = folder / f"sim_20260101000000_{x}"
        run.mkdir()
        commands.append({"x": x, "out_dir": f"out/{run.name}"})
        events.append({"event": "collected", "run": x, "state": "failed" if x == 7 else "finished"})
    (folder / "commands.pickle").write_bytes(pickle.dumps(commands))
    (folder / ".hpsearch" / "journal.jsonl").write_text("".join(f"{json.dumps(event)}\n" for event in events))
    (folder / ".hpsearch" / "lock").touch()
    write_table(folder, [row(x) for x in FINISHING])
    ended = Ended("1. hpsearch resume out", 1, frozenset((0, 1, 2)), "all is well\n", unfinished=1)
    status = {"runs": len(VALUES), "counts": {"finished": len(FINISHING)}}
    facts = Facts(tmp_path, folder, frozenset(f"x={x}" for x in FINISHING), (ended,), status)
    lines = (f"{kind} x={x}, 99 out/sim_20260101000000_{x}" for x in FINISHING for kind in ("begin", "done"))
    return note(facts, *lines)


def test_the_oracle_finds_nothing_where_all_is_well(sound: Facts) -> None:
    assert findings(sound) == []


def write_whole(facts: Facts, name: str, content: str) -> Facts:
    (facts.folder / name).write_text(content)
    return facts


def with_rows(facts: Facts, rows: Sequence[Sequence[object]]) -> Facts:
    """Give the search this table, and a status that agrees with it."""
    write_table(facts.folder, rows)
    return replace(facts, status={"runs": len(VALUES), "counts": {"finished": len(rows)}})


def with_folder(facts: Facts, name: str) -> Facts:
    (facts.folder / name).mkdir()
    return facts


def with_command(facts: Facts, **changes: object) -> Facts:
    """Put another command before the last one."""
    command = replace(facts.ended[-1], words="0. hpsearch best", unfinished=None)
    return replace(facts, ended=(replace(command, **changes), *facts.ended))  # type: ignore[arg-type]


def planned_twice(facts: Facts) -> Facts:
    path = facts.folder / "commands.pickle"
    again = {"x": 1, "out_dir": "out/sim_20260101000000_9"}
    path.write_bytes(pickle.dumps([*pickle.loads(path.read_bytes()), again]))
    return replace(facts, status={**facts.status, "runs": len(VALUES) + 1})


ROWS = [row(x) for x in FINISHING]
BROKEN: dict[str, tuple[Kind, str, Callable[[Facts], Facts]]] = {
    "a lost row": (Kind.LOST, "no row of x=8", lambda facts: with_rows(facts, ROWS[:-1])),
    "no table": (Kind.LOST, "no row of x=0", lambda facts: write_whole(facts, "search_results.csv", "")),
    "a row twice": (Kind.REPEATED, "2 rows of x=8", lambda facts: with_rows(facts, [*ROWS, ROWS[-1]])),
    "a row of nobody": (Kind.OTHER, "a row of x=12", lambda facts: with_rows(facts, [*ROWS, row(12)])),
    "a wrong value": (Kind.OTHER, "x=8 says acc 3", lambda facts: with_rows(facts, [*ROWS[:-1], row(8, 3)])),
    "an unfinished row": (Kind.OTHER, "finished 0", lambda facts: with_rows(facts, [*ROWS[:-1], row(8, 8, 0)])),
    "a status that disagrees": (
        Kind.OTHER,
        "status counts 7",
        lambda facts: replace(facts, status={**facts.status, "counts": {"finished": 7}}),
    ),
    "no status": (Kind.OTHER, "status counts None", lambda facts: replace(facts, status={})),
    "a run planned twice": (Kind.REPEATED, "2 runs are planned for x=1", planned_twice),
    "an unplanned folder": (Kind.LEFT, "run 99", lambda facts: with_folder(facts, "sim_20260101000000_99")),
    "a run again": (
        Kind.REPEATED,
        "x=8 began in out/sim_20260101000000_8 after it was done",
        lambda facts: note(facts, "begin x=8, 99 out/sim_20260101000000_8"),
    ),
    "a run asked for again, and twice": (
        Kind.REPEATED,
        "x=8 began",
        lambda facts: note(
            replace(facts, repeats={"x=8": 1}), *(f"{kind} x=8, 99 out/sim_0" for kind in ("begin", "done", "begin"))
        ),
    ),
    "a run that finds a folder": (Kind.REPEATED, "clash", lambda facts: note(facts, "clash x=7, 99 out/sim_7")),
    "a run twice at once": (Kind.REPEATED, "twice", lambda facts: note(facts, "twice x=7, 99 out/sim_7")),
    "a run again in a copy": (
        Kind.REPEATED,
        "began in a copy",
        lambda facts: note(
            replace(facts, copies=[Copy(facts.project / "copy", frozenset(("x=8",)))]), "begin x=8, 99 copy/sim_8"
        ),
    ),
    "a live process": (Kind.LEFT, "process 5: sleep", lambda facts: replace(facts, left={5: "sleep"})),
    "a hanging command": (Kind.OTHER, "did not end: it", lambda facts: replace(facts, stuck=("it",))),
    "a traceback": (Kind.TRACEBACK, "0. ", lambda facts: with_command(facts, output="Traceback (most recent)")),
    "a traceback in the log": (
        Kind.TRACEBACK,
        "controller.log",
        lambda facts: write_whole(facts, ".hpsearch/controller.log", "oh\nTraceback (most recent)\n"),
    ),
    "a torn journal": (
        Kind.OTHER,
        "whole line",
        lambda facts: write_whole(facts, ".hpsearch/journal.jsonl", '{"event":"search"}\n{"event"'),
    ),
    "a damaged journal": (
        Kind.OTHER,
        "line 1 of the journal",
        lambda facts: write_whole(facts, ".hpsearch/journal.jsonl", "event\n"),
    ),
    "a lock that names a holder": (
        Kind.LEFT,
        "the lock names",
        lambda facts: write_whole(facts, ".hpsearch/lock", "{}"),
    ),
    "a part of a file": (Kind.LEFT, ".commands.sh.1.part", lambda facts: write_whole(facts, ".commands.sh.1.part", "")),
    "an exit status": (Kind.LEFT, "exits/token", lambda facts: write_whole(facts, ".hpsearch/exits/token", "0\n")),
    "a log": (Kind.LEFT, "logs/token.out", lambda facts: write_whole(facts, ".hpsearch/logs/token.out", "")),
    "an end by a signal": (Kind.STATUS, "exit status -11", lambda facts: with_command(facts, status=-11)),
    "a 2 of a search that has begun": (
        Kind.STATUS,
        "has started runs",
        lambda facts: with_command(facts, status=2, output="2026-01-01 00:00:00 run 1/2 started: x=1\n"),
    ),
    "an untrue 0": (Kind.STATUS, "but 2 runs", lambda facts: with_command(facts, status=0, unfinished=2)),
    "an untrue 0 at the end": (
        Kind.STATUS,
        "at the end",
        lambda facts: replace(facts, ended=[replace(facts.ended[-1], status=0, unfinished=None)]),
    ),
    "files that stay open": (Kind.OTHER, "files open", lambda facts: with_command(facts, most_files=MOST_FILES + 1)),
}


@pytest.mark.parametrize("what", BROKEN)
def test_the_oracle_finds(sound: Facts, what: str) -> None:
    kind, text, broken = BROKEN[what]
    found = findings(broken(sound))
    assert [finding for finding in found if finding.kind is kind and text in finding.text], found


BEGINNING = f"""\
Traceback (most recent call last):
  File "<frozen runpy>", line 88, in _run_code
  File "{ROOT}/hpsearch/__main__.py", line 11, in <module>
    end_at_ctrl_c()
  File "{ROOT}/hpsearch/__init__.py", line 19, in end_at_ctrl_c
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
KeyboardInterrupt
"""


@pytest.mark.parametrize(
    ("said", "count"),
    [
        (BEGINNING, 0),
        (BEGINNING.replace("in end_at_ctrl_c", "in main"), 1),
        (BEGINNING.replace("KeyboardInterrupt", "OSError"), 1),
    ],
)
def test_a_ctrl_c_before_it_is_caught_may_end_in_a_traceback(sound: Facts, said: str, count: int) -> None:
    assert len(findings(with_command(sound, output=said))) == count


def test_the_oracle_finds_a_lock_that_is_taken(sound: Facts) -> None:
    with (sound.folder / ".hpsearch" / "lock").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert [finding.text for finding in findings(sound)] == ["the lock is taken"]


def test_the_user_may_ask_for_a_finished_run_again(sound: Facts) -> None:
    note(sound, *(f"{kind} x=8, 99 out/sim_8" for kind in ("begin", "done")))
    assert findings(replace(sound, repeats={"x=8": 1})) == []


def ended_with(status: int) -> ForkedCommand:
    """Return a command of which there is the news that it ended."""
    reader, writer = os.pipe()
    os.write(writer, b"%12d%12d" % (1, status))
    os.close(writer)
    return ForkedCommand([], reader, [])


def test_a_resumed_copy_is_judged_by_its_own_runs(sound: Facts) -> None:
    copy, output = sound.project / "out-copy-0", sound.project / "1.txt"
    copy.mkdir()
    (copy / "commands.pickle").write_bytes(
        pickle.dumps([{"x": 0, "out_dir": "out/sim_1"}, {"x": 1, "out_dir": "sim_2"}])
    )
    output.touch()
    search = Search(sound.project, "mark", {})
    search.live.append(Command("1. hpsearch resume out-copy-0", ended_with(1), output, resumed=copy))
    search.reap()
    assert [(ended.status, ended.unfinished) for ended in search.ended] == [(1, 2)]


def test_marked_processes_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with ExitStack() as stack:
        stack.enter_context(monkeypatch.context())
        own = Path(f"/proc/{os.getpid()}/environ").read_bytes()
        assert f"{MARK}=of-nobody".encode() not in own
        assert marked("of-nobody") == {}


@pytest.mark.parametrize("needed", [[], [3], [0, 9], [2, 3, 7], list(range(10))], ids=str)
def test_shrinking_keeps_what_is_needed_and_nothing_else(needed: list[int]) -> None:
    kept = minimal(range(10), lambda choices: next((each for each in choices if set(needed) <= set(each)), None))
    assert list(kept) == needed


def test_shrinking_tries_beginnings_first_and_halves_next_shortest_first() -> None:
    tried: list[list[list[int]]] = []

    def enough(choices: Sequence[Sequence[int]]) -> Sequence[int] | None:
        tried.append([list(choice) for choice in choices])
        return next((each for each in choices if {1, 12} <= set(each)), None)

    minimal(range(16), enough)
    beginnings = [list(range(length)) for length in range(0, 16, 2)]
    shorter = [list(range(length)) for length in (0, 1, 3, 5, 7, 8, 10, 12)]
    assert tried[:3] == [beginnings, shorter, [list(range(7, 14)), list(range(7))]]


def test_a_history_shrinks_to_its_first_step_and_those_that_are_needed() -> None:
    history = random_history("lsf", 3, TROUBLES["lsf"])
    last = history.steps[-1]
    shortest = shrunk(
        history,
        len(history.steps),
        lambda choices, stop_at: next((shorter for shorter in choices if last in shorter.steps), None),
        limit_s=60,
    )
    assert shortest == replace(history, steps=(history.steps[0], last))


def test_shrinking_begins_with_the_steps_before_the_finding() -> None:
    history = random_history("lsf", 3, TROUBLES["lsf"], steps=40)
    tried: list[int] = []

    def failing(choices: Sequence[History], stop_at: float) -> History | None:
        tried.extend(len(each.steps) for each in choices)
        return choices[0] if len(choices[0].steps) == 9 else None

    finding = Finding(Kind.STATUS, "4. hpsearch resume out: exit status 0, but 1 runs did not finish")
    of_step = (1, 1, 1, 1, 1, 2, 2, 3, 5, *[6] * len(history.steps))
    found = Tried(history, 0, 0, [finding], None, of_step[: len(history.steps)])
    assert len(shrunk(history, found.suspects, failing, limit_s=60).steps) == 9
    assert tried[0] == 9


def test_shrinking_ends_in_time() -> None:
    history = random_history("lsf", 3, TROUBLES["lsf"])
    assert shrunk(history, 1, lambda choices, stop_at: choices[0], limit_s=0) == history


def test_a_seed_draws_the_same_history_each_time() -> None:
    assert random_history("gpu", 5, TROUBLES["gpu"]) == random_history("gpu", 5, TROUBLES["gpu"])
    assert random_history("gpu", 5, TROUBLES["gpu"]) != random_history("gpu", 6, TROUBLES["gpu"])


def test_a_history_tells_each_step() -> None:
    steps = (Step(Act.GO, "1"), Step(Act.KILL, "all", 3, 0.2), Step(Act.MEND))
    assert str(History("several", 4, 5, steps)).splitlines() == [
        "world several, seed 4, 5 values",
        "  1. go 1",
        "  2. after 3 more lines and 0.2 s: kill all",
        "  3. mend",
    ]


@pytest.fixture(params=["gpu", "lsf", "pbs"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Sequence[str]]]:
    with WORLDS[request.param](tmp_path) as world:
        yield request.param, tuple(world.troubles)


def test_histories_draw_the_troubles_that_a_world_has(world: tuple[str, Sequence[str]]) -> None:
    name, troubles = world
    assert TROUBLES[name] == troubles


def kinds_of_second_execution(project: Path, was: str) -> list[str]:
    """Execute the script while `was`, a process and its start, is said to execute the same; return what it notes."""
    write_script(project)
    (project / "running").mkdir()
    (project / "running" / "out-x=0,").write_text(f"{was}\n")
    (project / "out").mkdir()
    subprocess.run(["./train.sh", "--x=0", "--out_dir=out/sim_1"], cwd=project, check=True, stdout=subprocess.PIPE)
    return [entry.kind for entry in read_ledger(project)]


def test_two_executions_at_once_are_noted_but_not_a_process_that_has_the_number_of_an_ended_one(tmp_path: Path) -> None:
    since = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    for name, was in {"same": f"{os.getpid()} {since}", "reused": f"{os.getpid()} {since - 1}", "cut": ""}.items():
        (tmp_path / name).mkdir()
        noted = kinds_of_second_execution(tmp_path / name, was)
        assert noted == ["begin", *["twice"] * (name == "same"), "done"], name
