"""The options of a search, in the parser of a command or in one of the user's own."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from hpsearch.config.options import DEFAULT_OUT_DIR, SearchOptions, all_options
from hpsearch.startup.classes import Field

Parser = argparse.ArgumentParser | argparse._ArgumentGroup

_LATE = "--hpsearch_options"


def add_options(
    parser: Parser,
    defaults: Mapping[str, object] | None,
    leave_out: Sequence[str] = (),
    of: type = SearchOptions,
    hidden: Sequence[str] = (),
) -> None:
    """Add the options of a command to a parser; its Namespace has only those that are given, see `given_options`.

    defaults: option name -> default instead of the declared one, for the help; None: the help shows no defaults.
    leave_out: names of options that are not added. hidden: names of options that the help does not show.
    """
    for name, field in all_options(of).items():
        if name not in leave_out:
            action = _add(parser, field, defaults, fills_in=False)
            action.help = argparse.SUPPRESS if name in hidden else action.help


def _add(target: Parser, field: Field[Any], defaults: Mapping[str, object] | None, fills_in: bool) -> argparse.Action:
    """Add an option, to a titled group where the target can hold groups. fills_in: the Namespace has defaults, too."""
    default = None if defaults is None else defaults.get(field.name, field.default)
    arguments: dict[str, Any] = dict(field.metadata["arguments"])  # Any: argparse's own keywords
    text, title = field.metadata["help"], field.metadata["group"]
    if isinstance(field.default, bool):
        arguments["action"] = "store_true"
    elif default not in (None, "", ()):
        shown = "the current folder" if default == "." else str(default).replace("%", "%%")
        text += f" Default: {shown}."
    # argparse appends to a copy of the default, which must be a list for that.
    filled = list(default) if isinstance(default, tuple) else default
    arguments["default"] = filled if fills_in else argparse.SUPPRESS
    if isinstance(target, argparse.ArgumentParser):
        groups = [group for group in target._action_groups if group.title == title]
        target = groups[-1] if groups else target.add_argument_group(title)
    return target.add_argument(f"--{field.name}", help=text, **arguments)


def _add_free(target: Parser, names: Sequence[str], defaults: Mapping[str, object]) -> None:
    """Add the options whose names the parser does not use yet; defaults that the parser sets for them count."""
    taken = {action.dest for action in target._actions}
    for name in names:
        if name not in taken and f"--{name}" not in target._option_string_actions:
            _add(target, all_options()[name], {**defaults, **target._defaults}, fills_in=True)


#: The options of the older tool. All others give way to a user's own options of the same name.
_CLASSIC = (
    *("deterministic_search", "num_searches", "out_dir", "force_out_dir", "dont_force_new_dir", "grid_module"),
    *("grid_config", "dont_generate_full_grid", "run_cwd", "run_cluster", "scheduler", "num_jobs", "num_hours"),
    *("resources", "slurm_mem", "slurm_gres", "slurm_partition", "slurm_qos", "slurm_constraint", "visible_gpus"),
    *("allowed_load", "allowed_memory", "sim_startup_time", "max_num_jobs_per_gpu", "random_seed"),
)


class _Latecomers(argparse.Action):
    """Adds options when their parser is first used, except those whose names its owner has taken by then.

    It is no option itself: argparse asks each action of a parser for its default before parsing, and for its help
    before showing it. Parsers and their groups have no other hook in common.
    """

    add_options: Callable[[], None] | None = None

    def __call__(self, *_: object) -> None:
        """Never given."""

    def __getattribute__(self, name: str) -> Any:  # Any: an attribute of any type
        if name in ("default", "help"):
            self._add()
        return super().__getattribute__(name)

    def __setattr__(self, name: str, value: object) -> None:
        if name == "container" and self.add_options is not None:
            # Another parser has this one among its `parents`, and takes over its actions now.
            self._add()
        super().__setattr__(name, value)

    def _add(self) -> None:
        add_options, self.add_options = self.add_options, None
        if add_options is not None:
            add_options()


def hpsearch_cli_arguments(
    parser: Parser,
    show_num_searches: bool = True,
    show_out_dir: bool = True,
    dout_dir: str = DEFAULT_OUT_DIR,
    show_grid_module: bool = True,
    default_grid: str = "",
) -> None:
    """Add the options of a search to any argparse parser or group.

    Options that the older tool lacked leave their names to the parser's owner, who may use them before or after this
    call. default_grid: default of ``--grid_module``.
    """
    shown = {
        "num_searches": show_num_searches,
        **dict.fromkeys(("out_dir", "force_out_dir", "dont_force_new_dir"), show_out_dir),
        **dict.fromkeys(("grid_module", "grid_config"), show_grid_module),
    }
    defaults = {"out_dir": dout_dir, "grid_module": default_grid}
    for name, field in all_options().items():
        if name in _CLASSIC and shown.get(name, True):
            _add(parser, field, defaults, fills_in=True)
    late = parser.add_argument(_LATE, action=_Latecomers, nargs=0, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    del parser._option_string_actions[_LATE]
    assert isinstance(late, _Latecomers)
    late.add_options = partial(_add_free, parser, [name for name in all_options() if name not in _CLASSIC], defaults)
