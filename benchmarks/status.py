"""`hpsearch status` on 10,000 runs against plain JSON parsing of its journal, both without the interpreter's start."""

from __future__ import annotations

import statistics
import sys

from _measure import answer, new_search, scratch_project, seconds

RUNS, ROUNDS = 10_000, 7
_PLAIN = """\
import json
with open("out/.hpsearch/journal.jsonl", "rb") as file:
    events = [json.loads(line) for line in file]
print(len(events))
"""


def main() -> None:
    """Print the ratio of the medians, and what `status` takes beyond the interpreter's start."""
    with scratch_project(f"{{'x': list(range({RUNS}))}}") as folder:
        seconds(new_search("--num_cpu_jobs=2"), folder)
        status = [sys.executable, "-m", "hpsearch", "status", "out"]
        commands = (status, [sys.executable, "-c", _PLAIN], [sys.executable, "-c", "pass"])
        rounds = [[seconds(argv, folder) for argv in commands] for _ in range(ROUNDS)]
    ours, plain, start = (statistics.median(column) for column in zip(*rounds))
    details = f"{ours - start:.2f} s beyond the interpreter's start (at most 2), json alone {plain - start:.2f} s"
    answer(f"status of {RUNS} runs / json.loads of its journal", (ours - start) / (plain - start), 5, details)


if __name__ == "__main__":
    main()
