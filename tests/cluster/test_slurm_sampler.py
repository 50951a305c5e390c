"""A sampler whose runs are jobs of a real Slurm."""

from __future__ import annotations

import pytest
from cluster_project import CLASSIC, ClusterProject
from suggested import check_each_prefix, idle_places, suggested

pytestmark = pytest.mark.cluster


@pytest.mark.parametrize("options", [["--num_jobs=8"], ["--num_jobs=4", "--slurm_array"]], ids=["jobs", "arrays"])
def test_a_sampler_keeps_all_jobs_busy_and_repeats_nothing(searches: ClusterProject, options: list[str]) -> None:
    searches.acts("true", x=list(range(30)))
    budget = ["--sampler=bayes", "--num_searches=20"]
    result = searches.project.run(*CLASSIC, *budget, *options, "--out_dir=out", "--force_out_dir")
    assert result.exit_status == 0, result.stderr
    assert searches.executions() == dict.fromkeys(range(1, 21), 1)
    assert len(set(suggested(searches.folder))) == 20
    assert idle_places(searches.folder, int(options[0].partition("=")[2]), 20) == 0
    assert check_each_prefix(searches.folder) == 20
