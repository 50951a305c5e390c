"""`--help` against `python -c "import argparse"`: medians of many starts."""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

from _measure import answer, hpsearch_argv, seconds

ROUNDS = 15


def main() -> None:
    """Print the ratio of the medians."""
    pairs = [
        (seconds(hpsearch_argv("--help"), Path.cwd()), seconds([sys.executable, "-c", "import argparse"], Path.cwd()))
        for _ in range(ROUNDS)
    ]
    ours, peer = (statistics.median(column) for column in zip(*pairs))
    answer("--help / import argparse", ours / peer, 2.5, f"{ours * 1000:.0f} ms, argparse alone {peer * 1000:.0f} ms")


if __name__ == "__main__":
    main()
