"""Where the runs of a search go: this machine's GPUs or processors, or a scheduler with the user's wishes."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpsearch.backends.cluster.slurm import Slurm
from hpsearch.backends.gpu.slots import GpuLimits
from hpsearch.backends.local import SequentialBackend
from hpsearch.backends.scheduler import ClusterWishes
from hpsearch.config.options import SearchOptions
from hpsearch.console.console import Console
from hpsearch.core.errors import UsageError
from hpsearch.search.backend_choice import _cluster_wishes, _gpu_limits, _scheduler, choose_backend


@pytest.mark.parametrize(
    ("by_hand", "replaced"),
    [
        ((), "--num_hours=24, --slurm_mem=8G, --slurm_gres=gpu:1"),
        (("num_hours",), "--slurm_mem=8G, --slurm_gres=gpu:1"),
        (("slurm_mem",), "--num_hours=24, --slurm_gres=gpu:1"),
        (("slurm_gres",), "--num_hours=24, --slurm_mem=8G"),
    ],
)
def test_a_default_that_was_given_by_hand_is_not_left_to_the_environment(
    by_hand: tuple[str, ...], replaced: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TIMELIMIT", "MEM_PER_NODE", "GRES"):
        monkeypatch.setenv(f"SBATCH_{name}", "1")
    scheduler = _scheduler(SearchOptions(scheduler="slurm", given_by_hand=by_hand))
    assert isinstance(scheduler, Slurm)
    assert scheduler.replaced_defaults(ClusterWishes()).endswith(f" from the environment instead of {replaced}")


@pytest.mark.parametrize(
    ("options", "continues", "saves"), [({}, False, False), ({}, True, True), ({"signal_before_end": 9}, False, True)]
)
def test_a_job_is_told_of_its_end_only_if_its_runs_save_their_state(
    options: dict[str, int], continues: bool, saves: bool
) -> None:
    wishes = _cluster_wishes(SearchOptions(num_hours=7, scheduler="slurm", **options), continues)
    assert (wishes.hours, wishes.saves_on_signal) == (7, saves)


@pytest.mark.parametrize("gpus", ["", "-1"])
def test_without_gpus_runs_use_the_processors(
    gpus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    backend = choose_backend(SearchOptions(visible_gpus=gpus, num_cpu_jobs=3), Console())
    backend.close()
    assert (type(backend), "3 runs at once" in capsys.readouterr().err) == (SequentialBackend, gpus == "")


def test_the_signal_before_the_end_comes_before_the_end() -> None:
    with pytest.raises(UsageError, match=r"^--signal_before_end=3600: expected fewer seconds than the 3600 of"):
        _cluster_wishes(SearchOptions(num_hours=1, signal_before_end=3600))


def test_each_option_for_gpus_reaches_their_backend() -> None:
    options = SearchOptions(
        allowed_load=0.1,
        allowed_memory=0.2,
        min_free_memory=3,
        sim_startup_time=4,
        max_num_jobs_per_gpu=5,
        num_gpus_per_run=6,
        visible_gpus="7,8",
        gpu_samples=9,
        exclusive_gpus=True,
    )
    assert _gpu_limits(options) == GpuLimits(0.1, 0.2, 3, 4, 5, 6, (7, 8), 9, True)
