"""Hopeless runs on a real Slurm: the job or the array's task of one run is ended, and no other."""

from __future__ import annotations

import pytest
from cluster_project import WAITS, ClusterProject
from project import wait_until

pytestmark = pytest.mark.cluster

GOOD = f"echo value 10; {WAITS}"
#: Saves its state when it is told to end.
BAD = f"trap 'echo yes >\"$out_dir/saved\"; exit 1' TERM; echo value 1; {WAITS}"
OPTIONS = ("--num_jobs=4", "--stop_early=median", "--stop_after=1", r"--progress_pattern=value (\d+)")


@pytest.mark.parametrize("options", [(), ("--slurm_array",)], ids=["jobs", "an array"])
def test_only_the_hopeless_run_is_ended_with_time_to_save_its_state(
    searches: ClusterProject, options: tuple[str, ...]
) -> None:
    searches.acts(GOOD, BAD, f"{GOOD}; true", f"{GOOD}; :")
    search = searches.start(*OPTIONS, *options)
    searches.wait_for_events("stopped")
    wait_until(lambda: any(searches.folder.glob("sim_*/saved")), "the saved state")
    searches.wait_for_events("ended")
    live = len(searches.live_jobs())
    searches.go()
    result = searches.end(search)
    assert (result.exit_status, live) == (0, 3), result.stderr
    assert searches.states() == {1: "finished", 2: "stopped early", 3: "finished", 4: "finished"}
    assert dict(searches.executions()) == dict.fromkeys(range(1, 5), 1)


def test_a_run_among_others_in_its_job_is_ended_once_it_is_alone(searches: ClusterProject) -> None:
    searches.acts(GOOD, BAD.replace(WAITS, "sleep 600"), f"{GOOD}; true", f"{GOOD}; :")
    search = searches.start(*OPTIONS, "--runs_per_job=2")
    searches.wait_for_message("run 2 is hopeless, but it can be ended only when it is alone in its job")
    searches.go()
    result = searches.end(search)
    assert result.exit_status == 0, result.stderr
    assert searches.states() == {1: "finished", 2: "stopped early", 3: "finished", 4: "finished"}
