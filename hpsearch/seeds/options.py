"""The options of gathering random seeds, from the command line and from a user's own script."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from hpsearch.config.command_parser import CommandParser, ExampleFormatter
from hpsearch.config.option_checks import check_race
from hpsearch.config.option_values import at_least, hours, whole
from hpsearch.config.options import (
    DATA_SEED_OPTION,
    PLANNING_OPTIONS,
    USUAL_SEED,
    SearchOptions,
    given_options,
    option_group,
    options_from,
)
from hpsearch.config.parsers import add_options
from hpsearch.config.written_options import to_argv
from hpsearch.core.errors import UsageError
from hpsearch.startup.classes import dataclass, field, replace

SUMMARY_NAME = "seeds_summary_text.txt"

_DESCRIPTION = "Repeat one configuration with several random seeds, and report mean and spread of its results."
_SUBCOMMAND_DESCRIPTION = (
    "Repeat the best configuration of a search with several random seeds, and report mean and spread. The new runs "
    "join the search: they start the same way, stand in the same table and can be resumed. A second call only adds "
    "what is missing."
)
_FOLDER_HELP = (
    "The search: its folder or its --name. Or the folder of a run, or of a search of the older tool: the seeds then "
    "get a folder of their own. Default: the search that the current folder is in, else the newest below ./out."
)
_SUBCOMMAND_EPILOG = """\
examples:
  hpsearch seeds --num_seeds 5             the best of the newest search
  hpsearch seeds DIR --num_seeds 5 --top 3 the three best of this search
  hpsearch seeds DIR --num_seeds 10 --race all, until worse than the best
  hpsearch seeds DIR/sim_20260131120000_07 this run, in a folder of its own
  hpsearch seeds DIR --print               only print the call that does it

How the runs start can be changed by the options of hpsearch resume, such as
--num_cpu_jobs=4. More: docs/seeds.rst

exit status: 0 all seeds finished; 1 some did not; 2 wrong usage
"""
_EPILOG = """\
examples:
  python -m hpsearch.gather_random_seeds --run_dir=out/search --num_seeds=5 \\
      --start_gathering
  python -m hpsearch.gather_random_seeds \\
      --seeds_dir=out/random_seeds/sim_20260131120000_07

Without --start_gathering, standard output has two lines: the call that would
start the search, and for use in pipes GRID_MODULE GRID_CONFIG OUT_DIR.

exit status: 0 all runs finished; 1 some did not; 2 wrong usage, nothing started
"""
#: Options of a search that here say which seeds one configuration gets.
_WHICH_SEEDS = ("num_seeds", "seeds_list", "seed_option", "vary_data_seed")
#: Options of a search that have no use here (the grid is made from the run, a second call goes on where the first
#: ended), or mean something else.
_LEFT_OUT = ("grid_config", "set", "resume", "out_dir", "force_out_dir", "dont_force_new_dir", *_WHICH_SEEDS)
#: Options that only the newer command has; and those listed in its help, see `_parsed`.
_ONLY_IN_SUBCOMMAND = ("top", "print")
_SHOWN = {
    "seed_option": "The option that gives the script its seed. Default: as the search's options or the script tell.",
    "out_dir": "Put the seeds into a folder of their own in here, named like the run.",
    **dict.fromkeys(("help", "folder", "num_seeds", "seeds_list", "top", "vary_data_seed", "print"), ""),
    **dict.fromkeys(("summary_keys", "summary_sem", "summary_precs", "race", "race_p", "max_runs"), ""),
}


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _whole_numbers(text: str) -> tuple[int, ...]:
    return tuple(whole(word) for word in _words(text))


def _precisions(text: str) -> int | tuple[int, ...]:
    numbers = tuple(at_least(0)(word) for word in _words(text))
    if not numbers:
        raise argparse.ArgumentTypeError(f"expected whole numbers such as 2 or 2,4, found {text!r}")
    return numbers if len(numbers) > 1 else numbers[0]


def _assignment(text: str) -> tuple[str, object]:
    """Read ``NAME=VALUE``; True and False are flags, as in a grid."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, found {text!r}")
    return name, {"True": True, "False": False}.get(value, value)


_seeds = option_group("which seeds")
_configuration = option_group("the configuration")
_results = option_group("the folder of results")
_summary = option_group(f"the summary ({SUMMARY_NAME})")
_job = option_group("cluster job of the search itself (with --run_cluster, in the printed call)")


@dataclass(frozen=True)
class SeedsOptions:
    """The options given on the command line, or by the user's script."""

    run_dir: str = _seeds(
        "", "The run to repeat: its folder, or a search folder, whose best finished run is repeated.", None, "DIR"
    )
    num_seeds: int = _seeds(
        10, "How many seeds in all (0, 1, 2, ...); seeds that are there already count.", at_least(1), "N"
    )
    seeds_list: tuple[int, ...] = _seeds(
        (), "These seeds, such as 1,2,3, instead of --num_seeds.", _whole_numbers, "LIST"
    )
    vary_data_seed: bool = _seeds(False, f"Set {DATA_SEED_OPTION} to the same seed.")
    #: For ``hpsearch seeds DIR``, empty = taken from the search.
    seed_option: str = _seeds(USUAL_SEED, "The option that gives the script its seed.", None, "NAME")
    top: int = _seeds(1, "Repeat the K best configurations of the search.", at_least(1), "K")
    start_gathering: bool = _seeds(False, "Start the search. Without this option, only the call is printed.")
    print: bool = _seeds(False, "Only print the call that would run the seeds.")
    seeds_dir: str = _seeds("", "Only sum up the seeds that were gathered in this folder.", None, "DIR")

    config_name: str = _configuration(
        "hpsearch_random_seeds",
        "Name of the file with the grid; in the folder of results, unless NAME has a folder of its own.",
        metavar="NAME",
    )
    ignore_kwds: tuple[str, ...] = _configuration(
        (), "Options to leave out of the new runs, such as a,b.", _words, "LIST"
    )
    #: If an option has several values, the last one counts.
    forced_params: tuple[tuple[str, object], ...] = _configuration(
        (), "Give an option another value than the run had; may be repeated.", _assignment, "NAME=VALUE", repeats=True
    )

    out_dir: str = _results(
        "./out/random_seeds",
        "Results go to a folder in here, named like the run; what lies there already counts. Relative to --run_cwd.",
        metavar="DIR",
    )
    force_out_dir: bool = _results(False, "Use exactly --out_dir, with no folder inside.")
    #: Always true here; kept for old calls.
    dont_force_new_dir: bool = _results(False, argparse.SUPPRESS)

    #: Empty = all keywords that have numbers.
    summary_keys: tuple[str, ...] = _summary(
        (), "The keywords to sum up. Default: all that have numbers, the performance key first.", _words, "LIST"
    )
    summary_sem: bool = _summary(False, "Show the standard error of the mean instead of the standard deviation.")
    summary_precs: int | Sequence[int] | None = _summary(
        None,
        "Digits after the decimal point: one number, or one for each keyword. Default: two digits of the spread.",
        _precisions,
        "LIST",
    )

    hps_num_hours: float = _job(24, "Time limit: hours, or H:MM.", hours, "N")
    hps_resources: str = _job('"rusage[mem=8000]"', "LSF: resources (bsub -R).", metavar="STR")
    hps_slurm_mem: str = _job("8G", "Slurm: memory.", metavar="STR")

    #: For ``hpsearch seeds``: whether DIR says what is repeated; DIR, a search's or a run's folder, None = the newest
    #: search; and whether the seeds go to a separate folder.
    takes_folder: bool = False
    folder: str | None = None
    goes_elsewhere: bool = False
    search: SearchOptions = field(default_factory=SearchOptions)
    #: Set only by a user's script: the configuration to repeat, instead of a run; the folder of ``hpsearch.py``.
    config: argparse.Namespace | None = None
    hpmod_path: str | None = None

    @property
    def seed_options(self) -> tuple[str, ...]:
        """The options that get the seed of a run."""
        return (self.seed_option, DATA_SEED_OPTION) if self.vary_data_seed else (self.seed_option,)

    @property
    def for_planned_search(self) -> dict[str, Any]:  # Any: of the options' types
        """The given options of a search that a planned search takes: name -> value."""
        left_out = (*PLANNING_OPTIONS, "dry_run")
        return {name: getattr(self.search, name) for name in self.search.given_by_hand if name not in left_out}

    @property
    def resume_argv(self) -> list[str]:
        """The command-line words of the options that resuming a search takes."""
        given = self.for_planned_search
        return to_argv(SearchOptions(**given, given_by_hand=tuple(given)))


def parse_seeds_options(argv: Sequence[str], script: SeedsOptions) -> SeedsOptions:
    """Read the command line of ``python -m hpsearch.gather_random_seeds``, or of a user's script that calls it.

    script: the script's settings, which the command line overrides or extends.
    Raises UsageError if the options do not go together; ends the process as argparse does.
    """
    parser = CommandParser(
        usage="%(prog)s --run_dir=DIR [options]   (--help lists them)",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=ExampleFormatter,
    )
    options = _parsed(parser, argv, script, _ONLY_IN_SUBCOMMAND)
    _check_together(options)
    return options


def parse_subcommand(argv: Sequence[str]) -> SeedsOptions:
    """Read the command line of ``hpsearch seeds``, which starts by itself unless ``--run_dir`` is given.

    Raises UsageError if the options do not go together; ends the process as argparse does.
    """
    parser = CommandParser(
        usage="hpsearch seeds [DIR] [--num_seeds N] [options]   (--help lists them)",
        prog="hpsearch seeds",
        description=_SUBCOMMAND_DESCRIPTION,
        epilog=_SUBCOMMAND_EPILOG,
        formatter_class=ExampleFormatter,
    )
    parser.add_argument("folder", nargs="?", metavar="DIR", help=_FOLDER_HELP)
    options = _parsed(parser, argv, SeedsOptions(seed_option=""), (), _SHOWN)
    if options.folder is not None and options.run_dir:
        raise UsageError("--run_dir cannot be given together with DIR")
    takes_folder = not options.run_dir and (options.folder is not None or not options.seeds_dir)
    options = replace(options, takes_folder=takes_folder)
    if takes_folder:
        options = replace(options, start_gathering=not options.print)
    elif not options.seed_option:
        options = replace(options, seed_option=SeedsOptions.seed_option)
    if options.top > 1 and (not takes_folder or options.goes_elsewhere):
        raise UsageError("--top adds seeds to a search in its own folder: leave out --out_dir, --run_dir, --seeds_dir")
    if options.top > 1 and options.print:
        raise UsageError("--print prints the call for one configuration: leave out --top")
    _check_together(options)
    return options


def _parsed(
    parser: argparse.ArgumentParser,
    argv: Sequence[str],
    script: SeedsOptions,
    leave_out: Sequence[str],
    shown: Mapping[str, str] | None = None,
) -> SeedsOptions:
    """Return a command line's options. shown: options in ``--help`` -> other text, may be empty; None = show all."""
    defaults = {"grid_module": script.search.grid_module}
    add_options(parser, {"out_dir": script.out_dir}, leave_out, of=SeedsOptions)
    add_options(parser, defaults, _LEFT_OUT)
    if shown is not None:
        for action in parser._actions:
            action.help = shown.get(action.dest, argparse.SUPPRESS) or action.help
    namespace = parser.parse_args(list(argv))
    given = given_options(namespace, SeedsOptions)
    elsewhere = not {"out_dir", "force_out_dir"}.isdisjoint(given)
    for name in ("ignore_kwds", "forced_params"):
        given[name] = (*getattr(script, name), *given.get(name, ()))
    folder = getattr(namespace, "folder", None)
    for name in _WHICH_SEEDS:
        vars(namespace).pop(name, None)
    return replace(script, **given, folder=folder, goes_elsewhere=elsewhere, search=options_from(namespace, defaults))


def _check_race(options: SeedsOptions) -> None:
    given = {"top": options.top > 1, "print": options.print, "out_dir": options.goes_elsewhere}
    given |= {name: bool(getattr(options, name)) for name in ("forced_params", "ignore_kwds", "summary_keys")}
    if not options.takes_folder:
        raise UsageError("--race is for a search with a journal, in its own folder: hpsearch seeds DIR --race")
    for name in (name for name, is_given in given.items() if is_given):
        raise UsageError(f"--race gives seeds to all configurations of a search in its own folder: leave out --{name}")


def _check_together(options: SeedsOptions) -> None:
    if options.search.race:
        _check_race(options)
    else:
        check_race(options.search)
    if not any((options.takes_folder, options.run_dir, options.seeds_dir, options.config is not None)):
        raise UsageError("say what to repeat: --run_dir=DIR, a run's folder or a search folder (see --help)")
    if not options.out_dir:
        raise UsageError("--out_dir: expected a folder, found an empty text")
    if not options.config_name.rpartition("/")[2]:
        raise UsageError(f"--config_name={options.config_name}: expected the name of a file")
    if options.run_dir and options.config is not None:
        raise UsageError("--run_dir cannot be given: the script that was started sets the configuration itself")
    if options.seeds_dir and (options.run_dir or options.takes_folder):
        other = "--run_dir" if options.run_dir else "DIR"
        raise UsageError(f"--seeds_dir only sums up what was gathered; it cannot be given together with {other}")
