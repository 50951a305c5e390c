"""Which of Slurm's options a job gets: those of the search, those of the user's environment, and which wins."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from hpsearch.backends.cluster.slurm import Slurm, SlurmWishes
from hpsearch.backends.scheduler import ClusterWishes, Submission
from hpsearch.core.model import Attempt, Configuration, Run

RUN = Run(1, "sim_1", Configuration(()), "out/sim_1")
ATTEMPT = Attempt(RUN, 1, "sim_1.1.abc", ("train",), Path("/s"), Path("/s/exits/sim_1.1.abc"), Path("/s/logs"))
JOB = Submission("sim_1.1.abc", "sim_1", Path("/s/logs"), ((ATTEMPT,),))


def asked(environ: Mapping[str, str], hours: float = 24, wishes: SlurmWishes | None = None) -> list[str]:
    """Return what a job asks for on the command line of sbatch: time, memory and GPUs."""
    slurm = Slurm(wishes or SlurmWishes(), environ)
    words = slurm.submit_command(JOB, "", ClusterWishes(hours=hours)).argv
    return [word for word in words if word.startswith(("--time", "--mem", "--gres"))]


@pytest.mark.parametrize(
    "variable, left",
    [
        ("SBATCH_MEM_PER_NODE", ["--time=24:00:00", "--gres=gpu:1"]),
        ("SBATCH_MEM_PER_CPU", ["--time=24:00:00", "--gres=gpu:1"]),
        ("SBATCH_MEM_PER_GPU", ["--time=24:00:00", "--gres=gpu:1"]),
        ("SBATCH_GRES", ["--time=24:00:00", "--mem=8G"]),
        ("SBATCH_GPUS", ["--time=24:00:00", "--mem=8G"]),
        ("SBATCH_GPUS_PER_NODE", ["--time=24:00:00", "--mem=8G"]),
        ("SBATCH_GPUS_PER_SOCKET", ["--time=24:00:00", "--mem=8G"]),
        ("SBATCH_GPUS_PER_TASK", ["--time=24:00:00", "--mem=8G"]),
        ("SBATCH_TIMELIMIT", ["--mem=8G", "--gres=gpu:1"]),
        ("SBATCH_ACCOUNT", ["--time=24:00:00", "--mem=8G", "--gres=gpu:1"]),
    ],
)
def test_a_default_gives_way_to_the_users_variable(variable: str, left: list[str]) -> None:
    assert asked({variable: "1"}) == left


def test_what_the_user_asked_for_gives_way_to_no_variable() -> None:
    environ = {"SBATCH_MEM_PER_NODE": "1", "SBATCH_GRES": "gpu:4", "SBATCH_TIMELIMIT": "5"}
    assert asked(environ, 2, SlurmWishes("4G", "gpu:2")) == ["--time=2:00:00", "--mem=4G", "--gres=gpu:2"]


def test_a_default_that_was_said_by_hand_gives_way_to_no_variable() -> None:
    environ = {"SBATCH_MEM_PER_NODE": "1", "SBATCH_GPUS": "4", "SBATCH_TIMELIMIT": "5"}
    wishes = SlurmWishes(by_hand=frozenset(("time", "mem", "gres")))
    assert asked(environ, wishes=wishes) == ["--time=24:00:00", "--mem=8G", "--gres=gpu:1"]
    slurm = Slurm(wishes, environ)
    assert (slurm.replaced_defaults(ClusterWishes()), "SBATCH_GPUS" in slurm.environment(environ)) == ("", False)


def test_an_empty_variable_asks_for_nothing() -> None:
    assert asked({"SBATCH_MEM_PER_NODE": ""})[1] == "--mem=8G"


@pytest.mark.parametrize(
    "words, left",
    [
        (("--mem-per-cpu=2G",), ["--time=24:00:00", "--gres=gpu:1", "--mem-per-cpu=2G"]),
        (("-G", "2"), ["--time=24:00:00", "--mem=8G"]),
        (("--gpus-per-no=2",), ["--time=24:00:00", "--mem=8G"]),
        (("-t10",), ["--mem=8G", "--gres=gpu:1"]),
    ],
)
def test_a_default_gives_way_to_the_users_further_options(words: tuple[str, ...], left: list[str]) -> None:
    assert asked({}, wishes=SlurmWishes(options=words)) == left


@pytest.mark.parametrize(
    "wishes",
    [
        SlurmWishes(gres="gpu:2"),
        SlurmWishes(options=("--gres=gpu:1",)),
        SlurmWishes(options=("-G", "3")),
        SlurmWishes(options=("--gpus-per-task=1", "-n2")),
    ],
)
def test_other_ways_to_ask_for_gpus_do_not_add_to_those_that_the_user_asked_for(wishes: SlurmWishes) -> None:
    environ = {"SBATCH_GPUS": "4", "SBATCH_GPUS_PER_NODE": "4", "SBATCH_GRES": "gpu:2", "SBATCH_ACCOUNT": "lab"}
    assert Slurm(wishes, environ).environment(environ) == {"SBATCH_ACCOUNT": "lab"}


def test_gpus_of_the_environment_stay_beside_other_resources_that_the_user_asked_for() -> None:
    environ = {"SBATCH_GPUS": "4", "SBATCH_GRES": "gpu:2"}
    assert Slurm(SlurmWishes(options=("--gres=fs:1",)), environ).environment(environ) == environ
    environ = {"SBATCH_GRES": "fs:1"}
    assert Slurm(SlurmWishes(options=("--gpus=1",)), environ).environment(environ) == environ


def test_defaults_that_give_way_are_told_in_one_line() -> None:
    environ = {"SBATCH_MEM_PER_CPU": "2G", "SBATCH_GPUS": "2", "SBATCH_PARTITION": "short"}
    assert Slurm(SlurmWishes(), environ).replaced_defaults(ClusterWishes()) == (
        "using SBATCH_MEM_PER_CPU=2G, SBATCH_GPUS=2 from the environment instead of --slurm_mem=8G, --slurm_gres=gpu:1"
    )


@pytest.mark.parametrize(
    "word, variable", [("--mem-per-cpu=1G", "SBATCH_MEM_PER_NODE"), ("-t9", "SBATCH_TIMELIMIT"), ("-G2", "SBATCH_GRES")]
)
def test_a_variable_that_loses_against_the_users_further_options_is_not_told(word: str, variable: str) -> None:
    slurm = Slurm(SlurmWishes(options=(word,)), {variable: "7"})
    assert slurm.replaced_defaults(ClusterWishes()) == ""


@pytest.mark.parametrize("environ", [{}, {"SBATCH_PARTITION": "short"}])
def test_nothing_is_told_where_no_default_gives_way(environ: dict[str, str]) -> None:
    assert Slurm(SlurmWishes(), environ).replaced_defaults(ClusterWishes()) == ""
