"""From one run's end to the next one's start, one slot and always a run waiting, against `xargs -P1`."""

from __future__ import annotations

import statistics
from itertools import pairwise
from pathlib import Path

from _measure import answer, new_search, scratch_project, seconds

COUNT = 300
STAMPING = """\
#!/bin/bash
begun=$EPOCHREALTIME
for word; do case $word in --out_dir=*) out=${word#*=};; esac; done
mkdir -p "$out"
printf 'acc 1\\nfinished 1\\n' >"$out/summary.txt"
echo "$begun $EPOCHREALTIME" >>stamps.txt
"""


def median_gap(folder: Path) -> float:
    """Return the median time, in ms, between a run's last word and the next one's first; forget the stamps."""
    path = folder / "stamps.txt"
    stamps = sorted(tuple(map(float, line.split())) for line in path.read_text().splitlines())
    path.unlink()
    return 1000 * statistics.median(after[0] - before[1] for before, after in pairwise(stamps))


def main() -> None:
    """Print our gap and the ratio to that of xargs."""
    with scratch_project(f"{{'x': list(range({COUNT}))}}", script=STAMPING) as folder:
        numbers = "".join(f"{number}\n" for number in range(COUNT))
        seconds(["xargs", "-P1", "-I{}", "./train.sh", "--out_dir=peer/{}"], folder, numbers)
        peer = median_gap(folder)
        seconds(new_search(), folder)
        ours = median_gap(folder)
    answer("end of a run -> next start, ms", ours, 3, f"xargs {peer:.2f} ms, {ours / peer:.2f} times that")


if __name__ == "__main__":
    main()
