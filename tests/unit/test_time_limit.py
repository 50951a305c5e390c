"""A job's time limit, from hours to what a scheduler takes."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.backends.scheduler import time_limit
from hpsearch.config.old_names import write_slurm_script


@pytest.mark.parametrize(
    "hours, text",
    [
        (24, "24:00"),
        (0.5, "0:30"),
        (1.25, "1:15"),
        (0.1, "0:06"),
        (1.1, "1:06"),
        (1 / 3, "0:20"),
        (0.505, "0:31"),
        (0.001, "0:01"),
        (100, "100:00"),
    ],
)
def test_a_time_limit_is_hours_and_whole_minutes(hours: float, text: str) -> None:
    assert time_limit(hours) == text


@given(st.floats(0.001, 10_000))
def test_no_job_gets_less_time_than_was_asked_for(hours: float) -> None:
    full, minutes = time_limit(hours).split(":")
    assert int(full) * 60 + int(minutes) > hours * 60 - 0.001


def test_the_older_tools_script_gets_the_same_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options = dict.fromkeys(("slurm_mem", "slurm_gres", "slurm_partition", "slurm_qos", "slurm_constraint"))
    name = write_slurm_script(Namespace(num_hours=0.001, **options), "true", "sim")
    assert "#SBATCH --time 0:01:00" in Path(name).read_text().splitlines()
