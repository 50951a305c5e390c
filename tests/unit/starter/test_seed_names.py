"""Which option takes a script's seed: by the names of its options, and by its source."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpsearch.starter.seed_names import declared_names, is_seed, seed_option_in


@pytest.mark.parametrize(
    ("names", "option"),
    [
        (["lr", "seed"], "seed"),
        (["seed", "random_seed"], "random_seed"),
        (["manualSeed", "data_seed"], "manualSeed"),
        (["rng-seed"], "rng-seed"),
        (["random_state"], "random_state"),
        (["seed", "manual_seed"], ""),
        (["lr", "data_seed", "num_seeds"], ""),
    ],
)
def test_the_option_that_seeds_the_whole_script_is_known_by_its_name(names: list[str], option: str) -> None:
    assert seed_option_in(names) == option


@pytest.mark.parametrize(
    ("name", "is_one"),
    [("data_seed", True), ("manualSeed", True), ("randomSeed", True), ("seedling", False), ("seedless", False)],
)
def test_seeds_of_a_part_are_seeds_too(name: str, is_one: bool) -> None:
    assert is_seed(name) is is_one


@pytest.mark.parametrize(
    ("program", "names"),
    [
        (["python3", "train.py"], ["lr", "seed"]),
        (["python3", "-u", "train.py", "first"], ["lr", "seed"]),
        (["python3", "-m", "train"], ["lr", "seed"]),
        (["./train"], ["lr", "seed"]),
        (["python3", "broken.py"], []),
        (["python3", "gone.py"], []),
        (["python3", "-m"], []),
    ],
)
def test_the_source_of_a_program_tells_its_options(tmp_path: Path, program: list[str], names: list[str]) -> None:
    source = 'import argparse\np = argparse.ArgumentParser()\np.add_argument("--lr")\np.add_argument("--seed")\n'
    (tmp_path / "train.py").write_text(source)
    (tmp_path / "train").write_text(source)
    (tmp_path / "broken.py").write_text("def")
    assert declared_names(program, tmp_path) == names
