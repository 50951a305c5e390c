"""sbatch, as text: what the options and the environment of a user ask for, and what a refusal means."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from hpsearch.backends.refusals import SYSTEM_IS_SHORT, meanings
from hpsearch.core.errors import (
    ArrayTooLarge,
    SubmissionDelayed,
    SubmissionRefused,
    SubmissionUnsure,
    SubmitLimitReached,
    UsageError,
)

#: Options of sbatch and their letters (Slurm 22.05 and later), by what may follow them. Whatever a later version brings
#: is left to sbatch to judge.
_WITH_VALUE = """
    account=A acctg-freq array=a batch bb bbf begin=b chdir=D cluster cluster-constraint clusters=M comment constraint=C
    container container-id core-spec=S cores-per-socket cpu-freq cpus-per-gpu cpus-per-task=c deadline delay-boot
    dependency=d distribution=m error=e exclude=x export export-file extra extra-node-info=B gid gpu-bind gpu-freq
    gpus=G gpus-per-node gpus-per-socket gpus-per-task gres gres-flags hint input=i job-name=J kill-on-invalid-dep
    licenses=L mail-type mail-user mcs-label mem mem-bind mem-per-cpu mem-per-gpu mincpus network nodefile=F nodelist=w
    nodes=N ntasks=n ntasks-per-core ntasks-per-gpu ntasks-per-node ntasks-per-socket open-mode output=o partition=p
    power prefer priority profile qos=q reservation segment signal sockets-per-node switches thread-spec
    threads-per-core time=t time-min tmp tres-bind tres-per-task uid wait-all-nodes wckey wrap
"""
_WITH_OPTIONAL_VALUE = "exclusive get-user-env nice no-kill=k propagate"
_FLAGS = """
    contiguous help=h hold=H ignore-pbs no-requeue overcommit=O oversubscribe=s parsable quiet=Q reboot requeue
    spread-job test-only usage use-min-nodes verbose=v version=V wait=W
"""


def _names(text: str) -> list[str]:
    return [word.partition("=")[0] for word in text.split()]


_NEED_VALUE = frozenset(_names(_WITH_VALUE))
_MAY_HAVE_VALUE = frozenset(_names(_WITH_OPTIONAL_VALUE))
_KNOWN = frozenset((*_NEED_VALUE, *_MAY_HAVE_VALUE, *_names(_FLAGS)))
_LETTERS = {
    letter: name
    for word in f"{_WITH_VALUE} {_WITH_OPTIONAL_VALUE} {_FLAGS}".split()
    for name, equals, letter in [word.partition("=")]
    if equals
}
#: Options that a search cannot leave to its user, and why.
_NOT_TO_BE_GIVEN = {
    **dict.fromkeys(("output", "error"), "each run's output is kept in its own folder"),
    "open-mode": "runs add to their output, whose earlier part would be lost",
    "input": "a run's standard input is empty",
    "array": "the search numbers the jobs of its arrays itself (--slurm_array)",
    "wait": "sbatch would wait for the job's end",
    "test-only": "sbatch would submit nothing",
    "parsable": "sbatch is asked for its answer in this form already",
    "quiet": "sbatch would not tell the job's id",
    "wrap": "the job's script is written by the search",
    "job-name": "jobs are named after their runs",
    **dict.fromkeys(("help", "usage"), "it only prints help"),
    "version": "it only prints a version",
}


@dataclass(frozen=True)
class GivenOption:
    """An option on a command line.

    name: in full, without hyphens; as it was given if that is no known option, nor short for one. Empty: the word is no
    option at all. word: the one in which it stands. value: None if it has none.
    """

    name: str
    word: str
    value: str | None = None


def read_options(words: Sequence[str]) -> list[GivenOption]:
    """Return the options in the words of a command line, as getopt_long reads them for sbatch."""
    rest, found = list(words), []
    while rest:
        word = rest.pop(0)
        if word.startswith("--") and word != "--":
            found.append(_long_option(word, rest))
        elif word.startswith("-") and word not in ("-", "--"):
            found += _short_options(word, rest)
        else:
            found.append(GivenOption("", word))
    return found


def _long_option(word: str, rest: list[str]) -> GivenOption:
    """Read ``--name``, ``--name=value`` or ``--name value``; takes the value from the rest."""
    given, equals, value = word[2:].partition("=")
    name = _full_name(given)
    return GivenOption(name, word, value if equals else _value_behind(name, rest))


def _full_name(given: str) -> str:
    """Return the option that this name, in full or cut short, stands for; the name itself if it is not clear."""
    meant = [given] if given in _KNOWN else [name for name in _KNOWN if name.startswith(given)]
    return meant[0] if len(meant) == 1 else given


def _short_options(word: str, rest: list[str]) -> list[GivenOption]:
    """Read ``-H``, ``-Hk``, ``-ofile``, ``-o file``: flags, until a letter takes what is left for its value."""
    found: list[GivenOption] = []
    for position, letter in enumerate(word[1:], start=2):
        name, glued = _LETTERS.get(letter, letter), word[position:]
        if name in _NEED_VALUE or name in _MAY_HAVE_VALUE:
            return [*found, GivenOption(name, word, glued or _value_behind(name, rest))]
        found.append(GivenOption(name, word))
    return found


def _value_behind(name: str, rest: list[str]) -> str | None:
    """Take the next word for an option's value, where it is one; an unknown option has one that looks like a value."""
    has_value = name in _NEED_VALUE or (name not in _KNOWN and rest and not rest[0].startswith("-"))
    return rest.pop(0) if has_value and rest else None


def check_further_options(words: Sequence[str]) -> None:
    """Make sure that a user's further options of sbatch leave the search its own.

    Raises UsageError otherwise.
    """
    for option in read_options(words):
        if not option.name:
            raise UsageError(
                f"--slurm_options: {option.word!r} is no option, and sbatch would take it for the job's script; "
                "a value with blanks needs quotes, as in --slurm_options=\"--comment='two words'\""
            )
        refused = _refused(option)
        if refused:
            raise UsageError(f"--slurm_options: {option.word} cannot be given: {_NOT_TO_BE_GIVEN[refused]}")


def _refused(option: GivenOption) -> str:
    """Return which option of the search this one is, or may be short for; empty if it is another's."""
    if option.name in _NOT_TO_BE_GIVEN:
        return option.name
    if option.name in _KNOWN or not option.word.startswith("--"):
        return ""
    return next((name for name in _NOT_TO_BE_GIVEN if name.startswith(option.name)), "")


#: These would change what the search relies on: where output goes, what jobs are called, what sbatch does and answers.
#: The clusters are said on the command line, so that all commands ask the same ones.
_DROPPED = frozenset(
    "SBATCH_ARRAY_INX SBATCH_CLUSTERS SBATCH_ERROR SBATCH_INPUT SBATCH_JOB_NAME SBATCH_OPEN_MODE SBATCH_OUTPUT"
    " SBATCH_REQUEUE SBATCH_WAIT SLURM_CLUSTERS SLURM_EXIT_ERROR".split()
)
#: Defaults of options: a filter would hide jobs, SCANCEL_INTERACTIVE would ask and wait.
_HABITS = ("SQUEUE_", "SACCT_", "SCANCEL_")
#: Slurm gives these to a job; its own srun would take them for orders.
_OF_A_JOB = ("SLURM_", "SLURMD_", "SRUN_", "SBATCH_MEM_BIND", "SBATCH_CPU_BIND")
#: Of a surrounding job's variables, these say where the cluster is and not what the job was given.
_KEPT = frozenset(("SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_JWT"))


@dataclass(frozen=True)
class _Same:
    """What else asks for the same as an option of ours."""

    options: frozenset[str]
    variables: tuple[str, ...]


_GPUS = ("gpus", "gpus-per-node", "gpus-per-socket", "gpus-per-task")
_GPU_VARIABLES = ("SBATCH_GPUS", "SBATCH_GPUS_PER_NODE", "SBATCH_GPUS_PER_SOCKET", "SBATCH_GPUS_PER_TASK")
#: sbatch refuses two sizes of memory, and adds up GPUs that are asked for in two ways.
_SAME = {
    "time": _Same(frozenset(("time",)), ("SBATCH_TIMELIMIT",)),
    "mem": _Same(
        frozenset(("mem", "mem-per-cpu", "mem-per-gpu")),
        ("SBATCH_MEM_PER_NODE", "SBATCH_MEM_PER_CPU", "SBATCH_MEM_PER_GPU"),
    ),
    "gres": _Same(frozenset(("gres", *_GPUS)), ("SBATCH_GRES", *_GPU_VARIABLES)),
}


def clusters_wanted(environ: Mapping[str, str]) -> str:
    """Return which clusters the environment names for jobs, as --clusters takes them; empty = none."""
    return environ.get("SBATCH_CLUSTERS") or environ.get("SLURM_CLUSTERS") or ""


def environment_for_commands(environ: Mapping[str, str], is_gpu_asked: bool) -> dict[str, str]:
    """Return the environment for Slurm's commands. is_gpu_asked: the user's options ask for GPUs.

    A user's own ``SBATCH_*`` stay, but for what the search says itself, and for GPUs beside those of the options. A job
    inherits its submitter's environment, so that nothing which Slurm gave to the job that this process may be part of
    stays; nor do the user's habits that change what the client commands show or ask.
    """
    strange = (*_HABITS, *(_OF_A_JOB if "SLURM_JOB_ID" in environ else ()))
    of_gpus = [name for name in _SAME["gres"].variables if name != "SBATCH_GRES" or "gpu" in environ.get(name, "")]
    dropped = {*_DROPPED, *(of_gpus if is_gpu_asked else ())}
    return {
        name: value
        for name, value in environ.items()
        if name in _KEPT or not (name in dropped or name.startswith(strange))
    }


def asks_for_gpus(options: Mapping[str, str]) -> bool:
    """Return whether further options of sbatch, name -> value, ask for GPUs."""
    return "gpu" in options.get("gres", "") or not options.keys().isdisjoint(_GPUS)


def is_in_options(name: str, options: Collection[str]) -> bool:
    """Return whether further options of sbatch ask for what time, mem or gres of ours asks for."""
    return not _SAME[name].options.isdisjoint(options)


def variables_for(name: str, environ: Mapping[str, str]) -> list[str]:
    """Return the variables, as ``NAME=value``, with which the environment asks for what time, mem or gres asks for."""
    return [f"{variable}={environ[variable]}" for variable in _SAME[name].variables if environ.get(variable)]


SLURM_REFUSALS = meanings(
    # It may have been handed over.
    (SubmissionUnsure, r"timed out|Zero Bytes|Transport endpoint|Communication connection failure|Connection reset"),
    (SubmissionUnsure, r"Unexpected message|Broken pipe|Header lengths|Insane message"),
    # Limits on the number of jobs. Those of one job have other names (QOSMaxCpuPerJobLimit).
    (SubmitLimitReached, r"(?:Max|Grp)(?:Submit)?Jobs?"),
    (ArrayTooLarge, r"Invalid job array specification"),
    # Trouble that passes: of the controller, of its configuration, of the accounting, of what a job asks for.
    (SubmissionDelayed, r"(?:Unable|failed) to contact|not respond|unable to accept job"),
    (SubmissionDelayed, r"backup controller|standby|\brestart(?:ing|ed)?\b|reconfigur|starting up|shutting down"),
    (SubmissionDelayed, r"Unable to process configuration|configuration source|DNS SRV lookup"),
    (
        SubmissionDelayed,
        r"slurmdbd|talking to (?:the )?database|connect(?:ing)? to (?:the )?database|accounting storage",
    ),
    (SubmissionDelayed, r"authentication error|Munge (?:en|de)code|(?:Expired|Rewound|Replayed) credential"),
    (SubmissionDelayed, r"inactive or drain|down, drained|not usable now|nodes are busy|is in use"),
    (SubmissionDelayed, r"writing script/environment|submissions? (?:are |is )?disabled"),
    (SubmissionDelayed, SYSTEM_IS_SHORT),
    # What the job asks for, by name.
    (SubmissionRefused, r"partition|\baccounts?\b|(?<!accounting/)\bQOS|QOS(?:Max|Min|Grp)|Assoc(?:Max|Min|Grp)|wckey"),
    (SubmissionRefused, r"\bgres\b|generic resource|feature|constraint|Memory (?:spec|req)|licen[cs]e spec"),
    (SubmissionRefused, r"reservation|time limit is|Invalid time|\bwall|--\w|option|No cluster|dependency"),
    (SubmissionRefused, r"(?:CPU|node|task|processor|core|socket|thread|GPU)s? (?:count|name|config|spec|list|dist)"),
    (SubmissionRefused, r"(?:Requested|Required|Invalid|More|Too many) (?:nodes?|processors|CPUs|GPUs|tasks)\b"),
    # Without a name beside it, the first of the three that this sentence has is the one that sites enforce.
    (SubmitLimitReached, r"job submit limit"),
)
