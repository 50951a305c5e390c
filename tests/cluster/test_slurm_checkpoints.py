"""Runs on a real Slurm get a signal before their time limit, save their state, and go on in another job."""

from __future__ import annotations

import os

import pytest
from cluster_project import ClusterProject, said
from project import wait_until

pytestmark = pytest.mark.cluster

#: Counts steps to `total`, each as a line of `steps`; saves the count on SIGUSR1. At 10, 20, ... it waits for it, under
#: the name `saved.N`, or counts one step a second for as long as it is `slow`.
COUNTS = """\
#!/bin/bash
for word; do name=${word%%=*}; printf -v "${name#--}" %s "${word#*=}"; done
step=0
for saved in "${resume_from:-$out_dir}/step"; do if [ -e "$saved" ]; then read -r step <"$saved"; fi; done
echo "$step" >>starts
mkdir %s "$out_dir" || exit 3
is_over=0
trap 'is_over=1' USR1
while [ "$step" -lt "$total" ] && [ "$is_over" = 0 ]; do
    step=$((step + 1))
    echo "$step" >>steps
    if [ "$slow" = 1 ]; then read -t 6 <> <(:); continue; fi
    if [ $((step % 10)) = 0 ] && [ "$step" != "$total" ]; then
        >"saved.$step"
        while [ "$is_over" = 0 ]; do read -t 0.1 <> <(:); done
    fi
done
echo "$step" >"$out_dir/step"
if [ "$step" = "$total" ]; then printf 'acc 1\\nfinished 1\\n' >"$out_dir/summary.txt"; fi
exit "$status"
"""
ALL_STEPS = [str(step) for step in range(1, 41)]


def _counts(searches: ClusterProject, attribute: str, total: int = 40, slow: int = 0, status: int = 0) -> None:
    script = COUNTS.replace("mkdir %s", "mkdir -p" if "KEEP" in attribute else "mkdir")
    grid = {"total": [total], "slow": [slow], "status": [status]}
    searches.project.grid(grid, script=script, more=f"{attribute}\n")


def _lines(searches: ClusterProject, name: str) -> list[str]:
    return (searches.project.path / name).read_text().split()


@pytest.mark.parametrize(
    "attribute, options",
    [('_CONTINUE_ARG = "resume_from"', ()), ("_KEEP_OUT_DIR = True", ("--slurm_array", "--runs_per_job=2"))],
    ids=["a fresh folder", "the same folder, an array"],
)
def test_a_run_that_saves_on_the_signal_goes_on_in_further_jobs(
    searches: ClusterProject, attribute: str, options: tuple[str, ...]
) -> None:
    _counts(searches, attribute)
    search = searches.start("--signal_before_end=60", "--more_columns", "--max_failures=1", *options)
    for attempt, step in enumerate((10, 20, 30), start=1):
        searches.wait_for_events("submitted", attempt)
        wait_until((searches.project.path / f"saved.{step}").exists, f"step {step}", 60)
        searches.cluster.run(["scancel", "--signal=USR1", "--batch", searches.job_ids()[-1]])
    result = searches.end(search)
    assert (result.exit_status, _lines(searches, "steps")) == (0, ALL_STEPS), result.stderr
    assert _lines(searches, "starts") == ["0", "10", "20", "30"]
    assert said(result, "run 1/1 timed out after", "it ended after SIGUSR1; continuing it") == []
    (row,) = searches.rows()
    took = sum(float(str(e["at"])) - float(str(e["began"])) for e in searches.events("ended"))
    assert (row["state"], round(float(row["seconds"]), 1)) == ("finished", round(took, 1))


def test_slurm_sends_the_signal_before_the_limit_whatever_the_script_then_exits_with(searches: ClusterProject) -> None:
    _counts(searches, '_CONTINUE_ARG = "resume_from"', status=7)
    search = searches.start("--signal_before_end=60", "--num_hours=0:05", "--max_continuations=0")
    wait_until((searches.project.path / "saved.10").exists, "step 10", 60)
    # Slurm checks time limits every 30 s; the signal comes a minute before the limit.
    searches.cluster.run(["scontrol", "update", f"JobId={searches.job_ids()[0]}", "EndTime=now+70"])
    result = searches.end(search)
    assert (searches.states(), result.exit_status) == ({1: "timed out"}, 1)
    assert (
        said(result, "it ended after SIGUSR1 (exit status 7)", "is not continued any more (--max_continuations=0)")
        == []
    )
    assert (_lines(searches, "steps"), _lines(searches, "starts")) == (ALL_STEPS[:10], ["0"])


def test_what_timed_out_without_a_controller_is_continued_when_the_search_is_resumed(searches: ClusterProject) -> None:
    _counts(searches, '_CONTINUE_ARG = "resume_from"', total=20)
    assert searches.run("--submit_only", "--signal_before_end=60").exit_status == 0
    wait_until((searches.project.path / "saved.10").exists, "step 10", 60)
    searches.cluster.run(["scancel", "--signal=USR1", "--batch", searches.job_ids()[0]])
    wait_until(
        (searches.folder / ".hpsearch" / "exits" / str(searches.events("submitted")[0]["token"])).exists,
        "its exit file",
        60,
    )
    result = searches.resume()
    assert (result.exit_status, _lines(searches, "starts")) == (0, ["0", "10"]), result.stderr
    assert _lines(searches, "steps") == ALL_STEPS[:20]


@pytest.mark.slow
@pytest.mark.skipif(
    "HPSEARCH_TIME_LIMITS" not in os.environ, reason="four limits of two minutes: HPSEARCH_TIME_LIMITS=1"
)
def test_three_real_time_limits_cost_no_step(searches: ClusterProject) -> None:
    _counts(searches, '_CONTINUE_ARG = "resume_from"', slow=1)
    result = searches.run("--signal_before_end=60", "--num_hours=0:02", "--more_columns", timeout=900)
    assert (result.exit_status, _lines(searches, "steps")) == (0, ALL_STEPS), result.stderr
    assert len(_lines(searches, "starts")) >= 4
