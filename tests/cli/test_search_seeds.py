"""``--num_seeds``: a search in which every configuration is run under every seed."""

from __future__ import annotations

import re
from pathlib import Path

from project import Project, journal_has, rows, wait_until
from standins.worlds import FakeGpus, FakeLsf


def seeds_and_values(printed: str) -> list[tuple[str, str]]:
    """Return seed and x of each command."""
    return [(seed, x) for x, seed in re.findall(r"--x=(\d+) --random_seed=(\d+)", printed)]


def test_each_seed_has_all_configurations_in_the_same_random_order(project: Project) -> None:
    project.grid({"x": list(range(20))})
    shown = project.search("--dry_run", "--num_seeds=3", "--num_searches=5")
    found = seeds_and_values(shown.stdout)
    first = [x for _, x in found[:5]]
    assert found == [(seed, x) for seed in "012" for x in first]
    assert len(set(first)) == 5
    assert "configurations: 5 of 20, in random order (seed 42)\n" in shown.stderr
    assert "runs: 15, one seed after another (random_seed 0-2)\n" in shown.stderr


def test_a_killed_search_goes_on_to_every_configuration_under_every_seed(project: Project) -> None:
    project.grid({"x": [1, 2, 3], "until": ["go"]})
    search = project.start("--num_seeds=2", "--num_cpu_jobs=4", "--out_dir=out", "--force_out_dir")
    folder = project.path / "out"
    wait_until(lambda: journal_has(folder, "submitted", 4), "the second seed has begun")
    search.kill()
    project.end(search)
    project.go()
    project.search(f"--resume={folder}")
    found = [(row["random_seed"], row["x"]) for row in rows(folder)]
    assert sorted(found) == [(seed, x) for seed in "01" for x in "123"]


def give_the_best_four_seeds(project: Project, *options: str) -> None:
    """Search over two values of x under two seeds; give the best one what it lacks of four, in the same way."""
    project.grid({"x": [1, 2]})
    project.search("--num_seeds=2", "--out_dir=out", "--force_out_dir", *options)
    added = project.ask("seeds", "out", "--top=1", "--num_seeds=4")
    assert added.exit_status == 0, added.stderr
    seeds = sorted((row["x"], row["random_seed"]) for row in rows(project.path / "out"))
    assert seeds == [("1", "0"), ("1", "1"), ("2", "0"), ("2", "1"), ("2", "2"), ("2", "3")]
    assert [row["n"] for row in rows(project.path / "out", "search_results_by_configuration.csv")] == ["4", "2"]


def test_the_best_gets_the_seeds_that_it_lacks_several_at_once(project: Project) -> None:
    give_the_best_four_seeds(project, "--num_cpu_jobs=2")


def test_the_best_gets_the_seeds_that_it_lacks_as_an_array_of_lsf(project: Project, lsf: FakeLsf) -> None:
    give_the_best_four_seeds(project, "--run_cluster", "--lsf_array", "--poll_interval_max=1")
    assert len(lsf.calls("bsub")) == 2


def test_the_best_gets_the_seeds_that_it_lacks_on_gpus(project: Project, tmp_path: Path) -> None:
    with FakeGpus(tmp_path / "gpus") as gpus:
        gpus.write({}, {})
        project.environment.update(gpus.own_variables())
        project.environment.update(PATH=gpus.env()["PATH"], HPSEARCH_GPU_LOCKS=str(tmp_path / "locks"))
        give_the_best_four_seeds(project, "--visible_gpus=0,1", "--sim_startup_time=0", "--gpu_samples=1")
