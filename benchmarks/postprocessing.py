"""Postprocessing 10,000 runs, ours and the older tool's, against pandas reading, sorting and writing their table.

With --large, 100,000 runs of the older tool, against a plain loop that reads and splits each summary: about a minute.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from _measure import GRID_MODULE, ROOT, answer, seconds

COUNT, LARGE_COUNT = 10_000, 100_000
LIMIT_S, LARGE_LIMIT_S = 2.0, 5.0
PLAIN = """\
import os, sys
for name in os.listdir(sys.argv[1]):
    if name.startswith("sim_"):
        with open(f"{sys.argv[1]}/{name}/summary.txt") as file:
            summary = dict(line.split(None, 1) for line in file)
"""
PANDAS = """\
import sys, pandas
table = pandas.read_csv(sys.argv[1], sep=";").sort_values("acc", ascending=False)
table.to_csv(sys.argv[1] + ".sorted", sep=";", index=False)
"""
EVAL_HANDLE = """
def judge(summary, criterion):
    return float(summary["acc"][0]) >= criterion

_PERFORMANCE_EVAL_HANDLE = judge
"""


def older_search(path: Path, count: int = COUNT) -> None:
    """Write a search folder of the older tool: every summary has to be read."""
    import pickle

    options = [
        {"x": k, "name": "a b", "out_dir": f"./out/{path.name}/sim_20210304050607_{k:05d}"} for k in range(count)
    ]
    path.mkdir()
    (path / "config.py").write_text(GRID_MODULE.format(grid="{'x': [1]}", conditions="[]") + EVAL_HANDLE)
    (path / "commands.pickle").write_bytes(pickle.dumps(options))
    for k in range(count):
        folder = path / f"sim_20210304050607_{k:05d}"
        folder.mkdir()
        (folder / "summary.txt").write_text(f"acc 0.{k * 7919 % count:04d}\nfinished 1\n")


def journal_search(path: Path) -> None:
    """Write a search folder with the journal of a search that ended."""
    sys.path.insert(0, str(ROOT))
    from hpsearch.core.model import Configuration, Run
    from hpsearch.journal import events
    from hpsearch.journal.settings import Settings
    from hpsearch.store.layout import SearchFolder
    from hpsearch.store.live import LiveSearch

    older_search(path)
    (path / "commands.pickle").unlink()
    settings = Settings(
        program=("python3", "train.sh"),
        run_cwd=str(path),
        shown_folder=str(path),
        summary_filename="summary.txt",
        summary_keywords=("acc", "finished"),
        performance_key="acc",
        grid_module="config",
        option_names=("x", "name"),
    )
    with LiveSearch(SearchFolder(path)) as search:
        names = [f"sim_20210304050607_{k:05d}" for k in range(COUNT)]
        options = [Configuration((("x", k), ("name", "a b"))) for k in range(COUNT)]
        runs = (Run(k, names[k], options[k], f"{path}/{names[k]}") for k in range(COUNT))
        search.add_plan(runs, settings, 0.0)
        search.open_for_work()
        for k in range(COUNT):
            summary = {"acc": [f"0.{k:04d}"], "finished": ["1"]}
            search.note(
                events.AttemptIntended(k, names[k] + ".1.abcdef", 0.0),
                events.AttemptSubmitted(k, names[k] + ".1.abcdef", "1", "host", 0.0),
                events.AttemptEnded(k, names[k] + ".1.abcdef", 0, 0.0),
                events.RunCollected(k, names[k] + ".1.abcdef", "finished", 0.0, summary),
            )
        search.finish()


def timed(argv: Sequence[str], cwd: Path) -> tuple[float, float]:
    """Run a command to its end; return how long it took, and for how long it kept a processor busy."""
    before = os.times()
    took = seconds(argv, cwd)
    after = os.times()
    return took, after.children_user + after.children_system - before.children_user - before.children_system


def measured(path: Path, *options: str) -> tuple[float, float]:
    """Return the shortest of three times of postprocessing, the interpreter's start taken off; and its CPU seconds.

    What an earlier call moved away is moved back in between.
    """
    argv = [sys.executable, "-m", "hpsearch.hpsearch_postprocessing", path.name]
    start = min(seconds([sys.executable, "-c", "pass"], path.parent) for _ in range(3))
    times = []
    for _ in range(3):
        took, used = timed([*argv, *options], path.parent)
        times.append((took - start, used))
        seconds([*argv, "--undo"], path.parent)
    return min(times)


def large() -> None:
    """Print the ratio for 100,000 runs, both in CPU seconds, which other work on the machine changes little."""
    with tempfile.TemporaryDirectory(prefix="hpsearch-bench-") as name:
        path = Path(name) / "of_the_older_tool"
        older_search(path, LARGE_COUNT)
        ours = [sys.executable, "-m", "hpsearch.hpsearch_postprocessing", path.name]
        rounds = [
            (*timed([sys.executable, "-c", PLAIN, path.name], path.parent), *timed(ours, path.parent)) for _ in "12"
        ]
        plain_took, plain, took, used = (min(column) for column in zip(*rounds))
        limit = f"at most {LARGE_LIMIT_S:g}: {'ok' if took <= LARGE_LIMIT_S else 'TOO SLOW'}"
        details = f"{took:.2f} s ({limit}; CPU {used:.2f}), the loop {plain_took:.2f} s (CPU {plain:.2f})"
        what = f"postprocessing {LARGE_COUNT:,} runs of the older tool / a loop over their summaries"
        answer(what, used / plain, LARGE_LIMIT_S / plain, details)


def main() -> None:
    """Print the ratios; each call has to take less than two seconds."""
    if "--large" in sys.argv[1:]:
        large()
        return
    with tempfile.TemporaryDirectory(prefix="hpsearch-bench-") as name:
        begun = time.perf_counter()
        for kind, build in (("with a journal", journal_search), ("of the older tool", older_search)):
            path = Path(name) / kind.replace(" ", "_")
            build(path)
            took, used = measured(path)
            judged, judged_used = measured(path, "--performance_criteria=0.5")
            table = str(path / "postprocessing_results.csv")
            pandas = min(seconds([sys.executable, "-c", PANDAS, table], path) for _ in range(3))
            verdict = "ok" if max(took, judged) <= LIMIT_S else "TOO SLOW"
            plain, moving = f"{took:.2f} s (CPU {used:.2f})", f"{judged:.2f} s (CPU {judged_used:.2f})"
            details = (
                f"{plain}, moving half of them away {moving} (at most {LIMIT_S:g}: {verdict}), pandas {pandas:.2f} s"
            )
            answer(f"postprocessing {COUNT:,} runs {kind} / pandas on their table", took / pandas, 2.0, details)
        print(f"(folders and all calls: {time.perf_counter() - begun:.0f} s)")


if __name__ == "__main__":
    main()
