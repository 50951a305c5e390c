"""Draw how the best result of searches grew with their runs, as an SVG file; several searches of a name are averaged.

python docs/best_so_far_picture.py FILE.svg NAME=DIR[,DIR]...
"""

import argparse
from collections.abc import Sequence
from html import escape
from itertools import accumulate
from pathlib import Path
from statistics import mean

from hpsearch.folder.reading import SearchReader
from hpsearch.folder.run_tables import performance
from hpsearch.store.layout import SearchFolder

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 300, 64, 110, 16, 44
#: Told apart also without colours: by their names at the end of each line, and by dashes.
STYLES = (("#0072b2", ""), ("#d55e00", "6 4"), ("#009e73", "2 3"))


def best_so_far(folder: Path) -> tuple[str, list[float]]:
    """Return the performance key of a search, and the best result after each run, in the order of the runs."""
    record = SearchReader(SearchFolder(folder)).record
    settings = record.known_settings()
    better, worst = (min, float("inf")) if settings.sort_ascending else (max, float("-inf"))
    values = (performance(entry.result, settings.performance_key) for entry in record)
    return settings.performance_key, list(accumulate((worst if v is None else v for v in values), better))


def drawn(key: str, curves: dict[str, list[float]]) -> str:
    """Return the picture. curves: name -> best after each run."""
    longest, values = max(map(len, curves.values())), [value for curve in curves.values() for value in curve[2:]]
    low, high = min(values), max(values)
    low, high = low - 0.05 * (high - low), high + 0.05 * (high - low)

    def x(run: float) -> float:
        return LEFT + (run - 1) / (longest - 1) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return TOP + (high - max(value, low)) / (high - low) * (HEIGHT - TOP - BOTTOM)

    parts = [f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
    for share in (0, 0.25, 0.5, 0.75, 1):
        value = low + share * (high - low)
        parts.append(f'<path d="M{LEFT} {y(value):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.4g}</text>')
    for run in range(0, longest + 1, 10):
        parts.append(
            f'<text x="{x(max(run, 1)):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{max(run, 1)}</text>'
        )
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">runs</text>')
    parts.append(f'<text x="{LEFT + 8}" y="{TOP + 12}">best {escape(key)} so far</text>')
    places = dict[str, float]()
    for name, curve in sorted(curves.items(), key=lambda pair: -pair[1][-1]):
        # Names of lines that end at the same height stand below each other.
        places[name] = max([y(curve[-1]) + 4, *(place + 15 for place in places.values())])
    for (name, curve), (colour, dashes) in zip(curves.items(), STYLES):
        steps = "".join(f"H{x(run):.1f}V{y(value):.1f}" for run, value in enumerate(curve[1:], start=2))
        line = f'fill="none" stroke="{colour}" stroke-width="2.5" stroke-dasharray="{dashes}"'
        parts.append(f'<path d="M{x(1):.1f} {y(curve[0]):.1f}{steps}" {line}/>')
        parts.append(f'<text x="{WIDTH - RIGHT + 8}" y="{places[name]:.1f}" fill="{colour}">{escape(name)}</text>')
    font = 'font-family="sans-serif" font-size="13" fill="#333"'
    inside = "\n".join(parts)
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {font}>\n{inside}\n</svg>\n'


def main(argv: Sequence[str] | None = None) -> None:
    """Write the picture that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("searches", nargs="+", metavar="NAME=DIR[,DIR]")
    options = parser.parse_args(argv)
    curves = {}
    for text in options.searches:
        name, _, folders = text.partition("=")
        found = [best_so_far(Path(folder)) for folder in folders.split(",")]
        curves[name] = [mean(values) for values in zip(*(curve for _, curve in found))]
    options.file.write_text(drawn(found[0][0], curves), encoding="utf-8")


if __name__ == "__main__":
    main()
