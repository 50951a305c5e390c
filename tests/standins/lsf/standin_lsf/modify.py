"""bmod: how many jobs of an array may run at once, and nothing else."""

import sys


def bmod(cluster, argv, fault):
    """Do what `bmod -J %NUMBER ID` asks for; return bmod's exit status."""
    if len(argv) != 3 or argv[0] != "-J" or not argv[1].startswith("%") or not argv[1][1:].isdigit():
        sys.stderr.write("bmod stand-in: it knows only -J %NUMBER ID\n")
        return 255
    with cluster.locked() as state:
        jobs = [job for job in state["jobs"].values() if str(job["id"]) == argv[2]]
        for job in jobs:
            job["array_limit"] = int(argv[1][1:])
    cluster.wake()
    if not jobs:
        sys.stderr.write(f"Job <{argv[2]}>: No matching job found\n")
        return 255
    sys.stdout.write(f"Parameters of job <{argv[2]}> are being changed\n")
    return 0
