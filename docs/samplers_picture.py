"""Draw how soon searches find one of the best configurations, as an SVG file: replayed over benchmarks/tables.

    python docs/samplers_picture.py FILE.svg [--repeats 8] [--places 4]

For each sampler and number of runs: the share of all searches that have started one of a table's best 1 % by then.
"""

import argparse
import multiprocessing
import os
import sys
from collections.abc import Sequence
from functools import partial
from html import escape
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))
# Several searches share one machine.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from _tables import names
from samplers import Case, measured

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 300, 64, 110, 16, 44
LONGEST = 80
#: Told apart also without colours: by dashes, and by their names at the end of each line.
STYLES = {"bayes": ("#0072b2", ""), "Optuna TPE": ("#009e73", "2 3"), "random": ("#d55e00", "6 4")}


def x(runs: float) -> float:
    """Return where a number of runs stands."""
    return LEFT + runs / LONGEST * (WIDTH - LEFT - RIGHT)


def y(share: float) -> float:
    """Return where a share stands."""
    return TOP + (1 - share) * (HEIGHT - TOP - BOTTOM)


def drawn(counts: dict[str, list[int]]) -> str:
    """Return the picture. counts: sampler -> after how many runs each search had found one."""
    parts = [f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
    for share in (0, 0.25, 0.5, 0.75, 1):
        parts.append(f'<path d="M{LEFT} {y(share):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y(share) + 4:.1f}" text-anchor="end">{share:.0%}</text>')
    for runs in range(0, LONGEST + 1, 20):
        parts.append(f'<text x="{x(runs):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{runs}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">runs started</text>')
    lowest = 0.0
    shares = {
        name: [sum(c <= runs for c in found) / len(found) for runs in range(LONGEST + 1)]
        for name, found in counts.items()
    }
    for name in sorted(shares, key=lambda name: -shares[name][-1]):
        (colour, dashes), curve = STYLES[name], shares[name]
        # Names of lines that end at the same height stand below each other.
        lowest = max(y(curve[-1]) + 4, lowest + 16)
        steps = "".join(f"H{x(runs):.1f}V{y(share):.1f}" for runs, share in enumerate(curve[1:], start=1))
        line = f'fill="none" stroke="{colour}" stroke-width="2.5" stroke-dasharray="{dashes}"'
        parts.append(f'<path d="M{x(0):.1f} {y(0):.1f}{steps}" {line}/>')
        parts.append(f'<text x="{WIDTH - RIGHT + 8}" y="{lowest:.1f}" fill="{colour}">{escape(name)}</text>')
    font, inside = 'font-family="sans-serif" font-size="13" fill="#333"', "\n".join(parts)
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {font}>\n{inside}\n</svg>\n'


def main(argv: Sequence[str] | None = None) -> None:
    """Replay the searches and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--repeats", type=int, default=8, help="searches of each table and sampler (%(default)s)")
    parser.add_argument("--places", type=int, default=4, help="runs at once (%(default)s)")
    options = parser.parse_args(argv)
    counts: dict[str, list[int]] = {}
    with multiprocessing.Pool() as pool:
        for sampler in STYLES:
            cases: list[Case] = [(table, options.places, sampler) for table in names()]
            for case in cases:
                counts.setdefault(sampler, []).extend(pool.map(partial(measured, case), range(options.repeats)))
    options.file.write_text(drawn(counts), encoding="utf-8")


if __name__ == "__main__":
    main()
