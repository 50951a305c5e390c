"""Whole numbers in texts that others wrote, and the readers that meet them."""

from __future__ import annotations

import argparse

import pytest

from hpsearch.backends.cluster.lsf import Lsf, LsfWishes
from hpsearch.backends.cluster.slurm import Slurm, SlurmWishes
from hpsearch.backends.gpu.nvidia_smi import read_gpus
from hpsearch.backends.launcher import read_exit_note
from hpsearch.backends.shell import Answer
from hpsearch.config.option_values import gpu_list, hours
from hpsearch.core.value_text import integer
from hpsearch.folder.run_tables import _by_number

#: Digits to `str.isdigit`, or to ``\d``, that are no number which a program would write.
ODD = pytest.mark.parametrize("odd", ["\u00b2", "1\u00b2", "\u0661\u0662", "9" * 6000])


@pytest.mark.parametrize("text, number", [("0", 0), ("007", 7), ("9" * 18, 10**18 - 1)])
def test_ascii_digits_are_a_whole_number(text: str, number: int) -> None:
    assert integer(text) == number


@pytest.mark.parametrize("text", ["", " 1", "1 ", "-1", "+1", "1.0", "1_000", "9" * 19, "\n"])
def test_everything_else_is_no_whole_number(text: str) -> None:
    assert integer(text) is None


@ODD
def test_odd_digits_are_no_whole_number(odd: str) -> None:
    assert integer(odd) is None


@ODD
def test_odd_digits_in_an_exit_file_are_no_exit_status(odd: str) -> None:
    assert read_exit_note(f"0 0 {odd} 1 host\n") is None


@ODD
def test_a_card_with_odd_digits_as_its_number_is_none(odd: str) -> None:
    table = read_gpus(Answer(0, f"{odd}, GPU-1\n", ""), "index,uuid")
    assert table is not None
    assert table.rows == []


@ODD
def test_odd_digits_as_an_index_mean_a_slurm_job_without_one(odd: str) -> None:
    slurm = Slurm(SlurmWishes())
    (row,) = slurm.rows(Answer(0, f"7|{odd}|RUNNING|None|node|/s/sim_1.sh\n", "")) or []
    assert (row.id, row.number) == ("7", None)


@ODD
def test_an_exit_code_of_odd_digits_is_unknown_to_sacct_readers(odd: str) -> None:
    (row,) = Slurm(SlurmWishes()).history_rows(Answer(0, f"7|FAILED|{odd}:0|sim_1\n", "")) or []
    assert row.status.exit_status is None


@ODD
def test_an_exit_code_of_odd_digits_is_unknown_to_bjobs_readers(odd: str) -> None:
    (row,) = Lsf(LsfWishes()).rows(Answer(0, f"7^0^EXIT^{odd}^host^/s/sim_1.lsf^-^-\n", "")) or []
    assert row.status.exit_status is None


@ODD
def test_an_array_limit_of_odd_digits_is_the_default(odd: str) -> None:
    slurm, lsf = Slurm(SlurmWishes()), Lsf(LsfWishes())
    limits = (
        slurm.array_limit(Answer(0, f"MaxArraySize = {odd}\n", "")),
        lsf.array_limit(Answer(0, f"MAX_JOB_ARRAY_SIZE = {odd}\n", "")),
    )
    assert limits == (slurm.array_limit(None), lsf.array_limit(None))


@ODD
def test_a_gpu_list_of_odd_digits_is_refused(odd: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="expected GPU indices"):
        gpu_list(odd)


@ODD
def test_hours_of_odd_digits_are_refused(odd: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="expected a positive number of hours"):
        hours(f"1:{odd}")


@ODD
def test_a_place_of_odd_digits_can_be_sorted(odd: str) -> None:
    assert sorted([f"GPU {odd}", "GPU 1"], key=_by_number)[0] == "GPU 1"
