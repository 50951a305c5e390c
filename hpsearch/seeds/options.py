"""The options of gathering random seeds: what the command line says, and what a user's own script sets."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from hpsearch.config.option_values import at_least, hours, whole
from hpsearch.config.options import PLANNING_OPTIONS, SearchOptions, options_from, to_argv
from hpsearch.config.parsers import add_options
from hpsearch.core.errors import UsageError

RESULTS_DIR = "./out/random_seeds"
SUMMARY_NAME = "seeds_summary_text.txt"

_DESCRIPTION = "Repeat one configuration with several random seeds, and report mean and spread of its results."
_EPILOG = """\
examples:
  python -m hpsearch.gather_random_seeds --run_dir=out/hyperparam_search/search_2024-05-01_10-00-00 \\
      --num_seeds=5 --start_gathering
  python -m hpsearch.gather_random_seeds --seeds_dir=out/random_seeds/sim_20240501100000_07

Without --start_gathering, standard output has two lines: a call that starts the search, and for use in pipes
GRID_MODULE GRID_CONFIG OUT_DIR.

exit status: as of the search (0 all runs finished; 1 some did not); 2 wrong usage, nothing was started
"""
#: Of no use here (the grid is made from the run, a second call goes on where the first one ended), or with a meaning
#: of their own.
_LEFT_OUT = ("grid_config", "resume", "out_dir", "force_out_dir", "dont_force_new_dir")


@dataclass(frozen=True)
class SummaryWishes:
    """What the summary of all seeds should show. keys: empty = all keywords with numbers."""

    keys: Sequence[str] = ()
    use_sem: bool = False
    precisions: int | Sequence[int] | None = None


@dataclass(frozen=True)
class SeedsArguments:
    """What a user's script says; the command line may say more. See `hpsearch.gather_random_seeds.run`."""

    grid_module: str = ""
    results_dir: str = RESULTS_DIR
    config: argparse.Namespace | None = None
    ignore_kwds: Sequence[str] = ()
    forced_params: Mapping[str, object] = field(default_factory=dict)
    summary: SummaryWishes = SummaryWishes()
    hpmod_path: str | None = None


@dataclass(frozen=True)
class ControllerJob:
    """The cluster job in which the search itself runs; its runs have jobs of their own."""

    num_hours: float
    resources: str
    slurm_mem: str


@dataclass(frozen=True)
class SeedsOptions:
    """All that was asked for."""

    run_dir: str
    seeds_dir: str
    num_seeds: int
    seeds_list: tuple[int, ...]
    vary_data_seed: bool
    seed_option: str
    config_name: str
    start_gathering: bool
    ignore_kwds: tuple[str, ...]
    forced_params: Mapping[str, object]
    config: argparse.Namespace | None
    summary: SummaryWishes
    job: ControllerJob
    search: SearchOptions

    @property
    def resume_argv(self) -> list[str]:
        """The words of a command line for those options of the search that may be given when it is resumed."""
        given = tuple(name for name in self.search.given_by_hand if name not in PLANNING_OPTIONS)
        return to_argv(SearchOptions(**{name: getattr(self.search, name) for name in given}, given_by_hand=given))


def parse_seeds_options(argv: Sequence[str], arguments: SeedsArguments, prog: str | None) -> SeedsOptions:
    """Read the command line.

    Raises UsageError if its options do not go together; ends the process where argparse does.
    """
    namespace = _parser(arguments, prog).parse_args(list(argv))
    values: dict[str, Any] = {  # Any: of the options' types
        **vars(namespace),
        "ignore_kwds": (*arguments.ignore_kwds, *namespace.ignore_kwds),
        "forced_params": {**arguments.forced_params, **dict(namespace.forced_params)},
        "config": arguments.config,
        "summary": SummaryWishes(namespace.summary_keys, namespace.summary_sem, namespace.summary_precs),
        "job": ControllerJob(namespace.hps_num_hours, namespace.hps_resources, namespace.hps_slurm_mem),
        "search": options_from(namespace, {"grid_module": arguments.grid_module}),
    }
    options = SeedsOptions(**{option.name: values[option.name] for option in fields(SeedsOptions)})
    _check_together(options)
    return options


def _check_together(options: SeedsOptions) -> None:
    if not options.run_dir and not options.seeds_dir and options.config is None:
        raise UsageError("say what to repeat: --run_dir=DIR, a run's folder or a search folder (see --help)")
    if not options.search.out_dir:
        raise UsageError("--out_dir: expected a folder, found an empty text")
    if not options.config_name.rpartition("/")[2]:
        raise UsageError(f"--config_name={options.config_name}: expected the name of a file")
    if options.run_dir and options.config is not None:
        raise UsageError("--run_dir cannot be given: the script that was started sets the configuration itself")
    if options.run_dir and options.seeds_dir:
        raise UsageError("--seeds_dir only sums up what was gathered; it cannot be given together with --run_dir")


def _parser(arguments: SeedsArguments, prog: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        usage="%(prog)s --run_dir=DIR [--num_seeds=N] [--start_gathering] [options of a search]",
        prog=prog,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_seed_options(parser.add_argument_group("which seeds"))
    _add_folder_options(parser, arguments)
    _add_summary_options(parser.add_argument_group(f"the summary ({SUMMARY_NAME})"), arguments)
    title = "cluster job of the search itself (with --run_cluster, in the printed call)"
    _add_job_options(parser.add_argument_group(title))
    add_options(parser, {"grid_module": arguments.grid_module}, _LEFT_OUT)
    return parser


def _add_seed_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    text = "The run to repeat: its folder, or a search folder, whose best finished run is repeated."
    add("--run_dir", default="", metavar="DIR", help=text)
    text = "How many seeds in all (0, 1, 2, ...); those that lie in the folder of results count. Default: 10."
    add("--num_seeds", type=at_least(1), default=10, metavar="N", help=text)
    text = "Exactly these seeds, such as 1,2,3, instead of --num_seeds."
    add("--seeds_list", type=_whole_numbers, default=(), metavar="LIST", help=text)
    add("--vary_data_seed", action="store_true", help="Set data_random_seed to the same seed.")
    text = "The option that gives the script its seed. Default: random_seed."
    add("--seed_option", default="random_seed", metavar="NAME", help=text)
    text = "Start the search; without it, a call that starts it is printed."
    add("--start_gathering", action="store_true", help=text)
    text = "Only sum up the seeds that were gathered in this folder."
    add("--seeds_dir", default="", metavar="DIR", help=text)


def _add_folder_options(parser: argparse.ArgumentParser, arguments: SeedsArguments) -> None:
    add = parser.add_argument_group("the configuration").add_argument
    text = (
        "Name of the file with the grid. It lies in the folder of results, unless NAME has a folder of its own. "
        "Default: hpsearch_random_seeds."
    )
    add("--config_name", default="hpsearch_random_seeds", metavar="NAME", help=text)
    text = "Options of the run that the new runs do not get."
    add("--ignore_kwds", type=_words, default=(), metavar="LIST", help=text)
    text = "Give an option another value than the run had; may be repeated."
    add("--forced_params", type=_assignment, action="append", default=[], metavar="NAME=VALUE", help=text)

    add = parser.add_argument_group("the folder of results").add_argument
    text = (
        "Results go to a folder in here, named like the run; what lies there already counts. Relative to --run_cwd. "
        f"Default: {arguments.results_dir.replace('%', '%%')}."
    )
    add("--out_dir", default=arguments.results_dir, metavar="DIR", help=text)
    add("--force_out_dir", action="store_true", help="Use exactly --out_dir, with no folder inside.")
    # Always so here; old calls that give it go on working.
    add("--dont_force_new_dir", action="store_true", help=argparse.SUPPRESS)


def _add_summary_options(group: argparse._ArgumentGroup, arguments: SeedsArguments) -> None:
    add = group.add_argument
    text = "The keywords to sum up. Default: all that have numbers, the performance key first."
    add("--summary_keys", type=_words, default=tuple(arguments.summary.keys), metavar="LIST", help=text)
    text = "Show the standard error of the mean instead of the standard deviation."
    add("--summary_sem", action="store_true", default=arguments.summary.use_sem, help=text)
    text = "Digits after the decimal point: one number, or one for each keyword. Default: 2, or more if needed."
    add("--summary_precs", type=_precisions, default=arguments.summary.precisions, metavar="LIST", help=text)


def _add_job_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--hps_num_hours", type=hours, default=24, metavar="N", help="Time limit: hours, or H:MM. Default: 24.")
    text = 'LSF: resources (bsub -R). Default: "rusage[mem=8000]".'
    add("--hps_resources", default='"rusage[mem=8000]"', metavar="STR", help=text)
    add("--hps_slurm_mem", default="8G", metavar="STR", help="Slurm: memory. Default: 8G.")


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
