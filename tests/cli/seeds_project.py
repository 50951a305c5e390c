"""A project whose script takes a random seed and pickles its options, as real simulations do."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from project import Project, Result

#: Leaves ``config.pickle``; its accuracy is 10 * lr + seed / 100, so that the best run has the largest lr.
SEEDS_SCRIPT = """\
import argparse, os, pickle, sys, time
parser = argparse.ArgumentParser()
parser.add_argument("--out_dir")
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--name", default="plain")
parser.add_argument("--flag", action="store_true")
parser.add_argument("--unset")
parser.add_argument("--sleep", type=float, default=0)
parser.add_argument("--until")
parser.add_argument("--random_seed", type=int, default=42)
parser.add_argument("--data_random_seed", type=int, default=42)
config = parser.parse_args()
os.makedirs(config.out_dir)
with open(os.path.join(config.out_dir, "config.pickle"), "wb") as file:
    pickle.dump(config, file)
time.sleep(config.sleep)
while config.until and not os.path.exists(config.until):
    time.sleep(0.02)
with open(os.path.join(config.out_dir, "summary.txt"), "w") as file:
    acc = 10 * config.lr + config.random_seed / 100
    file.write("acc %s\\nword adam\\nfinished %d\\n" % (acc, "fails" not in config.name or config.random_seed != 1))
"""
#: The same without ``config.pickle``.
COMMAND_SCRIPT = SEEDS_SCRIPT.replace("    pickle.dump(config, file)\n", "    pass\nos.remove(file.name)\n")
KEYWORDS = ("acc", "word", "finished")


def seeds_project(project: Project, grid: dict[str, list[object]] | None = None, script: str = SEEDS_SCRIPT) -> Path:
    """Write the project and run a search in it; return the search folder."""
    project.grid(grid or {"lr": [0.2, 0.5, 0.3], "random_seed": [42]}, script=script, keywords=KEYWORDS)
    return project.search("--out_dir=out/search", "--force_out_dir", "--deterministic_search").folder


def seeds_argv(*options: str) -> list[str]:
    """The command that gathers seeds, in the foreground."""
    return [sys.executable, "-m", "hpsearch.gather_random_seeds", "--visible_gpus=-1", *options]


def gather(project: Project, *options: str) -> Result:
    """Gather seeds, which has to succeed."""
    result = project.command(seeds_argv(*options))
    assert result.exit_status == 0, result.stderr
    return result


def summary_of(result: Result) -> list[str]:
    """Return the lines of the summary, named on the last line of standard output."""
    return Path(result.stdout.splitlines()[-1]).read_text().splitlines()


def commands_in(folder: Path) -> list[list[str]]:
    """Return the options of all commands of a search, without the output option."""
    lines = (folder / "commands_wo_dirs.sh").read_text().splitlines()
    return [shlex.split(line)[2:] for line in lines if not line.startswith("#")]


def seeds_of(commands: Sequence[Sequence[str]]) -> list[str]:
    """Return the seeds in some commands."""
    return [word.partition("=")[2] for words in commands for word in words if word.startswith("--random_seed=")]
