"""``--dry_run --num_searches=10`` of large grids: 10^6 configurations with conditions, and 10^7 of several kinds.

The first is compared with a list of dicts; the others with ten positions from a shuffle of all of them by numpy.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from _measure import ROOT, answer, new_search, scratch_project, seconds

GRID = "{f'o{number}': list(range(10)) for number in range(6)}"
CONDITIONS = """[
    ({'o0': [1, 2]}, {'o1': [3]}),
    ({'o1': [5]}, {'o2': [1]}),
    ({'o3': [0, 3, 4]}, {'o4': [0]}),
    ({'o2': [1], 'o5': [3]}, {'new': [1, 2]}),
    ({'o5': [9]}, {'o0': [1]}),
]"""
PEER = f"import itertools; grid = {GRID}; found = [dict(zip(grid, v)) for v in itertools.product(*grid.values())]"

LARGE = GRID.replace("range(6)", "range(7)")
#: Name -> grid, conditions (and more of the module), options. With these conditions the list is just short enough to
#: be built, which a sample of it does not need.
KINDS = {
    "no conditions": (LARGE, "[]", ()),
    "in the order of the grid": (LARGE, "[]", ("--deterministic_search",)),
    "sampled": (LARGE, "[]", ("--dont_generate_full_grid",)),
    "conditions": (LARGE, CONDITIONS, ()),
    "ties": (f"{{**{LARGE}, ('a', 'b'): [(1, 2), (3, 4)]}}", "[]", ()),
    "a range": (f"{{**{LARGE}, 'r': __import__('hpsearch').LogUniform(1e-5, 1)}}", "[]", ("--sampler=random",)),
    "two grids": (f"[{GRID}, {{**{GRID}, 'extra': [1, 2]}}]", "[]", ()),
    "constraints": (GRID, "[]\nconstraints = [lambda c: c['o0'] < c['o1']]", ("--dont_generate_full_grid",)),
}
SHUFFLE = "import numpy; print(numpy.random.RandomState(42).permutation(10**7)[:10])"


def cpu_and_peak(argv: Sequence[str], folder: Path) -> tuple[float, float]:
    """Return the processor time of a command in seconds, and its peak of memory in MB."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(argv, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        raise SystemExit(said.decode())
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Print the ratios of the times, interpreters' starts included, and the peaks of memory."""
    with scratch_project(GRID, CONDITIONS) as folder:
        ours = min(seconds(new_search("--dry_run", "--num_searches=10"), folder) for _ in range(3))
        _, peak_mb = cpu_and_peak(new_search("--dry_run", "--num_searches=10"), folder)
        peer = min(seconds([sys.executable, "-c", PEER], folder) for _ in range(3))
    details = f"{ours:.2f} s with a peak of {peak_mb:.0f} MB (at most 250), list of dicts {peer:.2f} s"
    answer("10^6 configurations, 5 conditions / list of dicts", ours / peer, 2, details)
    for kind, (grid, conditions, options) in KINDS.items():
        with scratch_project(grid, conditions) as folder:
            pairs = [
                (
                    cpu_and_peak(new_search("--dry_run", "--num_searches=10", *options), folder),
                    cpu_and_peak([sys.executable, "-c", SHUFFLE], folder),
                )
                for _ in range(2)
            ]
        cpu_s, peer_s = (statistics.median(pair[k][0] for pair in pairs) for k in (0, 1))
        peak_mb, peer_mb = (max(pair[k][1] for pair in pairs) for k in (0, 1))
        details = f"{cpu_s:.2f} s of CPU time, peak {peak_mb:.0f} MB; the shuffle {peer_s:.2f} s, {peer_mb:.0f} MB"
        answer(f"ten of 10^7, {kind} / numpy's shuffle", cpu_s / peer_s, 1.5, details)


if __name__ == "__main__":
    main()
