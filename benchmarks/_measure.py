"""What the benchmarks share: a scratch project, the command of a search in it, times, and the line of the result."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: A run that only writes a summary.
TINY_SCRIPT = """\
#!/bin/sh
for word; do case $word in --out_dir=*) out=${word#*=};; --x=*) x=${word#*=};; esac; done
mkdir -p "$out"
printf 'acc 0.%s\\nfinished 1\\n' "$x" >"$out/summary.txt"
"""

GRID_MODULE = """\
grid = {grid}
conditions = {conditions}
_SCRIPT_NAME = "train.sh"
_SUMMARY_FILENAME = "summary.txt"
_SUMMARY_KEYWORDS = ["acc", "finished"]
"""


@contextlib.contextmanager
def scratch_project(grid: str, conditions: str = "[]", script: str = TINY_SCRIPT) -> Iterator[Path]:
    """Make a project in a temporary folder. grid, conditions: Python expressions."""
    with tempfile.TemporaryDirectory(prefix="hpsearch-bench-") as name:
        folder = Path(name)
        (folder / "train.sh").write_text(script)
        (folder / "train.sh").chmod(0o755)
        (folder / "config.py").write_text(GRID_MODULE.format(grid=grid, conditions=conditions))
        yield folder


def hpsearch_argv(*options: str) -> list[str]:
    """Return the command of a search in a scratch project."""
    return [sys.executable, "-m", "hpsearch.hpsearch", *options]


def new_search(*options: str) -> list[str]:
    """Return the command of a new search without GPUs, into the folder `out`."""
    fixed = ("--grid_module=config", "--visible_gpus=-1", "--out_dir=out", "--force_out_dir")
    return hpsearch_argv(*fixed, *options)


def seconds(argv: Sequence[str], cwd: Path, stdin: str = "") -> float:
    """Run a command to its end; return how long it took."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    started = time.perf_counter()
    done = subprocess.run(
        list(argv), cwd=cwd, env=environment, input=stdin, text=True, capture_output=True, check=False
    )
    took = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"{argv[0]} failed: {done.stderr[-2000:]}")
    return took


def loop_seconds(folder: Path, loop: str, out_dir: str, scripts: str, count: int) -> float:
    """Return how long a shell loop takes that submits the job scripts of a finished search in `out_dir`, its $1.

    The scripts are put back in place first: a job whose script is gone takes its run for collected.
    scripts: a pattern for the scripts' paths there. count: how many jobs have to deliver a summary again.
    """
    for script in (folder / out_dir).glob(scripts):
        words = shlex.split(script.read_text(), comments=True)
        script.rename(next(word for word in words if word.endswith(".sh")))
    for run_folder in (folder / out_dir).glob("sim_*"):
        shutil.rmtree(run_folder)
    took = seconds(["sh", "-c", loop, "sh", out_dir], folder)
    delivered = len(list((folder / out_dir).glob("sim_*/summary.txt")))
    assert delivered == count, f"the loop's jobs left {delivered} summaries"
    return took


def set_aside(folder: Path, *names: str) -> None:
    """Rename what an earlier round left under these names. Deleting it would make the next round slow.

    For minutes, ext4 steps over each inode that was deleted when it makes a file: 20 us become 600.
    """
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            (folder / name).rename(tempfile.mkdtemp(prefix=f"{name}.", dir=folder))


def making_a_file_us(folder: Path) -> float:
    """Return how much CPU time it takes to make an empty file in a folder, in us."""
    began = time.thread_time()
    for number in range(100):
        (folder / f"empty{number}").touch()
    return 1e4 * (time.thread_time() - began)


def rows(folder: Path, out_dir: str) -> int:
    """Return how many rows of results a search delivered."""
    return len((folder / out_dir / "search_results.csv").read_text().splitlines()) - 1


def answer(what: str, ratio: float, limit: float, details: str) -> None:
    """Print the result of a benchmark: the ratio, its limit, and the figures behind it."""
    verdict = "ok" if ratio <= limit else "TOO SLOW"
    print(f"{what}: ratio {ratio:.2f} (at most {limit:g}: {verdict}); {details}", flush=True)
