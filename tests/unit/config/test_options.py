"""The options of a search: which the journal keeps, and which can be combined."""

from __future__ import annotations

import argparse

import pytest

from hpsearch.config.option_checks import check_together, with_given
from hpsearch.config.option_values import SAMPLERS, at_least, one_of
from hpsearch.config.options import SearchOptions, options_from
from hpsearch.config.parsers import add_options
from hpsearch.config.written_options import recorded, to_argv
from hpsearch.core.errors import UsageError

#: The options that an early version kept in its journal, in this order.
EARLIER = (
    "grid_module grid_config num_searches deterministic_search random_seed dont_generate_full_grid dry_run "
    "out_dir force_out_dir dont_force_new_dir name more_columns run_cwd num_cpu_jobs retries max_failures "
    "interpreter parser_timeout verbose resume runs_are_gone visible_gpus max_num_jobs_per_gpu num_gpus_per_run "
    "allowed_load allowed_memory min_free_memory exclusive_gpus sim_startup_time gpu_samples run_cluster "
    "scheduler num_jobs num_hours resources slurm_mem slurm_gres slurm_partition slurm_qos slurm_constraint "
    "slurm_options slurm_array lsf_queue lsf_options lsf_array job_setup runs_per_job runs_per_job_sequential "
    "submit_only max_wait_for_scheduler poll_interval_max given_by_hand"
)


def _given(*words: str) -> SearchOptions:
    parser = argparse.ArgumentParser()
    add_options(parser, {})
    return options_from(parser.parse_args(["--grid_module=m", *words]), {})


def test_a_search_without_new_options_records_what_it_always_did() -> None:
    assert list(recorded(SearchOptions())) == EARLIER.split()


def test_a_search_with_seeds_records_them_and_gives_them_back_as_words() -> None:
    options = SearchOptions(seeds_list="42,7", seed_option="s")
    assert {"seeds_list": "42,7", "seed_option": "s"}.items() <= recorded(options).items()
    assert to_argv(options) == ["--seeds_list=42,7", "--seed_option=s"]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (SearchOptions(), ()),
        (SearchOptions(num_seeds=2), ("random_seed",)),
        (SearchOptions(seeds_list="1", seed_option="s", vary_data_seed=True), ("s", "data_random_seed")),
    ],
)
def test_the_seed_goes_to_these_options(options: SearchOptions, names: tuple[str, ...]) -> None:
    assert options.seed_options == names


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (SearchOptions(num_seeds=2, seeds_list="1"), "--num_seeds and --seeds_list both say which seeds"),
        (SearchOptions(seed_option="s"), "--seed_option has no effect without seeds: add --num_seeds=N or"),
        (SearchOptions(vary_data_seed=True), "--vary_data_seed has no effect without seeds"),
    ],
)
def test_options_of_seeds_that_make_no_sense_together_are_refused(options: SearchOptions, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_together(options)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--sampler=random"], "--sampler=random chooses configurations: say how many with --num_searches=N"),
        (["--sampler=bayes"], "--sampler=bayes chooses configurations: say how many with --num_searches=N"),
        (["--optuna_sampler=gp"], "--optuna_sampler has no effect without --sampler=optuna"),
        (
            ["--sampler=grid", "--dont_generate_full_grid", "--num_searches=3"],
            "--sampler=grid: --dont_generate_full_grid is --sampler=random: leave one of the two out",
        ),
    ],
    ids=" ".join,
)
def test_a_sampler_that_cannot_do_what_is_asked_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(UsageError) as refused:
        check_together(_given(*words))
    assert str(refused.value) == message


@pytest.mark.parametrize("words", [["--sampler=random"], ["--dont_generate_full_grid"]], ids=" ".join)
def test_random_is_a_sample_of_a_grid_that_is_not_built(words: list[str]) -> None:
    options = _given(*words, "--num_searches=3")
    check_together(options)
    assert options.is_sampled


def test_an_unknown_sampler_is_told_with_the_known_ones() -> None:
    with pytest.raises(argparse.ArgumentTypeError) as refused:
        one_of(SAMPLERS)("tpe")
    assert str(refused.value) == "expected grid, random, sobol, bayes or optuna, found 'tpe'"


def test_seeds_on_a_resume_are_refused_with_the_command_that_adds_them() -> None:
    with pytest.raises(UsageError, match=r"already planned; for more seeds: hpsearch seeds DIR$"):
        with_given(SearchOptions(), {"num_seeds": 5})


def test_a_number_that_the_journal_could_not_hold_is_refused() -> None:
    with pytest.raises(
        argparse.ArgumentTypeError, match="at most 9,223,372,036,854,775,807, found 99999999999999999999"
    ):
        at_least(1)("99999999999999999999")
