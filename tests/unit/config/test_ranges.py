"""Ranges in grid modules, files and ``--set``: read, refused where they are not allowed, shown."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hpsearch import IntUniform, LogUniform, Not, Uniform
from hpsearch.config.grid_module import SearchConfig, config_for, config_from_module, load_config
from hpsearch.config.option_values import values_set
from hpsearch.config.options import SearchOptions
from hpsearch.core.errors import ConfigError
from hpsearch.journal.values import readable

REST = {"_SCRIPT_NAME": "t.py", "_SUMMARY_FILENAME": "s.txt", "_SUMMARY_KEYWORDS": ["acc", "finished"]}


def checked(grid: Any, conditions: Any = ()) -> SearchConfig:  # Any: as in a grid module
    module = ModuleType("m")
    vars(module).update(REST, grid=grid, conditions=list(conditions))
    return config_from_module(module, "m")


def test_a_range_stands_where_a_list_does() -> None:
    then = {"b": IntUniform(1, 3), "c": [1]}
    config = checked([{"a": Uniform(0, 1), "x": [1, 2]}, {"a": [3]}], [({"a": Uniform(0.5, 1)}, then)])
    assert config.grids == ({"a": Uniform(0, 1), "x": [1, 2]}, {"a": [3]})
    assert (config.conditions[0].when, config.conditions[0].then) == ({"a": Uniform(0.5, 1)}, then)
    assert config.ranges == ["a", "b"]
    assert config.size_text(2001) == "3 configurations and 2 ranges (a, b)"


@pytest.mark.parametrize(
    ("ranges", "size", "text"),
    [({}, 2, "2 configurations"), ({"lr": Uniform(0, 1)}, 2000, "2 configurations and 1 range (lr)")],
)
def test_the_size_of_a_grid_counts_no_values_of_ranges(ranges: dict[str, object], size: int, text: str) -> None:
    assert checked({"x": [1, 2], **ranges}).size_text(size) == text


@pytest.mark.parametrize(
    ("grid", "conditions", "mistake"),
    [
        ({"lr": LogUniform(0, 1)}, [], "grid: 'lr' is LogUniform(0, 1); expected numbers above 0"),
        ({"lr": IntUniform}, [], "grid: 'lr' is IntUniform(None, None); expected two numbers, as in IntUniform(1, 10)"),
        (
            {"lr": [0, Uniform(0, 1)]},
            [],
            "grid: 'lr' has Uniform(0, 1) in its list; a range stands alone, as in 'lr': Uniform(0, 1)",
        ),
        (
            {("a", "b"): Uniform(0, 1)},
            [],
            "grid: ('a', 'b') is Uniform(0, 1); a tie needs a list of tuples, so a range cannot stand there",
        ),
        (
            {("a", "b"): [(Uniform(0, 1), 3)]},
            [],
            "grid: ('a', 'b') has Uniform(0, 1) in its list; a range stands alone, as in 'a': Uniform(0, 1)",
        ),
        (
            {"x": [1]},
            [({"x": [1]}, {"y": IntUniform(3, 3)})],
            "condition 1, second dict: 'y' is IntUniform(3, 3); expected two different numbers, the smaller one first",
        ),
        (
            {"x": [1]},
            [({"x": Not([Uniform(0, 3)])}, {"y": [1]})],
            "condition 1, first dict: 'x' has Uniform(0, 3) in its list; a range stands alone, "
            "as in 'x': Uniform(0, 3)",
        ),
    ],
    ids=str,
)
def test_a_range_that_cannot_be_is_a_mistake_with_its_place(grid: Any, conditions: Any, mistake: str) -> None:
    with pytest.raises(ConfigError) as error:
        checked(grid, conditions)
    assert str(error.value) == f"m: {mistake}"


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("lr=LogUniform(1e-5,1e-1)", LogUniform(1e-5, 1e-1)),
        ("lr= Uniform( 0, 1 ) ", Uniform(0, 1)),
        ("lr='Uniform(0,1)'", ["Uniform(0,1)"]),
        ("lr=0,IntUniform(1,2)", [0, IntUniform(1, 2)]),
        ("lr=Uniform(a,b)", Uniform("a", "b")),
        ("lr=Uniform(1)", Uniform([1], None)),
        ("lr=Uniform,LogUniform[1]", ["Uniform", "LogUniform[1]"]),
    ],
)
def test_a_setting_may_be_a_range(text: str, values: object) -> None:
    assert values_set([text]) == {"lr": values}


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    lines = [f"{name} = {value!r}" for name, value in {"grid": {"x": [1, 2]}, "conditions": [], **REST}.items()]
    tmp_path.joinpath("ranges_grid.py").write_text("\n".join(lines))
    tmp_path.joinpath("t.py").touch()
    monkeypatch.delitem(sys.modules, "ranges_grid", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "ranges_grid"


def test_json_names_ranges_beside_options_of_the_same_name(module: str, tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    grid = {"lr": {"log_uniform": [1e-5, 0.1]}, "uniform": [1, 2], "not": [3]}
    conditions = [
        [{"uniform": {"not": [1]}}, {"n": {"int_uniform": [1, 9]}}],
        [{"lr": {"uniform": [0, 1]}}, {"b": [1]}],
    ]
    file.write_text(json.dumps({"grid": grid, "conditions": conditions}))
    config = load_config(module, file)
    assert config.grids == ({"lr": LogUniform(1e-5, 0.1), "uniform": [1, 2], "not": [3]},)
    assert [condition.when for condition in config.conditions] == [{"uniform": Not([1])}, {"lr": Uniform(0, 1)}]
    assert config.conditions[0].then == {"n": IntUniform(1, 9)}
    assert readable([config.grids[0], [condition.when for condition in config.conditions]]) == [
        grid,
        [when for when, _ in conditions],
    ]


def test_json_with_other_bounds_is_a_mistake(module: str, tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    file.write_text('{"grid": {"lr": {"uniform": 3}}}')
    with pytest.raises(ConfigError, match=r"'lr' is Uniform\(3, None\); expected two numbers, as in Uniform\(1, 10\)"):
        load_config(module, file)


@pytest.mark.parametrize("options", [{}, {"num_searches": 5}, {"deterministic_search": True}], ids=str)
def test_a_grid_search_refuses_ranges(module: str, tmp_path: Path, options: dict[str, Any]) -> None:
    wanted = SearchOptions(grid_module=module, set=("lr=Uniform(0,1)", "n=IntUniform(1,3)"), **options)
    with pytest.raises(ConfigError) as error:
        config_for(wanted, None, tmp_path)
    assert str(error.value).endswith(
        "ranges_grid.py: lr and n are ranges: --sampler=random, sobol, bayes or optuna takes values from them; "
        "for a grid write lists"
    )


@pytest.mark.parametrize("options", [{"sampler": "bayes"}, {"dont_generate_full_grid": True}], ids=str)
def test_a_sampler_takes_ranges(module: str, tmp_path: Path, options: dict[str, Any]) -> None:
    config = config_for(SearchOptions(grid_module=module, set=("x=Uniform(0,1)",), **options), None, tmp_path)
    assert config.ranges == ["x"]
