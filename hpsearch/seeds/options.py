"""The options of gathering random seeds: those of the command line, and what a user's own script sets for it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from hpsearch.config.option_values import at_least, hours, whole
from hpsearch.config.options import SearchOptions, add_options, names_of_planning_options, options_from, to_argv
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

exit status: that of the search (0 all runs finished; 1 some did not); 2 wrong usage, nothing was started
"""
#: These make no sense here (the grid is made from the run, a second call goes on where the first one ended) or mean
#: something of their own.
_LEFT_OUT = ("grid_config", "resume", "out_dir", "force_out_dir", "dont_force_new_dir")


@dataclass(frozen=True)
class SeedsArguments:
    """What a user's script says; the command line may say more. See `hpsearch.gather_random_seeds.run`."""

    grid_module: str = ""
    results_dir: str = RESULTS_DIR
    config: argparse.Namespace | None = None
    ignore_kwds: Sequence[str] = ()
    forced_params: Mapping[str, object] = field(default_factory=dict)
    summary_keys: Sequence[str] = ()
    summary_sem: bool = False
    summary_precs: int | Sequence[int] | None = None
    hpmod_path: str | None = None


@dataclass(frozen=True)
class SummaryWishes:
    """What the summary of all seeds should show. keys: empty = every keyword with numbers."""

    keys: Sequence[str] = ()
    use_sem: bool = False
    precisions: int | Sequence[int] | None = None


@dataclass(frozen=True)
class ControllerJob:
    """The cluster job in which the search itself runs, as opposed to the jobs of its runs."""

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
        """The search's options that may be given when it is resumed, as words of a command line."""
        given = tuple(name for name in self.search.given_by_hand if name not in names_of_planning_options())
        return to_argv(SearchOptions(**{name: getattr(self.search, name) for name in given}, given_by_hand=given))


def parse_seeds_options(argv: Sequence[str], arguments: SeedsArguments, prog: str | None) -> SeedsOptions:
    """Read the command line.

    Raises UsageError if its options do not go together; ends the process where argparse does.
    """
    namespace = _parser(arguments, prog, given_only=False).parse_args(list(argv))
    given = vars(_parser(arguments, prog, given_only=True).parse_args(list(argv)))
    search = options_from(namespace)
    search = replace(search, given_by_hand=tuple(sorted(given.keys() & vars(search).keys())))
    options = SeedsOptions(
        run_dir=namespace.run_dir,
        seeds_dir=namespace.seeds_dir,
        num_seeds=namespace.num_seeds,
        seeds_list=namespace.seeds_list,
        vary_data_seed=namespace.vary_data_seed,
        seed_option=namespace.seed_option,
        config_name=namespace.config_name,
        start_gathering=namespace.start_gathering,
        ignore_kwds=(*arguments.ignore_kwds, *namespace.ignore_kwds),
        forced_params={**arguments.forced_params, **dict(namespace.forced_params)},
        config=arguments.config,
        summary=SummaryWishes(namespace.summary_keys, namespace.summary_sem, namespace.summary_precs),
        job=ControllerJob(namespace.hps_num_hours, namespace.hps_resources, namespace.hps_slurm_mem),
        search=search,
    )
    _check_together(options)
    return options


def _check_together(options: SeedsOptions) -> None:
    named = [bool(options.run_dir), bool(options.seeds_dir), options.config is not None]
    if not any(named):
        raise UsageError("say what to repeat: --run_dir=DIR, a run's folder or a search folder (see --help)")
    if not options.search.out_dir:
        raise UsageError("--out_dir: expected a folder, found an empty text")
    if not options.config_name.rpartition("/")[2]:
        raise UsageError(f"--config_name={options.config_name}: expected the name of a file")
    if options.run_dir and options.config is not None:
        raise UsageError("--run_dir cannot be given: the script that was started sets the configuration itself")
    if options.run_dir and options.seeds_dir:
        raise UsageError("--seeds_dir only sums up what was gathered; it cannot be given together with --run_dir")


def _parser(arguments: SeedsArguments, prog: str | None, given_only: bool) -> argparse.ArgumentParser:
    """Return the parser. given_only: its Namespace has only those options of a search that are given."""
    parser = argparse.ArgumentParser(
        usage="%(prog)s --run_dir=DIR [--num_seeds=N] [--start_gathering] [options of a search]",
        prog=prog,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_seed_options(parser)
    _add_configuration_options(parser)
    _add_folder_options(parser, arguments)
    _add_summary_options(parser, arguments)
    _add_job_options(parser)
    add_options(parser, {"grid_module": arguments.grid_module}, _LEFT_OUT, given_only)
    return parser


def _add_seed_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which seeds")
    group.add_argument(
        "--run_dir",
        default="",
        metavar="DIR",
        help="The run to repeat: its folder, or that of a search, whose best finished run is taken.",
    )
    group.add_argument(
        "--num_seeds",
        type=at_least(1),
        default=10,
        metavar="N",
        help="So many seeds altogether, 0, 1, 2, ...; those that there are already count. Default: 10.",
    )
    group.add_argument(
        "--seeds_list",
        type=_whole_numbers,
        default=(),
        metavar="LIST",
        help="Exactly these seeds, such as 1,2,3, instead of --num_seeds.",
    )
    group.add_argument("--vary_data_seed", action="store_true", help="Set data_random_seed to the same seed.")
    group.add_argument(
        "--seed_option",
        default="random_seed",
        metavar="NAME",
        help="The option with which the script takes its seed. Default: random_seed.",
    )
    group.add_argument(
        "--start_gathering", action="store_true", help="Start the search; without it, a call that does so is printed."
    )
    group.add_argument(
        "--seeds_dir", default="", metavar="DIR", help="Only sum up the seeds that were gathered in this folder."
    )


def _add_configuration_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the configuration")
    group.add_argument(
        "--config_name",
        default="hpsearch_random_seeds",
        metavar="NAME",
        help="Name of the file with the grid; it goes to the folder of results unless NAME has a folder of its own. "
        "Default: hpsearch_random_seeds.",
    )
    group.add_argument(
        "--ignore_kwds", type=_words, default=(), metavar="LIST", help="Options of the run that are not given again."
    )
    group.add_argument(
        "--forced_params",
        type=_assignment,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="Give an option another value than the run had; may be repeated.",
    )


def _add_folder_options(parser: argparse.ArgumentParser, arguments: SeedsArguments) -> None:
    group = parser.add_argument_group("the folder of results")
    group.add_argument(
        "--out_dir",
        default=arguments.results_dir,
        metavar="DIR",
        help="Results go to a folder in here that is named like the run; what lies there counts. "
        f"Relative to --run_cwd. Default: {arguments.results_dir.replace('%', '%%')}.",
    )
    group.add_argument("--force_out_dir", action="store_true", help="Use exactly --out_dir, with no folder inside.")
    # Always so here; searches that are called with it need not be called otherwise.
    group.add_argument("--dont_force_new_dir", action="store_true", help=argparse.SUPPRESS)


def _add_summary_options(parser: argparse.ArgumentParser, arguments: SeedsArguments) -> None:
    group = parser.add_argument_group(f"the summary ({SUMMARY_NAME})")
    group.add_argument(
        "--summary_keys",
        type=_words,
        default=tuple(arguments.summary_keys),
        metavar="LIST",
        help="The keywords to sum up. Default: all that have numbers, the performance key first.",
    )
    group.add_argument(
        "--summary_sem",
        action="store_true",
        default=arguments.summary_sem,
        help="Show the standard error of the mean instead of the standard deviation.",
    )
    group.add_argument(
        "--summary_precs",
        type=_precisions,
        default=arguments.summary_precs,
        metavar="LIST",
        help="Digits after the decimal point: one number, or one for each keyword. Default: 2, or more if needed.",
    )


def _add_job_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("cluster job of the search itself (with --run_cluster, in the printed call)")
    group.add_argument(
        "--hps_num_hours", type=hours, default=24, metavar="N", help="Its time limit: hours, or H:MM. Default: 24."
    )
    group.add_argument(
        "--hps_resources",
        default='"rusage[mem=8000]"',
        metavar="STR",
        help='LSF: its resources (bsub -R). Default: "rusage[mem=8000]".',
    )
    group.add_argument("--hps_slurm_mem", default="8G", metavar="STR", help="Slurm: its memory. Default: 8G.")


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
