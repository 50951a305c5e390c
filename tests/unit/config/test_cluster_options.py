"""Options for a cluster without --run_cluster: refused on the cluster's own hosts, idle elsewhere; the scheduler."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest

from hpsearch.config.cluster_options import another_scheduler, check_runs_here, idle_options, with_installed_scheduler
from hpsearch.config.options import CLUSTER_OPTIONS, SearchOptions
from hpsearch.core.errors import UsageError

LSF, SLURM = ("bsub", "bjobs"), ("sbatch", "squeue")


def options(*typed: str, **values: object) -> SearchOptions:
    """Return options; the user gave those in `typed` and all that have a value here."""
    return SearchOptions(given_by_hand=(*typed, *values), **values)  # type: ignore[arg-type]


def refusal(given: SearchOptions, commands: Collection[str], environ: Mapping[str, str] = {}) -> str:
    """Return why a search may not run here; empty if it may. commands: those on PATH."""
    try:
        check_runs_here(given, given.given_by_hand, environ, lambda command: command in commands)
    except UsageError as error:
        return str(error)
    return ""


def test_an_option_for_the_cluster_around_is_refused_with_both_ways_out() -> None:
    assert refusal(options(slurm_mem="16G", num_jobs=4), SLURM) == (
        "--slurm_mem and --num_jobs have no effect without --run_cluster: add --run_cluster to submit the runs to "
        "Slurm, or --visible_gpus=... to run them on this machine (-1: without GPUs)"
    )


@pytest.mark.parametrize("name", CLUSTER_OPTIONS)
def test_every_option_for_a_cluster_counts(name: str) -> None:
    assert f"--{name} has no effect" in refusal(options(name), (*LSF, *SLURM))


@pytest.mark.parametrize(
    "given, commands, is_refused",
    [
        (options("slurm_mem"), SLURM, True),
        (options("slurm_mem"), LSF, False),
        (options("lsf_queue"), SLURM, False),
        (options("resources"), LSF, True),
        (options("num_hours"), LSF, True),
        (options("num_hours"), SLURM, True),
        (options("num_hours"), (), False),
        (options("num_hours", scheduler="slurm"), LSF, False),
        (options(scheduler="slurm"), ("sbatch",), True),
        (options(scheduler="lsf"), SLURM, False),
        (options("slurm_mem", visible_gpus="-1"), SLURM, False),
        (options("slurm_mem", "visible_gpus"), SLURM, False),
        (options("slurm_mem", run_cluster=True), SLURM, False),
        (options("num_cpu_jobs", "allowed_load"), SLURM, False),
        (SearchOptions(slurm_mem="16G"), SLURM, False),
    ],
)
def test_only_the_hosts_of_the_scheduler_that_is_meant_refuse(
    given: SearchOptions, commands: Collection[str], is_refused: bool
) -> None:
    assert bool(refusal(given, commands)) == is_refused


@pytest.mark.parametrize("variable", ["SLURM_JOB_ID", "LSB_JOBID", "PBS_JOBID"])
def test_a_search_inside_a_job_runs_there(variable: str) -> None:
    assert refusal(options("slurm_mem"), SLURM, {variable: "12"}) == ""


def test_where_both_schedulers_are_there_the_way_out_names_the_one_that_is_meant() -> None:
    assert "add --run_cluster --scheduler=slurm to submit" in refusal(options("slurm_mem"), (*LSF, *SLURM))
    assert "add --run_cluster to submit" in refusal(options("resources"), (*LSF, *SLURM))


@pytest.mark.parametrize(
    "given, told",
    [
        (options(num_jobs=4), "--num_jobs has no effect without --run_cluster; the runs start on this machine"),
        (options(num_jobs=4, run_cluster=True), ""),
        (
            options("slurm_mem", "slurm_gres", "num_jobs", run_cluster=True, scheduler="lsf"),
            "--slurm_mem and --slurm_gres have no effect with --scheduler=lsf",
        ),
        (options("resources", scheduler="slurm", run_cluster=True), "--resources has no effect with --scheduler=slurm"),
        (options("num_cpu_jobs"), ""),
    ],
)
def test_options_without_effect_are_named(given: SearchOptions, told: str) -> None:
    assert idle_options(given, given.given_by_hand) == told


@pytest.mark.parametrize(
    "given, commands, chosen",
    [
        (options(run_cluster=True), LSF, "lsf"),
        (options(run_cluster=True), SLURM, "slurm"),
        (options(run_cluster=True), (*LSF, *SLURM), "lsf"),
        (options(run_cluster=True), (), "lsf"),
        (options(run_cluster=True, scheduler="lsf"), SLURM, "lsf"),
        (options(run_cluster=True, scheduler="slurm"), LSF, "slurm"),
        (options("lsf_queue", run_cluster=True), SLURM, "lsf"),
        (options("resources", run_cluster=True), SLURM, "slurm"),
        (options("slurm_mem"), SLURM, "lsf"),
    ],
)
def test_a_scheduler_that_is_not_named_is_the_one_that_is_installed(
    given: SearchOptions, commands: Collection[str], chosen: str
) -> None:
    settled, told = with_installed_scheduler(given, lambda command: command in commands)
    assert (settled.scheduler, bool(told)) == (chosen, chosen != given.scheduler)


@pytest.mark.parametrize("commands, told", [(LSF, ". LSF is installed here: --scheduler=lsf"), (SLURM, ""), ((), "")])
def test_another_scheduler_is_offered_only_where_it_is_installed(commands: Collection[str], told: str) -> None:
    assert another_scheduler(options(scheduler="slurm"), lambda command: command in commands) == told


def test_the_choice_is_said() -> None:
    _, told = with_installed_scheduler(options(run_cluster=True), lambda command: command in SLURM)
    assert told == "using Slurm, because LSF is not installed here (--scheduler=slurm)"
