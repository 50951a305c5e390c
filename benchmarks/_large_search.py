"""A search with very many runs: its folder as hpsearch leaves it, written by its own store without starting a run."""

from __future__ import annotations

import itertools
import os
import socket
import sys
from pathlib import Path

from _measure import ROOT

sys.path.insert(0, str(ROOT))
from hpsearch.config.grid_module import config_for
from hpsearch.config.options import SearchOptions
from hpsearch.config.written_options import recorded
from hpsearch.core.model import Run
from hpsearch.folder.liveness import lock_ways, this_controller
from hpsearch.journal.events import (
    AttemptEnded,
    AttemptIntended,
    AttemptSubmitted,
    ControllerStarted,
    Event,
    RunCollected,
)
from hpsearch.journal.settings import Settings
from hpsearch.search.plan import make_plan
from hpsearch.store.layout import SearchFolder
from hpsearch.store.new_folder import new_search
from hpsearch.store.run_folders import put_files_in_place

#: The script of these searches: every run with this seed fails.
FAILING_SEED = 7
SCRIPT = f"""\
#!/bin/sh
for word; do
    case $word in --out_dir=*) out=${{word#*=}};; --seed=*) seed=${{word#*=}};; --lr=*) lr=${{word#*=}};; esac
done
mkdir -p "$out"
[ "$seed" != {FAILING_SEED} ] || {{ echo "no convergence" >&2; exit 3; }}
printf 'acc 0.%s%s\\nfinished 1\\n' "${{lr#*.}}" "$seed" >"$out/summary.txt"
"""
#: 100 configurations; the number of seeds makes the search as large as is asked for.
LR = tuple(round(0.001 * step, 3) for step in range(1, 11))
UNITS = tuple(16 * step for step in range(1, 11))
#: When the search began, in seconds since the epoch.
AT = 1_767_323_045.5
#: How many runs' events are written at once.
_BATCH = 500


def grid_text(count: int) -> str:
    """Return the grid of a search with this many runs, as Python source. count: a multiple of 100."""
    return f"{{'lr': {list(LR)}, 'units': {list(UNITS)}, 'seed': list(range({count // 100}))}}"


def write_search(path: Path, count: int, ended: int, has_folders: bool = False, fails: bool = False) -> None:
    """Write the folder of a search of `count` runs that stopped after `ended` of them; if `fails`, 1 % of these failed.

    path: the folder, in a project made by `scratch_project`. has_folders: whether to write the folders of ended runs.
    """
    options = SearchOptions(
        grid_module="config",
        run_cwd=str(path.parent),
        out_dir=path.name,
        force_out_dir=True,
        visible_gpus="-1",
        deterministic_search=True,
    )
    sys.path.insert(0, str(path.parent))
    try:
        plan = make_plan(config_for(options, None, path.parent), options, [str(path.parent)], lambda: AT)
    finally:
        sys.path.remove(str(path.parent))
        sys.modules.pop("config", None)
    with new_search(plan, this_controller(), lock_ways(print)) as (search, _):
        search.note(ControllerStarted(socket.gethostname(), os.getpid(), AT, recorded(options)))
        runs = plan.runs()
        while batch := list(itertools.islice(runs, min(_BATCH, ended))):
            ended -= len(batch)
            search.note(*itertools.chain.from_iterable(events_of(run, fails) for run in batch))
            for run in batch if has_folders else ():
                _write_folder(search.folder, run, plan.settings, fails)
        search.finish()


def _fails(run: Run, fails: bool) -> bool:
    return fails and run.configuration.as_dict()["seed"] == FAILING_SEED


def events_of(run: Run, fails: bool) -> list[Event]:
    """Return the events of one run, from its start to its end."""
    token, at, host = f"{run.folder}.1.{run.number:06x}", AT + run.number, socket.gethostname()
    job = f"{100_000 + run.number}@{2_000_000 + run.number}.f007164c.4026531836.4026531838"
    is_failed = _fails(run, fails)
    ended = AttemptEnded(run.number, token, 3 if is_failed else 0, at + 0.9, "", "exit status 3" if is_failed else "")
    if is_failed:
        problem, cause = "exit status 3; there is no summary file", "no convergence (exit status 3)"
        collected = RunCollected(run.number, token, "failed", at + 0.95, None, problem, cause)
    else:
        summary = {"acc": [_acc(run)], "finished": ["1"]}
        collected = RunCollected(run.number, token, "finished", at + 0.95, summary)
    return [
        AttemptIntended(run.number, token, at),
        AttemptSubmitted(run.number, token, job, host, at + 0.001, waited_s=0.011),
        ended,
        collected,
    ]


def _acc(run: Run) -> str:
    options = run.configuration.as_dict()
    return f"0.{str(options['lr']).partition('.')[2]}{options['seed']}"


def _write_folder(folder: SearchFolder, run: Run, settings: Settings, fails: bool) -> None:
    """Write the files of a run and its controller: summary, command and two logs."""
    is_failed, own = _fails(run, fails), f"{folder.path}/{run.folder}"
    os.mkdir(own)  # noqa: PTH102  (a Path would take longer than the folder)
    put_files_in_place(own, [], run, settings)
    texts = {f"job_{run.folder}.out": "", f"job_{run.folder}.err": "no convergence\n" if is_failed else ""}
    if not is_failed:
        texts["summary.txt"] = f"acc {_acc(run)}\nfinished 1\n"
    for name, text in texts.items():
        with open(f"{own}/{name}", "w") as file:  # noqa: PTH123
            file.write(text)
