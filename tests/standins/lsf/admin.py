#!/usr/bin/env python3
"""Look after a cluster of the LSF stand-in from outside.

admin.py --stop DIR                          end the scheduler, all jobs and all calls that hang
admin.py --terminate DIR JOB REASON          kill a running job as LSF does, e.g. with TERM_MEMLIMIT
admin.py --scheduler DIR                     be the scheduler process (bsub starts it)
"""

import sys
import time

from standin_lsf.cluster import UNFINISHED, Cluster
from standin_lsf.ending import stop
from standin_lsf.reasons import REASONS
from standin_lsf.scheduler import KILL_STEPS, Scheduler
from standin_lsf.submit import ensure_scheduler

SIGKILL = KILL_STEPS[-1]


def main(argv):
    if len(argv) == 2 and argv[0] == "--stop":
        stop(Cluster(argv[1]))
    elif len(argv) == 4 and argv[0] == "--terminate":
        return terminate(Cluster(argv[1]), argv[2], argv[3])
    elif len(argv) == 2 and argv[0] == "--scheduler":
        Scheduler(Cluster(argv[1])).serve()
    else:
        sys.stderr.write(__doc__)
        return 2
    return 0


def terminate(cluster, key, reason):
    """Kill a job for a reason of the system's; the exit status is 1 if it does not run."""
    if reason not in REASONS:
        sys.stderr.write("admin.py: the reason must be one of {}\n".format(", ".join(REASONS)))
        return 2
    with cluster.locked() as state:
        job = state["jobs"].get(key)
        if job is None or job["process"] is None or job["stat"] not in UNFINISHED:
            sys.stderr.write(f"admin.py: job {key} does not run\n")
            return 1
        job["kill"] = {"reason": reason, "at": time.time(), "step": KILL_STEPS.index(SIGKILL)}
        ensure_scheduler(cluster, state)
    cluster.wake()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
