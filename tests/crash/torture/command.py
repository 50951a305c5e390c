"""The command `script/torture`: histories from one seed, until the time is over; a failure is shrunk and kept."""

from __future__ import annotations

import argparse
import compileall
import shutil
import signal
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from itertools import count
from pathlib import Path

from project import ROOT

from .counts import Counts
from .faults import NoCompilerError, build_library
from .history import History, deaths, random_history
from .shrink import shrunk
from .tries import ENDING, Interrupted, Tried, interrupt, played
from .worlds import TROUBLES, USUAL, WORLDS


def shrink(tried: Tried, library: Path, jobs: int, limit_s: float) -> History:
    """Return the shortest history in which findings of the same kinds come up again."""
    kinds, numbers = {finding.kind for finding in tried.findings}, count()

    def failing(histories: Sequence[History], stop_at: float) -> History | None:
        folders = [Path(f"{tried.folder}-shrink{next(numbers)}") for _ in histories]
        with closing(played(zip(histories, folders), library, jobs, stop_at, stop_at)) as shorter:
            failed = (each.history for each in shorter if kinds & {finding.kind for finding in each.findings})
            first = next(failed, None)
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        return first

    return shrunk(tried.history, tried.suspects, failing, limit_s)


def say(text: str) -> None:
    """Print something at once."""
    print(text, flush=True)  # noqa: T201


def tell(tried: Tried, steps: int) -> None:
    """Print a failure: seed and history, what was found, and where the folder is. steps: as they were drawn."""
    again = f"script/torture --only {tried.history.world} --seed {tried.history.seed} --steps {steps} --one"
    found = (f"  FOUND {finding}" for finding in tried.findings)
    say("\n".join([str(tried.history), *found, f"  kept in {tried.folder}", f"  once more: {again}"]))


def upcoming(options: argparse.Namespace) -> Generator[History, None, None]:
    """Return the histories to play, without an end unless it is only one."""
    worlds = [options.only] if options.only else list(USUAL)
    if options.sweep:
        yield from (history for call in count(options.seed or 1) for each in worlds for history in deaths(each, call))
    for seed in [options.seed] if options.one else count(options.seed):
        yield from (random_history(world, seed, TROUBLES.get(world, ()), options.steps) for world in worlds)


def run_for(options: argparse.Namespace, folder: Path, library: Path, counts: Counts) -> None:
    """Play histories, `options.jobs` at once, until the time is over; count what came of them."""
    histories, numbers = upcoming(options), count(1)
    tries = ((each, folder / f"{each.world}-{each.seed}-{next(numbers)}") for each in histories)
    last_start = time.monotonic() + options.minutes * 60
    with closing(played(tries, library, options.jobs, last_start)) as outcomes:
        for tried in outcomes:
            counts.add(tried.history, tried.kills, tried.injected, tried.findings)
            if tried.findings:
                tell(tried, options.steps)
                if options.shrink:
                    shortest = shrink(tried, library, options.jobs, options.shrink)
                    say(f"  the shortest that fails so:\n{shortest}")
            if options.sweep and not tried.kills:
                histories.close()


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
    parser.add_argument("--shrink", type=float, default=300, metavar="S", help="most seconds to shrink a failure (300)")
    parser.add_argument("--dir", type=Path, metavar="DIR", help="where what failed is kept (a temporary folder)")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Torture searches; return 0 if nothing was found, 1 if something was, 2 if nothing could be tried.

    After a signal the table tells what was tried so far, and the exit status is 128 + the signal's number.
    """
    options = arguments(words)
    # Also where nohup or a background job of a shell had them ignored: searches have to notice them.
    for number in ENDING:
        signal.signal(number, interrupt)
    folder, counts, status = options.dir or Path(tempfile.mkdtemp(prefix="torture-")), Counts(), 0
    try:
        compileall.compile_dir(ROOT / "hpsearch", quiet=2)
        folder.mkdir(parents=True, exist_ok=True)
        run_for(options, folder, build_library(folder), counts)
    except NoCompilerError as error:
        say(f"script/torture: {error}")
        return 2
    except Interrupted as error:
        status = error.status
    say("\n".join(counts.lines()))
    (folder / "faults.so").unlink(missing_ok=True)
    if not counts.has_findings:
        shutil.rmtree(folder, ignore_errors=True)
    return status or int(counts.has_findings)
