"""20 jobs of 1 s on a look-alike of LSF, 5 at once: against the ideal, and a bare loop of bsub of the same scripts."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from _measure import TINY_SCRIPT, answer, hpsearch_argv, loop_seconds, rows, scratch_project, seconds

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from standins.worlds import FakeLsf

COUNT, AT_ONCE, JOB_S = 20, 5, 1
SCRIPT = TINY_SCRIPT + f"sleep {JOB_S}\n"
#: Submits all scripts one after another and waits until no job is left.
LOOP = """\
for script in "$1"/.hpsearch/logs/*.sh; do bsub -o /dev/null <"$script" || exit 1; done
while [ -n "$(bjobs -noheader -o jobid)" ]; do sleep 0.1; done
"""


def search(out_dir: str, *options: str) -> list[str]:
    """Return the command of a search on LSF."""
    fixed = ("--grid_module=config", f"--out_dir={out_dir}", "--force_out_dir", "--run_cluster")
    return hpsearch_argv(*fixed, f"--num_jobs={AT_ONCE}", *options)


def main() -> None:
    """Print the ratios of the wall times, and how often LSF was asked."""
    ideal_s = COUNT / AT_ONCE * JOB_S
    with scratch_project(f"{{'x': list(range({COUNT}))}}", script=SCRIPT) as folder:
        with FakeLsf(folder / "lsf") as lsf:
            lsf.write(slots=AT_ONCE)
            os.environ.update(lsf.env())
            ours = seconds(search("out"), folder)
            asked, found = len(lsf.calls("bjobs")), rows(folder, "out")
            by_loop = loop_seconds(folder, LOOP, "out", "sim_*/job_*.sh", COUNT)
            as_array = seconds(search("array", "--lsf_array"), folder)
            array_rows = rows(folder, "array")
    figures = f"{ours:.2f} s, ideal {ideal_s:.0f} s; {found} rows; {asked} calls of bjobs"
    answer(f"{COUNT} jobs of {JOB_S} s, {AT_ONCE} at once / ideal", ours / ideal_s, 2, figures)
    # The loop hands over everything at once; the search submits a job only when another one has ended.
    answer("the same / bare loop of bsub", ours / by_loop, 1.5, f"{ours:.2f} s, loop {by_loop:.2f} s")
    figures = f"{as_array:.2f} s; {array_rows} rows"
    answer("the same as an array / bare loop of bsub", as_array / by_loop, 1.3, figures)


if __name__ == "__main__":
    main()
