"""Jobs that a search of version 1.0 left to a Slurm, which has forgotten them since."""

from __future__ import annotations

import pytest
from cluster_project import ClusterProject
from project import rows
from version_1 import restored

pytestmark = pytest.mark.cluster


def test_jobs_that_were_left_to_slurm_are_collected(searches: ClusterProject) -> None:
    folder = restored("slurm", searches.project)
    result = searches.project.run("--resume=searches/s", "--poll_interval_max=1")
    assert (result.exit_status, [row["acc"] for row in rows(folder)]) == (0, ["3.42", "2.42", "1.42"]), result.stderr
