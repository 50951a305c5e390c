"""From a run's end to the next start in its slot, always with a run waiting, against `xargs` with as many slots.

One slot: runs that take no time. Four slots: runs of 20 to 50 ms, so that two cores are not the limit.
"""

from __future__ import annotations

import statistics
from pathlib import Path

from _measure import answer, new_search, scratch_project, seconds, set_aside

#: Slots -> how many runs, the pause within each, and the longest median gap, in ms.
CASES = {1: (300, ":", 2.0), 4: (600, "sleep 0.0$((2 + RANDOM % 4))$((RANDOM % 10))", 3.0)}
ROUNDS = 3
STAMPING = """\
#!/bin/bash
begun=$EPOCHREALTIME
for word; do case $word in --out_dir=*) out=${{word#*=}};; esac; done
mkdir -p "$out"
{pause}
printf 'acc 1\\nfinished 1\\n' >"$out/summary.txt"
echo "$begun $EPOCHREALTIME" >>stamps.txt
"""


def gaps(folder: Path, slots: int) -> list[float]:
    """Return the times, in ms, between a run's last line and the first line of the run that took its slot.

    Ends free slots, and starts fill them, both in order of time. Deletes the stamps.
    """
    path = folder / "stamps.txt"
    stamps = [tuple(map(float, line.split())) for line in path.read_text().splitlines()]
    path.unlink()
    starts, ends = sorted(start for start, _ in stamps), sorted(end for _, end in stamps)
    return [1000 * (start - end) for start, end in zip(starts[slots:], ends)]


def main() -> None:
    """Print our gap and the ratio to that of xargs, for each number of slots."""
    for slots, (count, pause, limit) in CASES.items():
        peer, ours = list[float](), list[float]()
        with scratch_project(f"{{'x': list(range({count}))}}", script=STAMPING.format(pause=pause)) as folder:
            numbers = "".join(f"{number}\n" for number in range(count))
            for _ in range(ROUNDS):
                set_aside(folder, "peer", "out")
                seconds(["xargs", f"-P{slots}", "-I{}", "./train.sh", "--out_dir=peer/{}"], folder, numbers)
                peer += gaps(folder, slots)
                seconds(new_search(f"--num_cpu_jobs={slots}"), folder)
                ours += gaps(folder, slots)
        gap, their_gap = statistics.median(ours), statistics.median(peer)
        details = f"xargs -P{slots} {their_gap:.2f} ms, {gap / their_gap:.2f} times that"
        answer(f"end of a run -> next start, {slots} at once, ms", gap, limit, details)


if __name__ == "__main__":
    main()
