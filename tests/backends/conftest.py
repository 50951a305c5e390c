"""The backends under test: each factory sets up one kind in surroundings of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path

import pytest
from standins.pbs_world import FakePbs
from standins.worlds import FakeGpus, FakeLsf

from hpsearch.backends.cluster.backend import ClusterBackend
from hpsearch.backends.cluster.lsf import Lsf, LsfWishes
from hpsearch.backends.cluster.slurm import Slurm, SlurmWishes
from hpsearch.backends.gpu.backend import GpuBackend
from hpsearch.backends.gpu.slots import GpuLimits
from hpsearch.backends.local import SequentialBackend
from hpsearch.backends.scheduler import ClusterWishes

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "cluster"))
from conformance import Bench, Factory, World, changed_environment
from pbs import Pbs
from slurm_cluster import SlurmCluster, need_cluster


def sequential(folder: Path, stack: ExitStack) -> World:
    """Four runs side by side in the foreground."""

    def make() -> SequentialBackend:
        backend = SequentialBackend(4)
        backend.check()
        return backend

    return World(make)


def gpu(folder: Path, stack: ExitStack) -> World:
    """Two look-alike GPUs, two runs on each, no start-up time."""
    gpus = stack.enter_context(FakeGpus(folder / "gpus")).write({}, {})
    changed_environment(
        {**gpus.own_variables(), "PATH": gpus.env()["PATH"], "HPSEARCH_GPU_LOCKS": str(folder / "locks")}, stack
    )
    limits = GpuLimits(runs_per_gpu=2, startup_s=0)

    def make() -> GpuBackend:
        backend = GpuBackend(limits, lambda text: None, os.environ)
        backend.check()
        return backend

    def silence() -> None:
        gpus.write({}, {}, failures=[{"kind": "no_driver"}])

    return World(make, silence)


@lru_cache(maxsize=1)
def _cluster() -> SlurmCluster:
    """The one cluster of this test process."""
    return SlurmCluster.start(nodes=1, extra={"MessageTimeout": 2, "KillWait": 2})


@pytest.fixture(scope="session", autouse=True)
def _end_of_the_cluster(_no_process_outlives_the_tests: None) -> Iterator[None]:
    yield
    if _cluster.cache_info().currsize:
        _cluster().purge()


def slurm(folder: Path, stack: ExitStack) -> World:
    """A real Slurm with one node."""
    need_cluster()
    cluster = _cluster()
    stack.callback(cluster.clear)
    changed_environment({"SLURM_CONF": str(cluster.conf), "PATH": cluster.env["PATH"]}, stack)

    def make() -> ClusterBackend:
        backend = ClusterBackend(Slurm(SlurmWishes(mem="100", gres="")), ClusterWishes(), lambda text: None, os.environ)
        backend.check()
        return backend

    def silence() -> None:
        cluster.stop_controller()
        stack.callback(cluster.start_controller)

    return World(make, silence)


def lsf(folder: Path, stack: ExitStack) -> World:
    """A look-alike of LSF with four slots."""
    cluster = stack.enter_context(FakeLsf(folder / "lsf")).write(terminate_interval_s=0.5)
    changed_environment({**cluster.own_variables(), "PATH": cluster.env()["PATH"]}, stack)

    def make() -> ClusterBackend:
        backend = ClusterBackend(Lsf(LsfWishes()), ClusterWishes(), lambda text: None, os.environ)
        backend.check()
        return backend

    def silence() -> None:
        cluster.write(faults=[{"command": "bjobs", "kind": "empty"}])
        stack.callback(cluster.write)

    return World(make, silence)


def pbs(folder: Path, stack: ExitStack) -> World:
    """A look-alike of PBS with four slots, through the scheduler of the documentation's worked example."""
    cluster = stack.enter_context(FakePbs(folder / "pbs")).write()
    changed_environment({"PATH": cluster.env()["PATH"]}, stack)

    def make() -> ClusterBackend:
        backend = ClusterBackend(Pbs(), ClusterWishes(), lambda text: None, os.environ)
        backend.check()
        return backend

    def silence() -> None:
        cluster.silence()
        stack.callback(cluster.answer)

    return World(make, silence)


#: Every backend passes the same suite.
FACTORIES: dict[str, Factory] = {"sequential": sequential, "gpu": gpu, "slurm": slurm, "lsf": lsf, "pbs": pbs}
_MARKS = {"slurm": pytest.mark.cluster}


@pytest.fixture(params=[pytest.param(name, marks=_MARKS.get(name, ())) for name in FACTORIES])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """A backend at work; all its jobs end with the test."""
    with ExitStack() as stack:
        folder = tmp_path / "search"
        folder.mkdir()
        world = FACTORIES[request.param](tmp_path / "world", stack)
        alarm, bell = os.pipe()
        made = Bench(world, folder, world.make(), alarm, bell)
        stack.callback(made.close)
        yield made
