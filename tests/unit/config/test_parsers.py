"""The options of a search in a user's own parser."""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable

import pytest

from hpsearch.config.parsers import hpsearch_cli_arguments

Target = argparse.ArgumentParser | argparse._ArgumentGroup


def whole(parser: argparse.ArgumentParser) -> Target:
    return parser


def group(parser: argparse.ArgumentParser) -> Target:
    return parser.add_argument_group("search")


TARGETS = pytest.mark.parametrize("target", [whole, group])


@TARGETS
def test_all_options_of_a_search_are_added_with_their_defaults(target: Callable[..., Target]) -> None:
    parser = argparse.ArgumentParser()
    hpsearch_cli_arguments(target(parser), dout_dir="./mine")
    options = parser.parse_args(["--num_hours=3", "--retries=2", "--lsf_options=-P lab"])
    assert (options.out_dir, options.num_hours, options.retries, options.dry_run) == ("./mine", 3, 2, False)
    assert (options.lsf_options, options.slurm_options) == (["-P lab"], [])


@TARGETS
def test_a_parser_keeps_an_option_that_it_had_before(target: Callable[..., Target]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--dry_run", default="mine")
    hpsearch_cli_arguments(target(parser))
    assert parser.parse_args([]).dry_run == "mine"
    assert parser.parse_args(["--dry_run=x"]).dry_run == "x"


@TARGETS
def test_a_parser_keeps_an_option_that_it_gets_later(target: Callable[..., Target]) -> None:
    parser = argparse.ArgumentParser()
    hpsearch_cli_arguments(target(parser))
    parser.add_argument("--dry_run", default="mine")
    parser.add_argument_group("other").add_argument("--retries", type=float, default=0.5, help="what I retry")
    options = parser.parse_args(["--dry_run=x"])
    assert (options.dry_run, options.retries, options.resume) == ("x", 0.5, "")
    assert "what I retry" in parser.format_help()
    assert "Run a failed run again" not in parser.format_help()


@TARGETS
def test_a_positional_argument_keeps_its_name(target: Callable[..., Target]) -> None:
    parser = argparse.ArgumentParser()
    hpsearch_cli_arguments(target(parser))
    parser.add_argument("resume")
    assert parser.parse_args(["yes"]).resume == "yes"


@TARGETS
def test_defaults_that_the_parser_sets_count(target: Callable[..., Target]) -> None:
    parser = argparse.ArgumentParser()
    hpsearch_cli_arguments(target(parser))
    parser.set_defaults(retries=7, num_jobs=3)
    parser.add_argument("--dry_run", default="mine")
    options = parser.parse_args([])
    assert (options.retries, options.num_jobs, options.dry_run) == (7, 3, "mine")


@TARGETS
def test_the_help_lists_all_options(target: Callable[..., Target]) -> None:
    parser = argparse.ArgumentParser()
    hpsearch_cli_arguments(target(parser))
    text = parser.format_help()
    assert all(f"  --{name}" in text for name in ("num_jobs", "resume", "retries", "slurm_array"))
    assert "hpsearch_options" not in text


def test_a_name_of_the_older_tool_stays_a_conflict() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--num_jobs")
    with pytest.raises(argparse.ArgumentError, match="conflicting option string: --num_jobs"):
        hpsearch_cli_arguments(parser)


def test_what_stands_in_for_later_options_is_none_itself(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    hpsearch_cli_arguments(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["--hpsearch_options"])
    assert "unrecognized arguments: --hpsearch_options" in capsys.readouterr().err


def test_a_copy_of_a_parser_and_its_original_have_all_options() -> None:
    parser = argparse.ArgumentParser()
    hpsearch_cli_arguments(parser)
    copied = copy.deepcopy(parser)
    assert [each.parse_args(["--retries=2"]).retries for each in (copied, parser)] == [2, 2]


def test_parsers_with_a_common_parent_have_all_options() -> None:
    parent = argparse.ArgumentParser(add_help=False)
    parent.add_argument("--dry_run", default="mine")
    hpsearch_cli_arguments(parent)
    parsers = [argparse.ArgumentParser(parents=[parent]) for _ in range(2)]
    options = [each.parse_args(["--retries=2"]) for each in parsers]
    assert [(each.retries, each.num_jobs, each.dry_run) for each in options] == [(2, 8, "mine")] * 2


def test_a_subcommand_keeps_its_own_options() -> None:
    parser = argparse.ArgumentParser()
    search = parser.add_subparsers().add_parser("search")
    hpsearch_cli_arguments(search)
    search.add_subparsers()
    search.add_argument("--dry_run", default="mine")
    options = parser.parse_args(["search", "--retries=1"])
    assert (options.dry_run, options.retries, options.num_jobs) == ("mine", 1, 8)
