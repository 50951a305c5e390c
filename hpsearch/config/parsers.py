"""Parsers of the commands, and the options of a search in them or in a parser of the user's own."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import Field
from typing import Any

from hpsearch.config.options import DEFAULT_OUT_DIR, SearchOptions, all_options

Parser = argparse.ArgumentParser | argparse._ArgumentGroup

_HELP_WIDTH = 78
_OUT_DIR_OPTIONS = ("out_dir", "force_out_dir", "dont_force_new_dir")
_GRID_OPTIONS = ("grid_module", "grid_config")
_LATE = "--hpsearch_options"


class ExampleFormatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the line breaks of the examples, and leaves room for long option names."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30)


def folder_parser(name: str, description: str, example: str, nargs: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of ``hpsearch NAME DIR ...``.

    example: one or more lines for the end of its help. nargs: how many folders, as argparse says it; None = one.
    """
    filled = textwrap.fill(description, _HELP_WIDTH)
    parser = argparse.ArgumentParser(
        prog=f"hpsearch {name}", description=filled, epilog=example, formatter_class=ExampleFormatter
    )
    parser.add_argument(
        "folder", metavar="DIR", nargs=nargs, help="The search folder: the one that holds search_results.csv."
    )
    return parser


def add_options(
    parser: Parser,
    defaults: Mapping[str, object] | None,
    leave_out: Sequence[str] = (),
    of: type = SearchOptions,
) -> None:
    """Add the options of a command to a parser; its Namespace has only those that are given, see `given_options`.

    defaults: option name -> default instead of the declared one, for the help; None: the help shows no defaults.
    leave_out: names of options that are not added.
    """
    adder = _Adder(parser, defaults, fills_in=False)
    for name, field in all_options(of).items():
        if name not in leave_out:
            adder.add(field)


class _Adder:
    """Adds options to a parser in titled groups, or to a group of one, which can hold no groups."""

    def __init__(self, target: Parser, defaults: Mapping[str, object] | None, fills_in: bool) -> None:
        """fills_in: the Namespace has the defaults, too. See `add_options`."""
        self._target, self._defaults, self._fills_in = target, defaults, fills_in
        self._groups: dict[str, Parser] = {}

    def add(self, field: Field[Any]) -> None:  # Any: of the option's type
        """Add an option."""
        default = None if self._defaults is None else self._defaults.get(field.name, field.default)
        arguments: dict[str, Any] = dict(field.metadata["arguments"])  # Any: argparse's own keywords
        text = field.metadata["help"]
        if isinstance(field.default, bool):
            arguments["action"] = "store_true"
        elif default not in (None, "", ()):
            shown = "the current folder" if default == "." else str(default).replace("%", "%%")
            text += f" Default: {shown}."
        # argparse adds to a copy of the default, which has to be a list for that.
        filled = list(default) if isinstance(default, tuple) else default
        arguments["default"] = filled if self._fills_in else argparse.SUPPRESS
        self._group(field.metadata["group"]).add_argument(f"--{field.name}", help=text, **arguments)

    def add_free(self, names: Sequence[str]) -> None:
        """Add those options whose names the parser does not use otherwise; what it sets as their defaults counts."""
        taken = {action.dest for action in self._target._actions}
        self._defaults = {**(self._defaults or {}), **self._target._defaults}
        for name in names:
            if name not in taken and f"--{name}" not in self._target._option_string_actions:
                self.add(all_options()[name])

    def _group(self, title: str) -> Parser:
        if not isinstance(self._target, argparse.ArgumentParser):
            return self._target
        if title not in self._groups:
            self._groups[title] = self._target.add_argument_group(title)
        return self._groups[title]


#: The options of the older tool. All others have to leave their names to a user's parser that has its own use for them.
_CLASSIC = (
    *("deterministic_search", "num_searches", "out_dir", "force_out_dir", "dont_force_new_dir", "grid_module"),
    *("grid_config", "dont_generate_full_grid", "run_cwd", "run_cluster", "scheduler", "num_jobs", "num_hours"),
    *("resources", "slurm_mem", "slurm_gres", "slurm_partition", "slurm_qos", "slurm_constraint", "visible_gpus"),
    *("allowed_load", "allowed_memory", "sim_startup_time", "max_num_jobs_per_gpu", "random_seed"),
)


class _Latecomers(argparse.Action):
    """Adds options when their parser is first used, but for names that its owner has taken by then.

    No option itself: argparse asks each action of a parser for its default before parsing, and for its help before
    showing it. Parsers and their groups have no other moment in common.
    """

    adder: _Adder | None = None
    names: Sequence[str] = ()

    def __call__(self, *_: object) -> None:
        """Never given."""

    def __getattribute__(self, name: str) -> Any:  # Any: an attribute of any type
        if name in ("default", "help"):
            self._add()
        return super().__getattribute__(name)

    def __setattr__(self, name: str, value: object) -> None:
        if name == "container" and self.adder is not None:
            # The parser is a parent of another one, which gets its actions now.
            self._add()
        super().__setattr__(name, value)

    def _add(self) -> None:
        adder, self.adder = self.adder, None
        if adder is not None:
            adder.add_free(self.names)


def hpsearch_cli_arguments(
    parser: Parser,
    show_num_searches: bool = True,
    show_out_dir: bool = True,
    dout_dir: str = DEFAULT_OUT_DIR,
    show_grid_module: bool = True,
    default_grid: str = "",
) -> None:
    """Add the options of a search to any argparse parser or group.

    Those that the older tool did not have leave their names to the parser's owner, who may use them before or after
    this call. default_grid: default of ``--grid_module``.
    """
    hidden = [
        *(() if show_num_searches else ("num_searches",)),
        *(() if show_out_dir else _OUT_DIR_OPTIONS),
        *(() if show_grid_module else _GRID_OPTIONS),
    ]
    adder = _Adder(parser, {"out_dir": dout_dir, "grid_module": default_grid}, fills_in=True)
    for name, field in all_options().items():
        if name in _CLASSIC and name not in hidden:
            adder.add(field)
    late = parser.add_argument(_LATE, action=_Latecomers, nargs=0, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    del parser._option_string_actions[_LATE]
    assert isinstance(late, _Latecomers)
    late.adder, late.names = adder, [name for name in all_options() if name not in _CLASSIC]
