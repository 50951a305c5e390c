"""bsub: the command that submits a job or an array, and what its answer means."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from hpsearch.backends.refusals import SYSTEM_IS_SHORT, meaning, meanings, refusal
from hpsearch.backends.shell import Answer
from hpsearch.core.errors import (
    ArrayTooLarge,
    BackendError,
    SubmissionDelayed,
    SubmissionRefused,
    SubmissionUnexplained,
    SubmissionUnsure,
    SubmitLimitReached,
    UsageError,
)

#: Options of bsub that a search cannot leave to its user, and why.
_NOT_TO_BE_GIVEN = {
    **dict.fromkeys(("-o", "-oo", "-e", "-eo"), "each run's output is kept in its own folder"),
    **dict.fromkeys(("-J", "-Jd"), "jobs are named after their runs"),
    **dict.fromkeys(("-I", "-Ip", "-Is", "-IS", "-ISp", "-ISs", "-IX", "-K"), "bsub would wait for the job's end"),
    **dict.fromkeys(("-i", "-is", "-pack"), "the job's script goes to bsub's standard input"),
    **dict.fromkeys(("-json", "-yaml", "-jsdl", "-jsdl_strict"), "the search itself describes the job"),
    "-h": "it only prints help",
    "-V": "it only prints a version",
}
#: Options of bsub behind which no value stands.
_FLAGS = frozenset(("-ar", "-B", "-H", "-hl", "-N", "-Ne", "-r", "-rn", "-ul", "-x", "-XF", "-Zs"))
#: What esubs and LSF itself print around it differs from site to site; a project has a line of this kind, too.
_ACCEPTED = re.compile(r"^Job <([0-9]+)> is submitted to .*queue <", re.MULTILINE)
#: What bsub says when it refuses a job -> what that means.
_REFUSALS = meanings(
    # Said after LSF may have taken the job: also "Job not submitted." at the end of such words proves nothing.
    (SubmissionUnsure, r"library call|connection|communication|socket|timed? ?out|broken pipe"),
    (SubmitLimitReached, r"pending (?:job|slot)s? (?:threshold|limit)|MAX_PEND_"),
    (ArrayTooLarge, r"array (?:index|size)[^;]*(?:too large|exceed)|MAX_JOB_ARRAY_SIZE"),
    (SubmissionDelayed, r"non-LSF host|LSF is down|cannot connect to LSF|not responding|queue has been closed"),
    (SubmissionDelayed, r"\b(?:mbatchd|batch daemon|LIM|LSF)\b[^;]*(?:down|busy|restart|reconfig)|query limit"),
    (SubmissionDelayed, SYSTEM_IS_SHORT),
    # What the job asks for, by name.
    (
        SubmissionRefused,
        r"queue|resource (?:req|string)|rusage|section|processors?|slots? req|job slots|project|\bgroup",
    ),
    (SubmissionRefused, r"\boptions?\b|argument|\b[A-Z]+LIMIT\b|hard limit|dependency|application profile"),
    (SubmissionRefused, r"\bhost (?:name|group)|service class|job name|array|reservation|licen[cs]e proj|\bGPUs? req"),
)
#: The site's own program has looked at the job and said no: nothing was handed over, whatever its words are.
_ABORTED = "aborted by esub"


def load_package() -> Any:  # Any: the package has no types
    """Return the class that composes submit commands.

    Raises BackendError if it cannot be imported.
    """
    try:
        from bsub import bsub
    except ImportError as error:
        raise BackendError(f"the package bsub cannot be imported ({error}); run: pip install bsub six") from error
    return bsub


def composed(job_name: str, options: Mapping[str, str]) -> list[str]:
    """Return the words of the submit command without -o and -e, every value as given.

    options: name without the hyphen -> value. The package composes a line for a shell, where it quotes some values
    itself, wrongly, unless they are quoted already; and it always adds files of its own for -o and -e.
    """
    quoted = {name: shlex.quote(value) for name, value in options.items()}
    words = shlex.split(load_package()(job_name, **quoted).command)
    pairs = zip(words[1::2], words[2::2], strict=True)
    return [words[0], *(word for pair in pairs if pair[0] not in ("-o", "-e") for word in pair)]


def check_further_options(words: Sequence[str]) -> None:
    """Make sure that a user's further options of bsub leave the search its own.

    Raises UsageError otherwise.
    """
    needs_value = False
    for word in words:
        if word in _NOT_TO_BE_GIVEN:
            raise UsageError(f"--lsf_options: {word} cannot be given: {_NOT_TO_BE_GIVEN[word]}")
        is_option = word.startswith("-") and word not in ("-", "--")
        if not (is_option or needs_value) or word == "--":
            raise UsageError(
                f"--lsf_options: {word!r} is no option, and bsub would execute it instead of the job's script; "
                "a value with blanks needs quotes, as in --lsf_options=\"-P 'my lab'\""
            )
        needs_value = is_option and word not in _FLAGS


def run_limit(hours: float) -> str:
    """Return a time limit as -W takes it, in hours and whole minutes, rounded up."""
    minutes = max(1, -(-round(hours * 3600) // 60))
    return f"{minutes // 60}:{minutes % 60:02d}"


def resource_text(text: str) -> str:
    """Return a resource string as bsub gets it: quotes around the whole were meant for a shell."""
    if not text.strip().startswith(("'", '"')):
        return text
    try:
        return " ".join(shlex.split(text))
    except ValueError:
        return text  # LSF will say what it thinks of it.


def submitted_id(answer: Answer) -> str:
    """Return the id of the job or array that bsub's answer names as accepted.

    Raises SubmissionRefused, SubmissionDelayed or SubmissionUnsure, with LSF's own words.
    """
    # With BSUB_STDERR set, perhaps by a wrapper of the site, it stands on standard error.
    accepted = set(_ACCEPTED.findall(f"{answer.stdout}\n{answer.stderr}"))
    if len(accepted) == 1:
        return str(accepted.pop())
    if accepted:
        raise SubmissionUnsure(f"bsub named several jobs: {', '.join(sorted(accepted))}")
    said, all_said = answer.words, f"{answer.stderr}\n{answer.stdout}"
    if answer.exit_status is None:
        # It may have waited for LSF, and have got through at the last moment.
        raise SubmissionUnsure(said or "bsub gave no answer in time")
    is_aborted, kind = _ABORTED in all_said, meaning(all_said, _REFUSALS, answer.stderr.strip())
    if not is_aborted and (answer.exit_status <= 0 or not said):
        raise SubmissionUnsure(said or f"bsub said nothing and ended with exit status {answer.exit_status}")
    raise refusal("bsub", said, SubmissionUnexplained if is_aborted and kind is SubmissionUnsure else kind)
