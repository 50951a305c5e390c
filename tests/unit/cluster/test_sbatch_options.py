"""The user's further options of sbatch: which words are options, and which of them belong to the search."""

from __future__ import annotations

import shlex

import pytest

from hpsearch.backends.cluster.sbatch import GivenOption, check_further_options, read_options
from hpsearch.core.errors import UsageError


@pytest.mark.parametrize(
    "text, expected",
    [
        ("--account=lab", [GivenOption("account", "--account=lab", "lab")]),
        ("--account lab", [GivenOption("account", "--account", "lab")]),
        ("--acco lab", [GivenOption("account", "--acco", "lab")]),
        ("-A lab", [GivenOption("account", "-A", "lab")]),
        ("-Alab", [GivenOption("account", "-Alab", "lab")]),
        (
            "-HOAlab",
            [
                GivenOption("hold", "-HOAlab"),
                GivenOption("overcommit", "-HOAlab"),
                GivenOption("account", "-HOAlab", "lab"),
            ],
        ),
        ("--nice -c 2", [GivenOption("nice", "--nice"), GivenOption("cpus-per-task", "-c", "2")]),
        ("--comment --output", [GivenOption("comment", "--comment", "--output")]),
        ("--new-in-30 x --hold", [GivenOption("new-in-30", "--new-in-30", "x"), GivenOption("hold", "--hold")]),
        ("--hold lab", [GivenOption("hold", "--hold"), GivenOption("", "lab")]),
    ],
)
def test_words_are_read_as_sbatch_reads_them(text: str, expected: list[GivenOption]) -> None:
    assert read_options(shlex.split(text)) == expected


@pytest.mark.parametrize(
    "text, reason",
    [
        ("-o x", "each run's output is kept in its own folder"),
        ("-ox", "each run's output is kept in its own folder"),
        ("--output=x", "each run's output is kept in its own folder"),
        ("--output x", "each run's output is kept in its own folder"),
        ("--outp=x", "each run's output is kept in its own folder"),
        ("-Hofile", "each run's output is kept in its own folder"),
        ("-kH -HOe x", "each run's output is kept in its own folder"),
        ("--err=x", "each run's output is kept in its own folder"),
        ("-A lab -a 1-3", "use --slurm_array instead"),
        ("--arr=1-3", "use --slurm_array instead"),
        ("-W", "sbatch would wait for the job's end"),
        ("--wait", "sbatch would wait for the job's end"),
        ("--wai", "sbatch would wait for the job's end"),
        ("--test", "sbatch would submit nothing"),
        ("--parsa", "the search sets it already"),
        ("-Q", "sbatch would not print the job's id"),
        ("-vQ", "sbatch would not print the job's id"),
        ("--wrap='python train.py'", "the search writes the job's script"),
        ("-J mine", "jobs are named after their runs"),
        ("--job-n mine", "jobs are named after their runs"),
        ("-i /dev/null", "a run's standard input is empty"),
        ("--open-mode=truncate", "it would overwrite"),
        ("-h", "it only prints help"),
        ("--usa", "it only prints help"),
        ("-V", "it only prints a version"),
    ],
)
def test_what_belongs_to_the_search_is_refused_in_every_spelling(text: str, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_further_options(shlex.split(text))
    assert str(caught.value).startswith("--slurm_options: -")
    assert f" cannot be given: {reason}" in str(caught.value)


@pytest.mark.parametrize("text", ["lab", "--account=lab other.sh", "--hold 5", "-H lab", "--", "-"])
def test_a_word_that_sbatch_would_take_for_the_script_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not an option, and sbatch would take it for the job's script"):
        check_further_options(shlex.split(text))


@pytest.mark.parametrize(
    "text",
    [
        "--account=lab --nice=100 -c 2",
        "--wait-all-nodes=1 --exclusive --requeue",
        "--comment '-o' -A --output",
        "-N1 -n2 --mail-type=END --time=10",
        "--nosuchopt --begin=now+1hour",
        "-p a,b -M two --dependency=afterok:12",
    ],
)
def test_all_other_options_are_the_users(text: str) -> None:
    check_further_options(shlex.split(text))
