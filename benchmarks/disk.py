"""What 10,000 runs leave on the disk: the search's shared files, and what it adds to each run's folder.

It is compared with the table of results, which everybody keeps. With ``--runs N``, for N runs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from _measure import answer, new_search, scratch_project, seconds

COUNT, SLOTS = 10_000, 2


def size(paths: Iterable[Path]) -> int:
    """Return how many bytes the files hold."""
    return sum(path.stat().st_size for path in paths if path.is_file())


def blocks(run_folder: Path) -> float:
    """Return how many blocks of the file system hpsearch's files in a run's folder take."""
    return sum(
        -(-512 * path.stat().st_blocks // path.stat().st_blksize) for path in run_folder.iterdir() if is_ours(path)
    )


def is_ours(path: Path) -> bool:
    """Return whether hpsearch has put a file into a run's folder."""
    return path.name == "hpsearch_command.sh" or path.name.startswith("job_")


def main(count: int = COUNT) -> None:
    """Print bytes a run of the shared files, and blocks in each run's folder."""
    with scratch_project(f"{{'x': list(range({count}))}}") as folder:
        seconds(new_search(f"--num_cpu_jobs={SLOTS}"), folder)
        out = folder / "out"
        table = size([out / "search_results.csv"])
        parts = {path.name: size([path]) / count for path in [*out.iterdir(), *(out / ".hpsearch").iterdir()]}
        largest = sorted((name for name, each in parts.items() if each >= 1), key=lambda name: -parts[name])
        # The table of results is the user's, not bookkeeping.
        shared = sum(parts.values()) - table / count
        in_folder = max(blocks(path) for path in out.glob("sim_*"))
    details = ", ".join(f"{name} {parts[name]:.0f}" for name in largest)
    answer(
        f"bytes a run in shared files, {count} runs", shared, 1500, f"{details}; {shared * count / table:.0f} tables"
    )
    answer("blocks of ours in a run's folder", in_folder, 1, "its command, and what it printed: nothing")


if __name__ == "__main__":
    main(*map(int, sys.argv[2:3]))
