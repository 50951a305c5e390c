"""`hpsearch report` on 10,000 and 100,000 runs against a plain table of the same runs by pandas and plotly.

The peer reads the CSV that `hpsearch export` writes and makes one file with plotly's JavaScript in it: parallel
coordinates of all columns of numbers, and one scatter plot. Both are measured in CPU seconds, which other work on the
machine changes little, without the interpreter's start.
"""

from __future__ import annotations

import random
import resource
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from _measure import ROOT, answer, seconds

sys.path.insert(0, str(ROOT))
from hpsearch.core.model import Configuration, Run
from hpsearch.journal.events import (
    AttemptEnded,
    AttemptIntended,
    AttemptSubmitted,
    ControllerStarted,
    Event,
    RunCollected,
    RunPlanned,
    SearchStarted,
)
from hpsearch.journal.lines import to_line
from hpsearch.journal.settings import Settings
from hpsearch.store.layout import SearchFolder

ROUNDS = {10_000: 5, 100_000: 1}
#: The limits: of the ratio, of seconds beyond the interpreter's start, of the file's MB.
MOST, MOST_S, MOST_MB = {10_000: 4, 100_000: 20}, {10_000: 3.0, 100_000: 30.0}, {10_000: 8.0, 100_000: 25.0}
GRID: dict[str, list[object]] = {
    "learning_rate": [10.0**-k for k in range(1, 7)],
    "units": [16, 32, 64, 128, 256],
    "activation": ["relu", "gelu", "tanh"],
    "dropout": [0, 0.1, 0.2, 0.5],
    "batch_size": [32, 64, 128],
    "random_seed": list(range(1000)),
}
RESULTS = ("acc_val", "acc_train", "acc_test", "loss_val", "loss_train", "loss_test", "f1", "epochs", "finished")
TRACEBACK = (
    'Traceback (most recent call last):\n  File "train.py", line 88, in step\nRuntimeError: CUDA out of memory\n'
)
_PEER = """\
import pandas, plotly.graph_objects as go
frame = pandas.read_csv("runs.csv")
numbers = frame.select_dtypes("number").dropna(axis=1, how="all")
lines = go.Parcoords(dimensions=[dict(label=name, values=numbers[name]) for name in numbers])
points = go.Scattergl(x=frame["learning_rate"], y=frame["acc_val"], mode="markers", text=frame["activation"])
with open("peer.html", "w") as file:
    file.write(go.Figure(lines).to_html(include_plotlyjs=True, full_html=False))
    file.write(go.Figure(points).to_html(include_plotlyjs=False, full_html=False))
"""


def main() -> None:
    """Print for each size the ratio to the peer, seconds beyond the interpreter's start, and the file's size."""
    for count, rounds in ROUNDS.items():
        with tempfile.TemporaryDirectory(prefix="hpsearch-bench-") as name:
            folder = Path(name)
            _write_search(SearchFolder(folder / "out"), count)
            python = [sys.executable, "-m", "hpsearch"]
            seconds([*python, "export", "out", "--all", "-o", "runs.csv"], folder)
            commands = ([*python, "report", "out"], [sys.executable, "-c", _PEER], [sys.executable, "-c", "pass"])
            taken = [[_cpu_seconds(argv, folder) for argv in commands] for _ in range(rounds)]
            size, of_peer = ((folder / file).stat().st_size / 1e6 for file in ("report.html", "peer.html"))
        ours, peer, start = (statistics.median(column) for column in zip(*taken))
        limits = f"{ours - start:.2f} s (at most {MOST_S[count]:g}), {size:.2f} MB (at most {MOST_MB[count]:g})"
        details = f"{limits}; pandas and plotly {peer - start:.2f} s, {of_peer:.2f} MB"
        answer(f"report of {count:,} runs / pandas and plotly", (ours - start) / (peer - start), MOST[count], details)


def _cpu_seconds(argv: Sequence[str], cwd: Path) -> float:
    """Run a command to its end; return its CPU time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds(argv, cwd)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _write_search(folder: SearchFolder, count: int) -> None:
    """Write a search that has ended: options of a grid, nine keywords, every twentieth run failed with a log."""
    folder.create_state()
    with folder.journal.open("wb") as journal:
        journal.writelines(to_line(event) for event in _events(count))
    for number in range(20, count + 1, 20):
        (folder.path / _name(number)).mkdir()
        (folder.path / _name(number) / f"job_{_name(number)}.err").write_text(TRACEBACK * 20)


def _name(number: int) -> str:
    return f"sim_20260102030405_{number:06d}"


def _events(count: int) -> Iterator[Event]:
    chance = random.Random(0)
    settings = Settings(
        program=("python3", "train.py"),
        run_cwd="/home/user/project",
        shown_folder="out",
        summary_filename="summary.txt",
        summary_keywords=RESULTS,
        performance_key="acc_val",
        grid_module="grid",
        option_names=tuple(GRID),
    )
    yield SearchStarted(settings.to_json(), 1.767e9)
    yield ControllerStarted("host", 123, 1.767e9)
    for number in range(1, count + 1):
        options = Configuration(tuple((name, chance.choice(values)) for name, values in GRID.items()))
        yield RunPlanned.of(Run(number, _name(number), options, f"out/{_name(number)}"))
    for number in range(1, count + 1):
        token, at = f"{_name(number)}.1.abcdef", 1.767e9 + 37.123 * number
        yield AttemptIntended(number, token, at)
        yield AttemptSubmitted(number, token, "4711@1234", "host", at, f"GPU {number % 8}")
        yield AttemptEnded(number, token, int(number % 20 == 0), at + 290)
        yield _collected(number, token, at + 290, chance)


def _collected(number: int, token: str, at: float, chance: random.Random) -> RunCollected:
    if number % 20 == 0:
        return RunCollected(number, token, "failed", at, cause="CUDA out of memory (train.py:88)")
    numbers: dict[str, list[object]] = {name: [f"{chance.random():.5f}"] for name in RESULTS[:-2]}
    return RunCollected(number, token, "finished", at, {**numbers, "epochs": ["30"], "finished": ["1"]})


if __name__ == "__main__":
    main()
