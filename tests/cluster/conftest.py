"""Fixtures that give tests a real Slurm; see slurm_cluster.py for what one can do with it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from cluster_project import ClusterProject
from project import Project
from slurm_cluster import SlurmCluster, need_cluster


@pytest.fixture(scope="session")
def shared_slurm(_no_process_outlives_the_tests: None) -> Iterator[SlurmCluster]:
    """The one cluster that `slurm` hands out: two nodes, no accounting."""
    need_cluster()
    cluster = SlurmCluster.start()
    yield cluster
    cluster.purge()


@pytest.fixture
def slurm(shared_slurm: SlurmCluster) -> Iterator[SlurmCluster]:
    """The session's cluster, without live jobs; ended ones of earlier tests may still be listed.

    For submitting only: a test that kills a node or the controller takes `slurm_cluster`.
    """
    yield shared_slurm
    shared_slurm.clear()


@pytest.fixture
def slurm_cluster() -> Iterator[Callable[..., SlurmCluster]]:
    """Start clusters of the test's own, `slurm_cluster(min_job_age=5)`, which end with it; several may run at once."""
    clusters: list[SlurmCluster] = []

    def start(**options: object) -> SlurmCluster:
        need_cluster(accounting=bool(options.get("accounting") or options.get("cluster_limits")))
        clusters.append(SlurmCluster.start(**options))
        return clusters[-1]

    yield start
    for cluster in clusters:
        cluster.purge()


@pytest.fixture(scope="session")
def shared_limits(_no_process_outlives_the_tests: None) -> Iterator[SlurmCluster]:
    """The one cluster that refuses unknown accounts and limits the jobs of a quality of service."""
    need_cluster(accounting=True)
    cluster = SlurmCluster.start(nodes=1, cluster_limits=True)
    yield cluster
    cluster.purge()


@pytest.fixture
def limited_searches(project: Project, shared_limits: SlurmCluster) -> Iterator[ClusterProject]:
    """A project whose searches run on that cluster."""
    made = ClusterProject(project, shared_limits).use(shared_limits)
    yield made
    made.close()
    shared_limits.clear()


@pytest.fixture
def searches(project: Project, slurm: SlurmCluster) -> Iterator[ClusterProject]:
    """A project whose searches run on the session's cluster."""
    made = ClusterProject(project, slurm).use(slurm)
    yield made
    made.close()


@pytest.fixture
def searches_on(
    project: Project, slurm_cluster: Callable[..., SlurmCluster]
) -> Iterator[Callable[..., ClusterProject]]:
    """Start a cluster of the test's own, `searches_on(nodes=1)`, and return a project whose searches run there."""
    made: list[ClusterProject] = []

    def start(**options: object) -> ClusterProject:
        cluster = slurm_cluster(**options)
        made.append(ClusterProject(project, cluster).use(cluster))
        return made[-1]

    yield start
    for searches in made:
        searches.close()
