"""From the command to the first run's start: resuming 10,000 finished runs with 10 left, against a fresh search."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

from _measure import GRID_MODULE, hpsearch_argv, new_search, scratch_project, seconds

FINISHED, LEFT = 10_000, 10
#: A run that only notes when it started.
STAMPING = """\
#!/bin/bash
for word; do case $word in --out_dir=*) out=${word#*=};; esac; done
echo $EPOCHREALTIME >>started.txt
mkdir "$out"
printf 'acc 1\\nfinished 1\\n' >"$out/summary.txt"
"""


def first_start(argv: list[str], folder: Path) -> float:
    """Return the seconds from the command to the start of its first run."""
    stamps = folder / "started.txt"
    stamps.unlink(missing_ok=True)
    begun = time.time()
    seconds(argv, folder)
    return float(stamps.read_text().split()[0]) - begun


def leave_unfinished(folder: Path) -> None:
    """Cut the journal of a finished search, and remove its last runs' folders, as if they had never started."""
    journal = folder / "out" / ".hpsearch" / "journal.jsonl"
    kept = []
    for line in journal.read_text().splitlines(keepends=True):
        event = json.loads(line)
        if event.get("run", 0) <= FINISHED:
            kept.append(line)
    journal.write_text("".join(kept))
    for path in (folder / "out").glob("sim_*"):
        if int(path.name.rpartition("_")[2]) > FINISHED:
            shutil.rmtree(path)


def main() -> None:
    """Print the difference of the times to the first start."""
    with scratch_project(f"{{'x': list(range({FINISHED + LEFT}))}}", script=STAMPING) as folder:
        seconds(new_search("--num_cpu_jobs=2"), folder)
        saved = (folder / "out" / ".hpsearch" / "journal.jsonl").read_bytes()
        resumed = []
        for _ in range(3):
            (folder / "out" / ".hpsearch" / "journal.jsonl").write_bytes(saved)
            leave_unfinished(folder)
            resumed.append(first_start(hpsearch_argv("--resume=out"), folder))
        (folder / "config.py").write_text(GRID_MODULE.format(grid=f"{{'x': list(range({LEFT}))}}", conditions="[]"))
        fresh = [first_start([*new_search(), f"--out_dir=fresh{number}"], folder) for number in range(3)]
    more = min(resumed) - min(fresh)
    verdict = "ok" if more <= 0.5 else "TOO SLOW"
    print(
        f"resume of {FINISHED} finished + {LEFT}: ratio {min(resumed) / min(fresh):.2f}, {more:+.2f} s to a fresh "
        f"search of {LEFT} (at most +0.5: {verdict}); {min(resumed):.2f} s, fresh {min(fresh):.2f} s"
    )


if __name__ == "__main__":
    main()
