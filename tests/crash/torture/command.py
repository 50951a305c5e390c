"""The command `script/torture`: histories from one seed, until the time is over; a failure is shrunk and kept."""

from __future__ import annotations

import argparse
import compileall
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from project import ROOT

from .counts import Counts
from .faults import NoCompilerError, build_library
from .history import History, deaths, random_history
from .oracle import Finding, Kind, findings
from .player import play
from .shrink import shrunk
from .worlds import TROUBLES, USUAL, WORLDS


@dataclass(frozen=True)
class Tried:
    """A history, and what was found. folder: what is left of one that failed; None = nothing was found."""

    history: History
    kills: int
    injected: int
    findings: Sequence[Finding]
    folder: Path | None


def try_once(history: History, folder: Path, library: Path) -> Tried:
    """Play a history in a new folder, which stays if something is found."""
    try:
        played = play(history, folder, library)
        found, kills, injected = findings(played.facts), played.kills, played.injected
    except Exception:  # noqa: BLE001
        # An error of ours must not end a long night; it is shown like any other.
        found, kills, injected = [Finding(Kind.OTHER, f"the harness failed: {traceback.format_exc()}")], 0, 0
    if not found:
        shutil.rmtree(folder, ignore_errors=True)
    return Tried(history, kills, injected, found, folder if found else None)


def shrink(tried: Tried, library: Path, limit_s: float) -> History:
    """Return the shortest history in which findings of the same kinds come up again."""
    kinds, numbers = {finding.kind for finding in tried.findings}, count()

    def fails(history: History) -> bool:
        folder = Path(f"{tried.folder}-shrink{next(numbers)}")
        found = try_once(history, folder, library).findings
        shutil.rmtree(folder, ignore_errors=True)
        return bool(kinds & {finding.kind for finding in found})

    return shrunk(tried.history, fails, limit_s)


def say(text: str) -> None:
    """Print something at once."""
    print(text, flush=True)  # noqa: T201


def tell(tried: Tried, steps: int) -> None:
    """Print a failure: seed and history, what was found, and where the folder is. steps: as they were drawn."""
    again = f"script/torture --only {tried.history.world} --seed {tried.history.seed} --steps {steps} --one"
    found = (f"  FOUND {finding}" for finding in tried.findings)
    say("\n".join([str(tried.history), *found, f"  kept in {tried.folder}", f"  once more: {again}"]))


def upcoming(options: argparse.Namespace) -> Iterator[History]:
    """Return the histories to play, without an end unless it is only one."""
    worlds = [options.only] if options.only else list(USUAL)
    if options.sweep:
        yield from (history for call in count(options.seed or 1) for each in worlds for history in deaths(each, call))
    for seed in [options.seed] if options.one else count(options.seed):
        yield from (random_history(world, seed, TROUBLES.get(world, ()), options.steps) for world in worlds)


def run_for(options: argparse.Namespace, folder: Path, library: Path) -> Counts:
    """Play histories, `options.jobs` at once, until the time is over; return what came of them."""
    end, counts, numbers = time.monotonic() + options.minutes * 60, Counts(), count(1)
    histories = upcoming(options)
    with ProcessPoolExecutor(options.jobs) as pool:
        going: set[Future[Tried]] = set()
        while True:
            while len(going) < options.jobs and time.monotonic() < end:
                history = next(histories, None)
                if history is None:
                    end = 0.0
                else:
                    name = f"{history.world}-{history.seed}-{next(numbers)}"
                    going.add(pool.submit(try_once, history, folder / name, library))
            if not going:
                return counts
            done, going = wait(going, return_when=FIRST_COMPLETED)
            for tried in (future.result() for future in done):
                counts.add(tried.history, tried.kills, tried.injected, tried.findings)
                if tried.findings:
                    tell(tried, options.steps)
                    if options.shrink:
                        shortest = pool.submit(shrink, tried, library, options.shrink).result()
                        say(f"  the shortest that fails so:\n{shortest}")
                if options.sweep and not tried.kills:
                    end = 0.0


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser("script/torture", description=__doc__)
    parser.add_argument("minutes", nargs="?", type=float, default=10, metavar="MINUTES", help="(10)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="the first seed; each history has its own (0)")
    parser.add_argument("--only", choices=WORLDS, help="this world instead of all but Slurm")
    parser.add_argument("--one", action="store_true", help="only the history of that seed and world")
    parser.add_argument(
        "--sweep",
        action="store_true",
        help="instead of random histories: a small search dies at each change of its folder, from the N-th on, in turn",
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="histories at once (1)")
    parser.add_argument("--steps", type=int, default=10, metavar="N", help="most steps that are drawn (10)")
    parser.add_argument("--shrink", type=float, default=120, metavar="S", help="most seconds to shrink a failure (120)")
    parser.add_argument("--dir", type=Path, metavar="DIR", help="where what failed is kept (a temporary folder)")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Torture searches; return 0 if nothing was found, 1 if something was, 2 if nothing could be tried."""
    options = arguments(words)
    # nohup and background jobs of a shell ignore these; searches have to notice them.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    compileall.compile_dir(ROOT / "hpsearch", quiet=2)
    folder = options.dir or Path(tempfile.mkdtemp(prefix="torture-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        library = build_library(folder)
    except NoCompilerError as error:
        say(f"script/torture: {error}")
        return 2
    counts = run_for(options, folder, library)
    say("\n".join(counts.lines()))
    (folder / "faults.so").unlink()
    if not any(kinds.total() for kinds in counts.found.values()):
        shutil.rmtree(folder, ignore_errors=True)
        return 0
    return 1
