"""The submit command of LSF, and what bsub's answers mean."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.backends.cluster.lsf import Lsf, LsfWishes, check_further_options, composed, resource_text
from hpsearch.backends.shell import Answer
from hpsearch.core.errors import (
    ArrayTooLarge,
    BackendError,
    SearchError,
    SubmissionDelayed,
    SubmissionRefused,
    SubmissionUnexplained,
    SubmissionUnsure,
    SubmitLimitReached,
    UsageError,
)

submitted_id = Lsf(LsfWishes()).submitted_id
ACCEPTED = "Job <1001> is submitted to default queue <normal>.\n"
LOST = "Failed in an LSF library call: A socket operation has failed: Connection reset by peer. Job not submitted.\n"


@pytest.mark.parametrize(
    "value",
    [
        "rusage[mem=8000, ngpus_excl_p=1]",
        'select[type=="X" && mem>1000]',
        "mem>1000",
        'it\'s "so"',
        "$HOME `date` $(date) \\n",
        "a=b",
        "-o",
        "",
    ],
)
def test_a_value_reaches_bsub_as_given(value: str) -> None:
    assert composed("job_1", {"R": value, "n": "1"}) == ["bsub", "-R", value, "-n", "1", "-J", "job_1"]


@given(st.text())
def test_any_value_reaches_bsub_as_given(value: str) -> None:
    assert composed("job_1", {"R": value}) == ["bsub", "-R", value, "-J", "job_1"]


def test_an_array_s_name_reaches_bsub_as_given() -> None:
    assert composed("job_1[1-3]%2", {}) == ["bsub", "-J", "job_1[1-3]%2"]


def test_a_folder_named_logs_changes_nothing(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "logs").mkdir()
    monkeypatch.chdir(tmp_path)
    assert composed("job_1[1-3]%2", {"n": "1"}) == ["bsub", "-n", "1", "-J", "job_1[1-3]%2"]


def test_a_missing_package_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bsub", None)
    with pytest.raises(BackendError, match=r"package bsub cannot be imported .*pip install bsub six"):
        composed("job_1", {})


@pytest.mark.parametrize(
    "given_text, text",
    [
        ('"rusage[mem=8000, ngpus_excl_p=1]"', "rusage[mem=8000, ngpus_excl_p=1]"),
        ("'rusage[mem=1]'", "rusage[mem=1]"),
        ("rusage[mem=1]", "rusage[mem=1]"),
        ('select[type=="X"]', 'select[type=="X"]'),
        ('"select[type==\\"X\\"]"', 'select[type=="X"]'),
        ('"unclosed', '"unclosed'),
        ("", ""),
    ],
)
def test_quotes_around_a_resource_string_are_taken_off(given_text: str, text: str) -> None:
    assert resource_text(given_text) == text


REFUSED = {
    "each run's output is kept in its own folder": "-o -oo -e -eo",
    "jobs are named after their runs": "-J -Jd",
    "bsub would wait for the job's end": "-I -Ip -Is -IS -ISp -ISs -IX -K",
    "the job's script goes to bsub's standard input": "-i -is -pack",
    "the search itself describes the job": "-json -yaml -jsdl -jsdl_strict",
    "it only prints help": "-h",
    "it only prints a version": "-V",
}


@pytest.mark.parametrize(
    "word, reason", [(word, reason) for reason, words in REFUSED.items() for word in words.split()]
)
def test_options_that_the_search_needs_itself_are_refused(word: str, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_further_options(["-P", "lab", word])
    assert str(caught.value) == f"--lsf_options: {word} cannot be given: {reason}"


@pytest.mark.parametrize("flag", "-ar -B -H -hl -N -Ne -r -rn -ul -x -XF -Zs".split())
def test_a_word_behind_an_option_without_a_value_is_refused(flag: str) -> None:
    with pytest.raises(UsageError, match="bsub would execute it"):
        check_further_options([flag, "train.sh"])


@pytest.mark.parametrize(
    "text", ["-P lab -gpu num=1:mode=shared", "-H -x -P lab", "-gpu - -new-option 7 -rn", "-R a -R b"]
)
def test_other_options_are_left_to_the_user(text: str) -> None:
    check_further_options(text.split())


@pytest.mark.parametrize("text", ["lab", "-P my lab", "-H train.sh", "-P lab --", "-gpu - -", "-q x -- train.sh"])
def test_a_word_that_bsub_would_execute_instead_of_the_script_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not an option, and bsub would execute it instead of the job's script"):
        check_further_options(text.split())


@pytest.mark.parametrize(
    "answer",
    [
        Answer(0, ACCEPTED, ""),
        Answer(0, f"Generic job.\n{ACCEPTED}", ""),
        Answer(0, f"Job is submitted to <cpp> project.\n{ACCEPTED}", ""),
        Answer(0, "Job <1001> is submitted to queue <normal.4h>.", ""),
        Answer(0, "", ACCEPTED),
        Answer(None, ACCEPTED, "a prolog that hangs\n"),
        Answer(255, ACCEPTED, LOST),
    ],
)
def test_the_id_is_found_whatever_stands_around_it(answer: Answer) -> None:
    assert submitted_id(answer) == "1001"


@pytest.mark.parametrize(
    "said",
    [
        "nosuch: No such queue. Job not submitted.",
        "Too many processors requested. Job not submitted.",
        "Error in rusage section. Job not submitted.",
        'Error near "select" : duplicate section. Job not submitted.',
        "Bad resource requirement syntax. Job not submitted.",
        "Bad argument for option -n. Job not submitted.",
        "RUNLIMIT: Cannot exceed queue's hard limit(s). Job not submitted.",
        "lab: No such project. Job not submitted.",
        "No such user group. Job not submitted.",
        "User does not have enough job slots. Job not submitted.",
        "Bad host name, host group name or cluster name. Job not submitted.",
        "You must give a project with -P.; Request aborted by esub. Job not submitted.",
        "bsub: illegal option -- z",
    ],
)
def test_a_lasting_refusal_comes_with_lsf_s_words(said: str) -> None:
    with pytest.raises(SubmissionRefused) as refused:
        submitted_id(Answer(255, "Generic job.\n", f"{said}\n"))
    assert str(refused.value) == f"bsub refused the job: {said}"
    assert not isinstance(refused.value, SubmissionUnexplained)


@pytest.mark.parametrize(
    "said",
    [
        "User permission denied. Job not submitted.",
        "The license server gave no connection.; Request aborted by esub. Job not submitted.",
        "Request aborted by esub. Job not submitted.",
        "Internal error 17. Job not submitted.",
    ],
)
def test_a_refusal_that_names_nothing_of_the_job_is_not_explained(said: str) -> None:
    with pytest.raises(SubmissionUnexplained) as refused:
        submitted_id(Answer(255, "", f"{said}\n"))
    assert str(refused.value) == f"bsub refused the job: {said}"


def test_what_an_esub_says_beside_a_refusal_is_no_reason_for_it() -> None:
    with pytest.raises(SubmissionUnexplained):
        submitted_id(
            Answer(255, "Job goes to queue <normal>, project <cpp>.\n", "Internal error. Job not submitted.\n")
        )


@pytest.mark.parametrize(
    "said, kind",
    [
        ("User <x>: Pending job threshold reached. Job not submitted.", SubmitLimitReached),
        ("The pending slots limit has been reached. Job not submitted.", SubmitLimitReached),
        ("Job array index too large. Job not submitted.", ArrayTooLarge),
        ("Job array size exceeds MAX_JOB_ARRAY_SIZE. Job not submitted.", ArrayTooLarge),
    ],
)
def test_a_refusal_for_the_number_of_jobs_is_recognised(said: str, kind: type[SearchError]) -> None:
    with pytest.raises(kind):
        submitted_id(Answer(255, "", f"{said}\n"))


@pytest.mark.parametrize(
    "said",
    [
        "Request from non-LSF host rejected. Job not submitted.",
        "LSF is down. Job not submitted.",
        "Cannot connect to LSF. Please wait ...",
        "batch system daemon not responding ... still trying",
        "normal: Queue has been closed. Job not submitted.",
        "mbatchd is restarting. Job not submitted.",
        "Batch system concurrent query limit exceeded",
        "fork: Resource temporarily unavailable",
    ],
)
def test_a_passing_refusal_may_be_tried_again(said: str) -> None:
    with pytest.raises(SubmissionDelayed, match=said[:20]):
        submitted_id(Answer(255, "", f"{said}\n"))


@pytest.mark.parametrize("first, second", [("array index", "too large"), ("mbatchd", "busy")])
def test_two_words_far_from_each_other_in_a_long_text_are_no_message(first: str, second: str) -> None:
    # To look further takes seconds where a text repeats the first of them.
    with pytest.raises(SearchError) as refused:
        submitted_id(Answer(255, "", f"{first} {'x' * 400} {second}. Job not submitted.\n"))
    assert type(refused.value) not in (ArrayTooLarge, SubmissionDelayed)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(255, "", LOST),
        Answer(None, "", ""),
        Answer(None, "", "LSF is down. Please wait ...\n"),
        Answer(None, "", "User <x>: Pending job threshold reached. Retrying in 60 seconds...\n"),
        Answer(0, "", ""),
        Answer(0, "Job is submitted to <cpp> project.\n", ""),
        Answer(0, f"{ACCEPTED}Job <1002> is submitted to queue <long>.\n", ""),
        Answer(0, "Job <12> is submitted to the queue of bills.\n", ""),
        Answer(255, "", ""),
        Answer(-9, "", ""),
    ],
)
def test_an_unclear_answer_proves_nothing(answer: Answer) -> None:
    with pytest.raises(SubmissionUnsure) as unsure:
        submitted_id(answer)
    assert str(unsure.value)
