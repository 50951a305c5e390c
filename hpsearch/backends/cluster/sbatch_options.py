"""The command line of sbatch: what a user's further options ask for, and which of them belong to the search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hpsearch.core.errors import UsageError

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
