"""The names that modules written for the older tool take from `hpsearch.hpsearch`.

They describe "the" grid module of the process. A context variable holds what it says, so that two searches in one
process do not disturb each other.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from hpsearch.core.command import argv, shell_line
from hpsearch.core.errors import ConfigError, SummaryError
from hpsearch.core.model import Configuration
from hpsearch.core.summary import parse_summary

if TYPE_CHECKING:
    from hpsearch.config.grid_module import SearchConfig

_CONFIG: ContextVar[SearchConfig | None] = ContextVar("hpsearch_config", default=None)


@contextlib.contextmanager
def using_config(config: SearchConfig) -> Iterator[None]:
    """Let the old names describe this grid module within the context."""
    token = _CONFIG.set(config)
    try:
        yield
    finally:
        _CONFIG.reset(token)


def read_config(
    config_mod: ModuleType, require_perf_eval_handle: bool = False, require_argparse_handle: bool = False
) -> None:
    """Check a grid module and let the old names describe it; raises ConfigError if an attribute is missing or wrong."""
    from hpsearch.config.grid_module import config_from_module

    config = config_from_module(config_mod, config_mod.__name__, needs_grid=False)
    where = getattr(config_mod, "__file__", config_mod.__name__)
    if require_perf_eval_handle and config.performance_eval is None:
        raise ConfigError(f"{where}: _PERFORMANCE_EVAL_HANDLE is missing; expected a function")
    if require_argparse_handle and config.argparse_handle is None:
        raise ConfigError(f"{where}: _ARGPARSE_HANDLE is missing; expected a function")
    _CONFIG.set(config)


def get_performance_summary(out_dir: str, cmd_ident: int, summary_fn: str | None = None) -> dict[str, list[object]]:
    """Parse the summary file in a run's folder with the default parser.

    cmd_ident: the run's number from 0, for messages. summary_fn: name of the file, if not the module's own.
    Raises OSError if there is no such file, ValueError if a keyword is missing.
    """
    config = _known_config()
    path = Path(out_dir, summary_fn or config.settings.summary_filename)
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError as error:
        raise OSError(f"run {cmd_ident + 1} left no results: there is no file {path}") from error
    try:
        return parse_summary(text, config.settings.summary_keywords, str(path))
    except SummaryError as error:
        raise ValueError(str(error)) from error


def args_to_cmd_str(cmd_dict: Mapping[str, object], out_dir: str | None = None) -> str:
    """Return the command for a dict of options as one line for a shell."""
    from hpsearch.config.program import words_of_script

    config = _known_config()
    configuration = Configuration(tuple(cmd_dict.items()))
    program = ("python3", *words_of_script(config.script_name, Path.cwd()))
    return shell_line(argv(program, configuration, config.settings.out_arg, out_dir))


def write_slurm_script(args: argparse.Namespace, cmd_str: str, cmd_folder_name: str) -> str:
    """Write a Slurm job script for a command into the current folder; return its name.

    args: has num_hours, slurm_mem, slurm_gres, slurm_partition, slurm_qos and slurm_constraint.
    """
    from hpsearch.backends.scheduler import time_limit

    directives = {
        "job-name": cmd_folder_name,
        "output": f"{cmd_folder_name}_%j.out",
        "error": f"{cmd_folder_name}_%j.err",
        "time": f"{time_limit(args.num_hours)}:00",
        **{name: getattr(args, f"slurm_{name}") for name in ("mem", "gres", "partition", "qos", "constraint")},
    }
    lines = [f"#SBATCH --{name} {value}" for name, value in directives.items() if value]
    path = Path(f"{cmd_folder_name}_script.sh")
    path.write_text("\n".join(["#!/bin/bash", *lines, cmd_str]) + "\n", encoding="utf-8")
    return str(path)


#: What the grid module says that the old names describe; None before any was read.
current_config = _CONFIG.get


def _known_config() -> SearchConfig:
    config = current_config()
    if config is None:
        raise ConfigError("no grid module was read yet: call hpsearch._read_config(module) first")
    return config


_OLD_FUNCTIONS = (read_config, get_performance_summary, args_to_cmd_str, write_slurm_script)
#: Old attribute -> how it is read from a grid module's settings, and its value before any module was read.
_ATTRIBUTES: Mapping[str, tuple[Callable[[SearchConfig], Any], Any]] = {  # Any: the attributes differ in type
    "_SCRIPT_NAME": (lambda config: config.script_name, None),
    "_SUMMARY_FILENAME": (lambda config: config.settings.summary_filename, None),
    "_SUMMARY_KEYWORDS": (lambda config: list(config.settings.summary_keywords), None),
    "_OUT_ARG": (lambda config: config.settings.out_arg, "out_dir"),
    "_SUMMARY_PARSER_HANDLE": (lambda config: config.summary_parser or get_performance_summary, None),
    "_PERFORMANCE_EVAL_HANDLE": (lambda config: config.performance_eval, None),
    "_PERFORMANCE_KEY": (lambda config: config.settings.performance_key, None),
    "_PERFORMANCE_SORT_ASC": (lambda config: config.settings.sort_ascending, False),
    "_ARGPARSE_HANDLE": (lambda config: config.argparse_handle, None),
}


def old_attribute(name: str) -> Any:  # Any: see above
    """Return an attribute that the older tool's main module had, else raise AttributeError."""
    if functions := [function for function in _OLD_FUNCTIONS if f"_{function.__name__}" == name]:
        return functions[0]
    if name not in _ATTRIBUTES:
        raise AttributeError(f"module 'hpsearch.hpsearch' has no attribute {name!r}")
    of_config, default = _ATTRIBUTES[name]
    config = current_config()
    return default if config is None else of_config(config)
