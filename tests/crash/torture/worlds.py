"""Where a history happens: one run at a time, several, on look-alike GPUs, on a look-alike LSF or PBS, on Slurm."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from standins.pbs_world import FakePbs
from standins.worlds import FakeGpus, FakeLsf

TESTS = Path(__file__).resolve().parent.parent.parent
_QUIET_GPUS = ("--visible_gpus=", "--sim_startup_time=0", "--gpu_samples=1", "--max_num_jobs_per_gpu=2")
_CLUSTER = ("--run_cluster", "--num_jobs=4", "--poll_interval_max=1")


def _nothing() -> None:
    """Do nothing: there is nothing to repair."""


@dataclass(frozen=True)
class World:
    """Surroundings of a search. options: those of its first command. troubles: name -> what begins it.

    is_local: runs are children of the controller. mend: ends all trouble. patience_s: how long a search may take to
    its end once all is well.
    """

    options: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    troubles: Mapping[str, Callable[[], object]] = field(default_factory=dict)
    is_local: bool = True
    mend: Callable[[], object] = _nothing
    patience_s: float = 300


@contextmanager
def sequential(folder: Path) -> Iterator[World]:
    """One run after another."""
    yield World(("--visible_gpus=-1",))


@contextmanager
def several(folder: Path) -> Iterator[World]:
    """Three runs at once."""
    yield World(("--visible_gpus=-1", "--num_cpu_jobs=3"))


@contextmanager
def gpu(folder: Path) -> Iterator[World]:
    """Two runs on each of two look-alike GPUs, whose driver may fail."""
    with FakeGpus(folder / "gpus") as gpus:
        gpus.write({}, {})
        path = {"PATH": gpus.env()["PATH"], "HPSEARCH_GPU_LOCKS": str(folder / "locks")}

        def failing(**failure: object) -> Callable[[], object]:
            return lambda: gpus.write({}, {}, failures=[failure])

        troubles = {
            "no driver": failing(kind="no_driver"),
            "a lost card": failing(kind="lost_gpu"),
            "an empty answer": failing(kind="empty"),
            "a crash": failing(kind="crash"),
            "slow": failing(kind="hang", seconds=0.7),
            "a busy card": lambda: gpus.write({"load_percent": 100}, {}),
        }
        yield World(_QUIET_GPUS, {**gpus.own_variables(), **path}, troubles, mend=lambda: gpus.write({}, {}))


@contextmanager
def lsf(folder: Path) -> Iterator[World]:
    """Four slots of a look-alike LSF."""
    with FakeLsf(folder / "lsf") as cluster:
        usual: dict[str, object] = {"terminate_interval_s": 0.2}

        def faulty(*faults: Mapping[str, object], **settings: object) -> Callable[[], object]:
            return lambda: cluster.write(**usual, **settings, faults=list(faults))

        def kill_jobs(reason: str) -> Callable[[], object]:
            return lambda: [cluster.terminate(job.key, reason) for job in cluster.jobs() if job.state == "RUN"]

        every = ("bsub", "bjobs", "bkill")
        troubles = {
            "down": faulty(*({"command": name, "kind": "down", "seconds": 0.5} for name in every)),
            "slow": faulty(*({"command": name, "kind": "slow", "seconds": 0.6} for name in every)),
            "library errors": faulty(*({"command": name, "kind": "library_error"} for name in every)),
            "empty answers": faulty({"command": "bjobs", "kind": "empty"}),
            "missing jobs": faulty({"command": "bjobs", "kind": "missing", "count": 2, "silent": True}),
            "crashes": faulty(*({"command": name, "kind": "crash"} for name in every)),
            "lost replies": faulty({"command": "bsub", "kind": "lost_reply"}),
            "refused": faulty({"command": "bsub", "kind": "no_permission"}),
            "kills are ignored": faulty({"command": "bkill", "kind": "ignored"}),
            "forgetful": faulty(clean_period_s=0.3),
            "jobs preempted": kill_jobs("TERM_PREEMPT"),
            "jobs out of memory": kill_jobs("TERM_MEMLIMIT"),
            "jobs killed by the owner": kill_jobs("TERM_OWNER"),
        }
        faulty()()
        environment = {**cluster.own_variables(), "PATH": cluster.env()["PATH"]}
        yield World(_CLUSTER, environment, troubles, is_local=False, mend=faulty())


@contextmanager
def pbs(folder: Path) -> Iterator[World]:
    """Four slots of a look-alike PBS, through a scheduler module of the user's own."""
    with FakePbs(folder / "pbs") as cluster:
        cluster.write()
        shutil.copyfile(TESTS / "backends" / "pbs.py", folder / "own_pbs.py")
        path = {"PATH": cluster.env()["PATH"], "PYTHONPATH": str(folder)}
        options = (*_CLUSTER, "--scheduler=own_pbs:Pbs")
        troubles: Mapping[str, Callable[[], object]] = {
            "down": cluster.silence,
            "forgetful": lambda: cluster.write(has_history=False),
        }

        def mend() -> None:
            cluster.answer()
            cluster.write()

        yield World(options, path, troubles, is_local=False, mend=mend)


@contextmanager
def slurm(folder: Path) -> Iterator[World]:
    """Two nodes of a real Slurm."""
    sys.path.insert(0, str(TESTS / "cluster"))
    from slurm_cluster import ClusterError, SlurmCluster

    cluster = SlurmCluster.start()
    # Brings the controller back; empty while it is there.
    returns: list[Callable[[], object]] = []
    try:
        environment = {"SLURM_CONF": str(cluster.conf), "PATH": cluster.env["PATH"]}
        options = (*_CLUSTER, "--scheduler=slurm", "--slurm_mem=100", "--slurm_gres=")

        def stop(kill: bool) -> None:
            cluster.stop_controller(kill)
            returns.append(cluster.start_controller)

        def hang() -> None:
            hanging = cluster.hang_controller()
            hanging.__enter__()
            returns.append(lambda: hanging.__exit__(None, None, None))

        def for_jobs(state: str, do: Callable[[str], object]) -> None:
            for job in cluster.squeue("-t", state, "-o", "%A"):
                # It may have ended since.
                with suppress(ClusterError):
                    do(job)

        def requeue(job: str) -> None:
            # Our jobs do not allow it; an administrator can allow it.
            cluster.run(["scontrol", "update", f"JobId={job}", "Requeue=1"])
            cluster.run(["scontrol", "requeue", job])
            # Slurm would wait for two minutes; its node needs a moment to clear away the first start.
            cluster.wait_for(job, "PENDING")
            cluster.run(["scontrol", "update", f"JobId={job}", "StartTime=now+2"])

        def mend() -> None:
            while returns:
                returns.pop()()
            for_jobs("PENDING", lambda job: cluster.run(["scontrol", "release", job]))

        troubles: Mapping[str, Callable[[], object]] = {
            "down": lambda: stop(False),
            "killed": lambda: stop(True),
            "hung": hang,
            "requeued": lambda: for_jobs("RUNNING", requeue),
            "held": lambda: for_jobs("PENDING", lambda job: cluster.run(["scontrol", "hold", job])),
            "cancelled": lambda: for_jobs("RUNNING", lambda job: cluster.run(["scancel", job])),
        }

        def begin(trouble: Callable[[], object]) -> Callable[[], object]:
            return lambda: None if returns else trouble()

        if_there = {name: begin(trouble) for name, trouble in troubles.items()}
        yield World(options, environment, if_there, is_local=False, mend=mend)
    finally:
        cluster.purge()


WORLDS = {each.__name__: each for each in (sequential, several, gpu, lsf, pbs, slurm)}
#: The worlds that are tried unless one is named: a real Slurm takes a while.
USUAL = tuple(name for name in WORLDS if name != "slurm")
#: The troubles of each world, by name, for histories that are drawn before there is a world.
TROUBLES: Mapping[str, Sequence[str]] = {
    "gpu": ("no driver", "a lost card", "an empty answer", "a crash", "slow", "a busy card"),
    "lsf": (
        *("down", "slow", "library errors", "empty answers", "missing jobs", "crashes", "lost replies", "refused"),
        *("kills are ignored", "forgetful", "jobs preempted", "jobs out of memory", "jobs killed by the owner"),
    ),
    "pbs": ("down", "forgetful"),
    "slurm": ("down", "killed", "hung", "requeued", "held", "cancelled"),
}
