"""``--num_seeds``: a search in which every configuration is run under every seed."""

from __future__ import annotations

import re

from project import Project


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
