"""How much of 8 slots is idle, by the journal, while a sampler chooses each run by the results so far; peer: xargs.

The runs do not train: each looks its score up in a table, and sleeps, some longer than others.
"""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

from _measure import answer, new_search, scratch_project, seconds
from _tables import load, make

TABLE = "svm_breast_cancer"
RUNS, SLOTS, MEAN_S, MOST_PERCENT = 48, 8, 10.0, 2.0
#: Each line of its table: the options, the score, the seconds that it takes. Notes when it begins and ends.
LOOKING_UP = """\
#!/bin/bash
begun=$EPOCHREALTIME words=
for word; do case $word in --out_dir=*) out=${word#*=};; *) words+="$word ";; esac; done
while IFS='|' read -r options score seconds; do [ "$options" != "$words" ] || break; done <cells.txt
mkdir -p "$out"
sleep "$seconds"
printf 'accuracy %s\\nfinished 1\\n' "$score" >"$out/summary.txt"
echo "$begun $EPOCHREALTIME" >>stamps.txt
"""


def write_cells(folder: Path) -> list[str]:
    """Write the table that the script reads; return the commands' options, in random order."""
    table, chance = load(TABLE), random.Random(0)
    lines = {}
    for configuration, scores in zip(table.configurations, table.scores):
        words = "".join(f"--{name}={value} " for name, value in configuration.options)
        lines[words] = f"{words}|{scores[0]:.4f}|{chance.lognormvariate(0, 0.5) * MEAN_S / 1.133:.3f}\n"
    (folder / "cells.txt").write_text("".join(lines.values()))
    return chance.sample(list(lines), RUNS)


def idle_percent(intervals: list[tuple[float, float]]) -> float:
    """Return how much of the slots is idle between the first start and the last one. intervals: start and end."""
    first, last = min(intervals)[0], max(intervals)[0]
    busy = sum(min(end, last) - start for start, end in intervals)
    return 100 * (1 - busy / SLOTS / (last - first))


def by_journal(path: Path) -> list[tuple[float, float]]:
    """Return when each run of a search was submitted, and when it ended."""
    events = [json.loads(line) for line in path.read_text().splitlines()]
    times = {
        kind: {event["token"]: event["at"] for event in events if event["event"] == kind}
        for kind in ("submitted", "ended")
    }
    return [(start, times["ended"][token]) for token, start in times["submitted"].items()]


def by_stamps(path: Path) -> list[tuple[float, float]]:
    """Return when each run began and ended by its own clock; delete the stamps."""
    stamps = [line.split() for line in path.read_text().splitlines()]
    path.unlink()
    return [(float(begun), float(ended)) for begun, ended in stamps]


def searched(folder: Path, sampler: str) -> tuple[float, float]:
    """Run a search; return the idle shares by the journal and by the runs' own stamps."""
    from hpsearch.store.layout import SearchFolder

    # The last --out_dir counts.
    options = (f"--sampler={sampler}", f"--num_searches={RUNS}", f"--num_cpu_jobs={SLOTS}", f"--out_dir={sampler}")
    seconds(new_search(*options), folder)
    journal = by_journal(SearchFolder(folder / sampler).journal)
    assert len(journal) == RUNS, f"{len(journal)} runs"
    return idle_percent(journal), idle_percent(by_stamps(folder / "stamps.txt"))


def main() -> None:
    """Print the idle shares, in percent."""
    with scratch_project("{}", script=LOOKING_UP) as folder:
        shutil.copy(make.FOLDER / f"{TABLE}.py", folder / "config.py")
        listed = write_cells(folder)
        numbered = "".join(f"{words}--out_dir=peer/{number}\n" for number, words in enumerate(listed))
        seconds(["xargs", f"-P{SLOTS}", "-L1", "./train.sh"], folder, numbered)
        peer = idle_percent(by_stamps(folder / "stamps.txt"))
        for sampler in ("random", "bayes"):
            idle, own = searched(folder, sampler)
            details = f"by the runs' own clocks {own:.2f}; xargs -P{SLOTS} {peer:.2f}"
            answer(f"idle share of {SLOTS} slots, --sampler={sampler}, in percent", idle, MOST_PERCENT, details)


if __name__ == "__main__":
    main()
