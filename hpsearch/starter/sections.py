"""Which of a script's options a first grid tries, with which values; and which one is the output option."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from enum import Enum

from hpsearch.starter.script_options import Kind, Option
from hpsearch.starter.seed_names import is_seed
from hpsearch.startup.classes import dataclass

#: Names of output options, the surest first.
_OUT_NAMES = (
    *("out_dir", "output_dir", "outdir", "output_folder", "out_folder", "outputs_dir", "outputdir", "out_path"),
    *("output_path", "result_dir", "results_dir", "result_folder", "results_folder", "result_path", "results_path"),
    *("save_dir", "savedir", "save_folder", "save_path", "exp_dir", "experiment_dir", "run_dir", "job_dir"),
    *("work_dir", "workdir", "log_dir", "logdir", "logging_dir", "default_root_dir", "model_dir", "checkpoint_dir"),
    *("ckpt_dir", "train_dir", "out", "output", "outputs", "results", "save", "save_to", "dest_dir", "snapshot_dir"),
)
#: Words in names of options that say where and how a script works, not what it learns.
_WORKING_WORDS = frozenset(
    "config cfg conf configfile path paths dir dirs directory folder file files filename root data dataroot datadir "
    "cache checkpoint checkpoints ckpt ckpts resume restore load save saving log logs logging logdir logger wandb "
    "tensorboard tb mlflow comet neptune verbose verbosity debug quiet silent print printing progress worker workers "
    "gpu gpus gpuid cuda device devices cpu cpus mps rank port host url addr address dist distributed ddp backend "
    "dry eval evaluate evaluation test validate predict inference interval freq frequency plot plots show visualize "
    "viz profile profiler project entity tag tags notes id name names exp experiment download force overwrite "
    "threads nproc procs processes jobs deterministic benchmark pin seedless version export onnx ema_dir world xpu "
    "tpu accel accelerator fast smoke demo interactive no_save offline online".split()
)
#: The most runs of a first grid.
_MOST_RUNS = 48
_MOST_CHOICES = 12


class Section(Enum):
    """Where an option goes in a grid module."""

    GRID = "in the grid"
    WORKING = "commented out: it says where or how the script works"
    SEED = "commented out: a seed"
    UNSURE = "commented out: no value is known"
    NOWHERE = "a grid cannot give it"


@dataclass(frozen=True)
class GridEntry:
    """An option with its section of a grid module. values: values to try. more: further suggestions.

    must_change: the value is a stand-in for one that only the user knows.
    """

    option: Option
    section: Section
    values: tuple[object, ...] = ()
    more: tuple[object, ...] = ()
    must_change: bool = False


def output_option(options: Sequence[Option]) -> str | None:
    """Return the option that takes the output folder, by its name; None if no name fits."""
    names = {_plain(option.name): option.name for option in options if option.kind in (Kind.TEXT,)}
    return next((names[name] for name in _OUT_NAMES if name in names), None)


def _plain(name: str) -> str:
    return name.lower().replace("-", "_").replace(".", "_")


def chosen(options: Sequence[Option], out_arg: str | None) -> list[GridEntry]:
    """Return the entries of a grid of at most 48 runs, one for each option but the output option."""
    entries = [_entry(option) for option in options if option.name != out_arg]
    if not any(entry.section is Section.GRID for entry in entries):
        entries = _with_one_tried(entries)
    return _limited(entries)


def _entry(option: Option) -> GridEntry:
    section, values, more = _section(option), _values(option), suggestions(option)
    if section is Section.GRID and not values:
        standing_in = {Kind.INTEGER: 1, Kind.FLOAT: 0.1}.get(option.kind, "CHANGE")
        return GridEntry(option, section, (standing_in,), must_change=True)
    return GridEntry(option, section, values, more)


def _section(option: Option) -> Section:
    if option.kind in (Kind.SEVERAL, Kind.ANY_TRUTH):
        return Section.NOWHERE
    if option.is_required:
        return Section.GRID
    if is_seed(option.name):
        return Section.SEED
    if option.is_exclusive or _is_about_working(option):
        return Section.WORKING
    if option.kind is Kind.TEXT and not option.choices and option.default in (None, ""):
        return Section.UNSURE
    return Section.GRID if _values(option) else Section.UNSURE


def _is_about_working(option: Option) -> bool:
    words = re.split(r"[_\-.]", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", option.name).lower())
    is_path = isinstance(option.default, str) and option.default.startswith(("/", "./", "~", "../"))
    negated = words[0] == "no" or (option.kind is Kind.FLAG and words[0] in ("use", "with"))
    return is_path or bool(set(words[1:] if negated else words) & _WORKING_WORDS)


def _values(option: Option) -> tuple[object, ...]:
    if option.kind is Kind.FLAG:
        return (False, True)
    if option.kind is Kind.TRUTH:
        return ("False", "True")
    if option.choices:
        return option.choices
    return () if option.default is None else (option.default,)


def suggestions(option: Option) -> tuple[object, ...]:
    """Return values around a number's default, in ascending order; empty if there is nothing to suggest."""
    number = option.default
    if option.choices or option.kind not in (Kind.INTEGER, Kind.FLOAT):
        return ()
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0 <= number < math.inf:
        return ()
    if option.kind is Kind.INTEGER or isinstance(number, int):
        return (number // 2, number, number * 2) if number > 1 else (0, 1, 2)[: 2 + round(number)]
    return tuple(float(f"{value:.3g}") for value in _around(number))


def _around(number: float) -> tuple[float, ...]:
    if number == 0:
        return (number, 0.1)
    if number <= 0.1:
        return (number / 10, number, number * 10)
    if number < 1:
        return (number / 2, number, (1 + number) / 2)
    return (number / 2, number, number * 2)


def _with_one_tried(entries: list[GridEntry]) -> list[GridEntry]:
    """Move the likeliest entry into the grid, which must not be empty."""
    order = (Section.SEED, Section.WORKING)
    ready = [entry for section in order for entry in entries if entry.section is section and entry.values]
    best = next(iter(ready), None)
    return [
        GridEntry(entry.option, Section.GRID, entry.values, entry.more) if entry is best else entry for entry in entries
    ]


def _limited(entries: Sequence[GridEntry]) -> list[GridEntry]:
    """Give entries lists of values while the grid stays small; then only the default, or none."""
    limited, runs = [], 1
    for entry in entries:
        count = len(entry.values) if entry.section is Section.GRID else 1
        if count > 1 and (runs * count > _MOST_RUNS or count > _MOST_CHOICES):
            entry, count = _shortened(entry), 1
        runs *= count
        limited.append(entry)
    return limited


def _shortened(entry: GridEntry) -> GridEntry:
    option = entry.option
    if option.kind is Kind.FLAG:
        return GridEntry(option, Section.WORKING, entry.values)
    first = option.default if option.default in entry.values else entry.values[0]
    return GridEntry(option, Section.GRID, (first,), entry.values)
