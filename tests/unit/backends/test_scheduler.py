"""What every scheduler's module can use: a time limit as text, and the defaults of the promise."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.backends.scheduler import ClusterWishes, Scheduler, Submission, submissions_text, time_limit
from hpsearch.backends.shell import Answer
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


@pytest.mark.parametrize(
    "jobs, text",
    [
        ([("27_1", "27"), ("27_2", "27")], "array job 27"),
        ([("27[1]", "27"), ("28[1]", "28")], "array jobs 27, 28"),
        ([("27_1;two", "27;two"), ("12_1;one", "12;one")], "array jobs 27 on two, 12 on one"),
        ([("27", None), ("27", None)], "job 27"),
        ([(str(number), None) for number in range(1007)], "jobs 0, 1, 2, 3, 4 and 1,002 more"),
    ],
)
def test_people_read_what_jobs_were_submitted_as(jobs: list[tuple[str, str | None]], text: str) -> None:
    assert submissions_text(jobs) == text


def test_the_older_tools_script_gets_the_same_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options = dict.fromkeys(("slurm_mem", "slurm_gres", "slurm_partition", "slurm_qos", "slurm_constraint"))
    name = write_slurm_script(Namespace(num_hours=0.001, **options), "true", "sim")
    assert "#SBATCH --time 0:01:00" in Path(name).read_text().splitlines()


def test_a_class_that_inherits_accepts_every_version_and_has_neither_header_nor_history() -> None:
    class Plain(Scheduler):
        """Says nothing itself."""

    plain, answer = Plain(), Answer(0, "", "")
    job = Submission("sim_1.1.abc", "sim_1", Path("/logs"), ())
    told = (plain.header(job, ClusterWishes()), plain.history_command(["1"]), plain.history_rows(answer))
    assert (plain.check_version(answer), *told) == (None, (), None, None)
