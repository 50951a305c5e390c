"""A grid of 10^6 configurations with 5 conditions, `--dry_run --num_searches=10`, against a list of dicts."""

from __future__ import annotations

import resource
import sys

from _measure import answer, new_search, scratch_project, seconds

GRID = "{f'o{number}': list(range(10)) for number in range(6)}"
CONDITIONS = """[
    ({'o0': [1, 2]}, {'o1': [3]}),
    ({'o1': [5]}, {'o2': [1]}),
    ({'o3': [0, 3, 4]}, {'o4': [0]}),
    ({'o2': [1], 'o5': [3]}, {'new': [1, 2]}),
    ({'o5': [9]}, {'o0': [1]}),
]"""
PEER = f"import itertools; grid = {GRID}; found = [dict(zip(grid, v)) for v in itertools.product(*grid.values())]"


def main() -> None:
    """Print the ratio of the wall times, interpreters' starts included, and the peak of memory."""
    with scratch_project(GRID, CONDITIONS) as folder:
        ours = min(seconds(new_search("--dry_run", "--num_searches=10"), folder) for _ in range(3))
        # The largest child so far: the peer starts only now.
        peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        peer = min(seconds([sys.executable, "-c", PEER], folder) for _ in range(3))
    details = f"{ours:.2f} s with a peak of {peak_mb:.0f} MB (at most 250), list of dicts {peer:.2f} s"
    answer("10^6 configurations, 5 conditions / list of dicts", ours / peer, 2, details)


if __name__ == "__main__":
    main()
