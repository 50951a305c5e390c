"""Contents of reports for tests of the page, as hpsearch/report/content.py makes them of real searches.

`small_content` is a search of 36 runs with something for every view. `content_of` makes one of any columns, and
`large_content` one of many runs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

#: A cell of a column; numbers that JSON cannot hold are the words "nan", "inf" and "-inf".
Cell = float | str | None | list[float | str]
#: A column with more distinct values than this lists its cells.
MOST_VALUES = 64
STARTED = 1_764_000_000.0
STATES = ["finished", "failed", "out of memory", "running", "cancelled", "planned", "stopped early"]
FINISHED, FAILED, OUT_OF_MEMORY, RUNNING, CANCELLED, PLANNED, STOPPED = range(7)
LOG_OF_17 = """\
epoch 3: loss 0.412
Traceback (most recent call last):
  File "train.py", line 57, in <module>
    main()
RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB
"""
LOG_OF_30 = "epoch 1: loss 2.303\nValueError: loss is nan\n"


def small_content(**changes: object) -> dict[str, object]:
    """Return the report of a search of lr (log) x units x act with 3 seeds on 2 GPUs; changes: other top-level values.

    Of its 36 runs two failed (17 for memory, 30 in its second attempt), 34 runs, 35 was cancelled, and 36 is planned.
    """
    grid = list(itertools.product([0.001, 0.01, 0.1], [32, 64], ["relu", "tanh"], [1, 2, 3]))
    states = [FINISHED] * len(grid)
    states[16], states[29], states[33:] = OUT_OF_MEMORY, FAILED, [RUNNING, CANCELLED, PLANNED]
    scores = [_score(*values) if state == FINISHED else None for values, state in zip(grid, states)]
    options = dict(zip(("lr", "units", "act", "random_seed"), map(list, zip(*grid))))
    results = {
        "acc_val": scores,
        "loss": [None if score is None else round(1.2 - score, 4) for score in scores],
        "acc_per_epoch": [None if score is None else _curve(score) for score in scores],
        "stopped_by": [None if score is None else "patience" if score > 0.9 else "epochs" for score in scores],
    }
    content = content_of({**options, "epochs": [10] * len(grid)}, results, states, log_axes=("lr",))
    content["runs"]["cause"] = [{16: 0, 29: 1}.get(run) for run in range(len(grid))]
    content["runs"]["attempts"][29] = 2
    content |= {
        "causes": ["RuntimeError: CUDA out of memory", "ValueError: loss is nan"],
        "logs": {"16": LOG_OF_17, "29": LOG_OF_30, "0": "epoch 10: loss 0.31\ndone\n"},
        "failures": [
            {"cause": "RuntimeError: CUDA out of memory", "runs": [16], "log": 16},
            {"cause": "ValueError: loss is nan", "runs": [29], "log": 29},
        ],
        "importance": {
            "key": "acc_val",
            "runs": 31,
            "method": "ped-anova",
            "complete": False,
            "shares": [["lr", 0.62], ["act", 0.21], ["units", 0.07]],
            "together": 0.1,
            "chance": None,
            "ranked": False,
            "text": "Estimated from 31 runs by PED-ANOVA, since the grid is not complete.",
        },
    }
    return content | changes


def large_content(runs: int, options: int = 12) -> dict[str, object]:
    """Return the report of a search of this size with 3 results: number, number with all digits, word."""
    cells: dict[str, list[Cell]] = {
        f"option_{number}": [_value(number, run // (number + 1)) for run in range(runs)] for number in range(options)
    }
    scores = [round(0.5 + 0.4 * math.sin(run * 0.37) * math.cos(run * 0.011), 6) for run in range(runs)]
    results = {
        "acc_val": scores,
        "loss": [1.1 - score + (run % 7) * 1e-5 for run, score in enumerate(scores)],
        "stopped_by": ["patience" if run % 3 else "epochs" for run in range(runs)],
    }
    states = [FAILED if run % 50 == 49 else FINISHED for run in range(runs)]
    return content_of(cells, results, states, seeds=())


def content_of(
    options: Mapping[str, Sequence[Cell]],
    results: Mapping[str, Sequence[Cell]],
    states: Sequence[int] | None = None,
    seeds: Sequence[str] = ("random_seed",),
    log_axes: Sequence[str] = (),
) -> dict[str, object]:
    """Return the report of one search with these columns, a cell for each run; the first result is the performance.

    states: indexes into STATES; None: all runs finished. seeds: those that are no options here are left out.
    """
    count = len(next(iter({**options, **results}.values()), []))
    states = [FINISHED] * count if states is None else list(states)
    columns = [_column(name, "option", cells, name in log_axes) for name, cells in options.items()]
    columns += [_column(name, "result", cells, False) for name, cells in results.items()]
    return {
        "made": "2026-11-28T12:30:00",
        "made_at": STARTED + 100 * count,
        "version": "1.0",
        "watch_s": None,
        "searches": [_search(states)],
        "performance": {"key": next(iter(results), ""), "larger": True},
        "seeds": [name for name in seeds if name in options],
        "columns": columns,
        **_runs(states),
        "logs": {},
        "failures": [],
        "importance": None,
        "cut": [],
    }


def _search(states: Sequence[int]) -> dict[str, object]:
    return {
        "name": "digits",
        "folder": "/home/ada/digits/out",
        "state": "running" if RUNNING in states else "ended",
        "command": "hpsearch run --grid_module=hpsearch_config --GPUs=0,1",
        "started": STARTED,
        "ended": None if RUNNING in states else STARTED + 60 * len(states),
        "counts": {STATES[state]: states.count(state) for state in dict.fromkeys(states)},
        "machine_hours": round(len(states) * 100 / 3600, 2),
        "whole": False,
        "budget": "",
        "notes": [],
        "provenance": [["commit", "3f2a9c1 (changed: 2 files)"], ["python", "3.12.3"], ["host", "node3"]],
    }


def _runs(states: Sequence[int]) -> dict[str, object]:
    """Return where and when runs ran: on two GPUs, each run 100 s long and queued for half as long."""
    runs = range(len(states))
    planned, open_ended = ([state == PLANNED for state in states], [state in (RUNNING, PLANNED) for state in states])
    started = [STARTED + 100.0 * (run // 2) for run in runs]
    submitted = [None if planned[run] else started[run] - 50 for run in runs]
    ended = [None if open_ended[run] else started[run] + 95 for run in runs]
    tried = [run for run in runs if not planned[run]]
    return {
        "runs": {
            "search": [0 for _ in runs],
            "number": [run + 1 for run in runs],
            "state": list(states),
            "seconds": [None if open_ended[run] else 95.0 for run in runs],
            "submitted": submitted,
            "ended": ended,
            "place": [None if planned[run] else run % 2 for run in runs],
            "job": [None if planned[run] else str(4000 + run) for run in runs],
            "cause": [None for _ in runs],
            "folder": [f"{run + 1}_{run:04x}" for run in runs],
            "attempts": [0 if planned[run] else 1 for run in runs],
            "program": [0 for _ in runs],
            "out": [f"--out_dir=out/{run + 1}_{run:04x}" for run in runs],
        },
        "states": STATES,
        "places": ["GPU 0", "GPU 1"],
        "causes": [],
        "programs": ["python train.py"],
        "attempts": {
            "run": tried,
            "attempt": [1 for _ in tried],
            "slot": [run % 2 for run in tried],
            "submitted": [submitted[run] for run in tried],
            "started": [started[run] for run in tried],
            "ended": [ended[run] for run in tried],
            "state": [states[run] for run in tried],
            "queued": [True for _ in tried],
        },
        "slots": ["GPU 0", "GPU 1"],
        "away": [],
        "use": [_use(len(tried))],
    }


def _use(count: int) -> dict[str, object] | None:
    """Return how two slots were used by this number of attempts."""
    if not count:
        return None
    times = {"from": STARTED, "to": STARTED + 50 * count, "busy_s": 95 * count, "away_s": 0, "idle_s": 5 * count}
    return {"search": 0, "kind": "jobs", "slots": min(count, 2), **times}


def _column(name: str, role: str, cells: Sequence[Cell], log: bool) -> dict[str, object]:
    """Return a column as the page reads it: values and codes where few are distinct, else all cells."""
    known = [cell for cell in cells if cell is not None]
    lists = any(isinstance(cell, list) for cell in known)
    number = all(isinstance(cell, int | float) or cell in ("nan", "inf", "-inf") for cell in known)
    column = {"name": name, "role": role, "kind": "list" if lists else "number" if number else "word", "log": log}
    distinct = [] if lists else list(dict.fromkeys(known))
    if kept := not lists and len(distinct) <= MOST_VALUES:
        distinct = sorted(distinct, key=float) if number else distinct
        places = {value: place for place, value in enumerate(distinct)}
        column |= {"values": distinct, "codes": [places.get(cell) for cell in cells]}
    else:
        column["cells"] = list(cells)
    column["varies"] = lists or len(distinct) + (None in cells) > 1
    if role == "option":
        written = distinct if kept else cells
        column["words"] = ["" if value is None else f"--{name}={value}" for value in written]
    return column


def _score(lr: float, units: int, act: str, seed: int) -> float:
    """Return a validation accuracy: best at lr 0.01, better with more units and relu, spread by seed."""
    score = {0.001: 0.81, 0.01: 0.93, 0.1: 0.72}[lr] + (units == 64) * 0.02 + (act == "relu") * 0.03
    return round(score + (seed - 2) * 0.004 + units * lr * 1e-4, 4)


def _curve(score: float) -> list[float | str]:
    return [round(score * (1 - 0.5 ** (epoch + 1)), 4) for epoch in range(10)]


def _value(option: int, step: int) -> Cell:
    """Return a value of an option of a large search: every third is a word, every third of the rest has many values."""
    if option % 3 == 2:
        return ("relu", "tanh", "gelu", "selu")[step % 4]
    return 10.0 ** -(1 + step % 5) if option % 3 == 0 else 8 * (1 + step % 6)


def strange_contents() -> dict[str, dict[str, object]]:
    """Return contents of unusual searches: what is strange -> report."""
    row = list(range(12))
    forty = {f"option_{number}": [(number + run) % 3 for run in row] for number in range(40)}
    odd = ["nan", "inf", "-inf", 1e300, -1e-300, None, 0, -0.0, 1e15, 0.1, None, 3]
    lists = [[], ["nan", 1], None, [1], [2, "inf", None], list(range(300)), *[[run, 1.5] for run in row[6:]]]
    words = ["a,b", " ", "", "None", "nan", "true", "0.10", "1e-05", "x" * 300, "\u00e4\u00f6", "a b", None]
    several = content_of({"lr": [0.1, 0.2] * 6, "random_seed": [1, 1, 2, 2] * 3}, {"acc": [0.5 + run for run in row]})
    several["runs"]["search"] = [run % 3 for run in row]
    several["searches"] = [{**several["searches"][0], "name": f"out/{name}"} for name in ("one", "two", "three")]
    return {
        "no run": content_of({"lr": []}, {"acc": []}, seeds=()),
        "no column": content_of({}, {}, seeds=()),
        "nothing finished": content_of({"lr": [0.1, 0.2, 0.3]}, {}, [RUNNING, PLANNED, FAILED], seeds=()),
        "one run": content_of({"lr": [0.1]}, {"acc": [0.5]}, seeds=()),
        "one option": content_of({"lr": row}, {"acc": [run / 7 for run in row]}, seeds=()),
        "only seeds": content_of({"random_seed": row}, {"acc": [run / 7 for run in row]}),
        "no option": content_of({}, {"acc": [run / 7 for run in row]}, seeds=()),
        "equal results": content_of({"lr": row, "act": ["a", "b"] * 6}, {"acc": [0.5 for _ in row]}, seeds=()),
        "forty options": content_of(forty, {"acc": [run / 7 for run in row]}, seeds=()),
        "odd numbers": content_of({"lr": odd, "layers": lists, "word": words}, {"acc": odd, "curve": lists}, seeds=()),
        "words as result": content_of({"lr": row}, {"verdict": words}, seeds=()),
        "several searches": several,
    }
