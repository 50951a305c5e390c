"""Ties, lists of grids and constraints, compared with a plain implementation of the rules; what constraints see."""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpsearch import IntUniform, Not
from hpsearch.core.coding import Column, Order
from hpsearch.core.command import arguments
from hpsearch.core.conditions import Condition, Constraint, Grid, Members, Watched, names_in, verdict
from hpsearch.core.errors import ConfigError
from hpsearch.core.model import Configuration
from hpsearch.core.space import enumerate_space
from hpsearch.core.space_table import _Cube
from hpsearch.samplers.sobol import SobolPoints

if TYPE_CHECKING:
    from hpsearch.core.coding import Codes

Options = dict[str, object]
VALUES = st.sampled_from([0, 1, 2, 1.0, True, False, -1, "x", '"x"', None, [1, 2]])


@st.composite
def grids(draw: st.DrawFn, names: str = "abcde") -> Grid:
    """Make a grid whose options are partly tied."""
    left, grid = draw(st.permutations(names)), {}
    for size in draw(st.lists(st.integers(1, 3), min_size=1, max_size=3)):
        key, left = tuple(left[:size]), left[size:]
        if len(key) == 1:
            grid[key[0]] = draw(st.lists(VALUES, min_size=1, max_size=3) | st.just(IntUniform(0, 2)))
        elif key:
            grid[key] = draw(st.lists(st.tuples(*[VALUES] * len(key)), min_size=1, max_size=3))
    return grid


LISTED = st.one_of(st.lists(VALUES, max_size=3), st.lists(VALUES, max_size=2).map(Not))
WHENS = st.dictionaries(st.sampled_from("abcd"), LISTED, max_size=2)
CONDITIONS = st.lists(st.builds(Condition, WHENS, grids("abcfg")), max_size=3)
UNIONS = st.lists(grids(), min_size=1, max_size=3)


def keeps_texts(options: Options) -> bool:
    return "a" not in options or options["a"] is None or isinstance(options["a"], str)


def keeps_equal(options: Options) -> object:
    return np.bool_(options.get("b") == options.get("c"))


def keeps_few(options: Options) -> int:
    return 1 if len(options) < 4 else 0


CONSTRAINTS = st.lists(st.sampled_from([keeps_texts, keeps_equal, keeps_few]), max_size=2, unique=True)


class Asked:
    """The constraints, asked in this process."""

    def __init__(self, *constraints: Constraint) -> None:
        self.constraints, self.count, self.asked = constraints, len(constraints), 0

    def verdicts(self, columns: Sequence[Column], rows: Codes) -> Codes:
        self.asked += len(rows)
        return np.array(
            [verdict(self.constraints, functools.partial(dict, options)) for options in decoded(columns, rows)],
            dtype=int,
        )

    def reasons(self, columns: Sequence[Column], rows: Codes) -> list[tuple[int, Sequence[str]]]:
        found: list[tuple[int, Sequence[str]]] = []
        names = [column.name for column in columns]
        for options in decoded(columns, rows):
            read: dict[object, None] = {}
            number = verdict(self.constraints, functools.partial(Watched, options, names, read))
            found.append((number, [name for name in names if name in read]))
        return found


def decoded(columns: Sequence[Column], rows: Codes) -> list[list[tuple[str, object]]]:
    return [[column.options[code] for column, code in zip(columns, row) if code] for row in rows.tolist()]


def by_the_rules(
    union: Sequence[Grid], conditions: Sequence[Condition], constraints: Sequence[Constraint]
) -> list[Options]:
    """Enumerate as the rules say, with lists of dicts."""
    found = [options for grid in union for options in product_of(grid)]
    known = {name for grid in union for key in grid for name in names_in(key)}
    for condition in conditions:
        if known.issuperset(condition.when):
            found = [new for old in found for new in replaced(old, condition)]
    return [options for options in found if all(keeps(options) for keeps in constraints)]


def product_of(grid: Grid) -> list[Options]:
    entries = [[entry if isinstance(key, tuple) else (entry,) for entry in listed] for key, listed in grid.items()]
    names = [name for key in grid for name in names_in(key)]
    return [dict(zip(names, itertools.chain(*chosen))) for chosen in itertools.product(*entries)]  # type: ignore[arg-type]


def replaced(old: Options, condition: Condition) -> list[Options]:
    if not all(name in old and old[name] in Members(listed) for name, listed in condition.when.items()):
        return [old]
    return [{**old, **new} for new in product_of(condition.then)]


def words(options: Options) -> frozenset[str]:
    return frozenset(arguments(Configuration(tuple(options.items()))))


def firsts(found: list[Options]) -> list[frozenset[str]]:
    return list(dict.fromkeys(map(words, found)))


def chosen(
    union: Grid | Sequence[Grid], conditions: Sequence[Condition], constraints: Sequence[Constraint], **order: object
) -> list[frozenset[str]]:
    """Return the words of the chosen configurations; none where the constraints leave out every one."""
    judge, points = Asked(*constraints) if constraints else None, order.pop("points", None)
    try:
        selection = enumerate_space(union, conditions, Order(**order), judge, points)  # type: ignore[arg-type]
    except ConfigError as error:
        assert str(error) == "the constraints leave out every configuration"
        return []
    return [words(configuration.as_dict()) for configuration in selection]


@given(UNIONS, CONDITIONS, CONSTRAINTS)
def test_enumeration_follows_the_rules(
    union: list[Grid], conditions: list[Condition], constraints: list[Constraint]
) -> None:
    expected = firsts(by_the_rules(union, conditions, constraints))
    assert chosen(union, conditions, constraints, deterministic=True) == expected
    shuffled = chosen(union, conditions, constraints, seed=5)
    assert sorted(shuffled, key=sorted) == sorted(expected, key=sorted)


SEEDS = st.one_of(st.lists(st.integers(-3, 50), min_size=1, max_size=4, unique=True), st.just(range(2, 5)))
ORDERS = st.sampled_from([{"deterministic": True}, {"seed": 7}, {"limit": 3}, {"limit": 5, "sample": True}])


@given(UNIONS, CONDITIONS, SEEDS, ORDERS, st.sampled_from([["s"], ["s", "t"]]))
def test_seeds_give_the_product_breadth_first_and_nothing_twice(
    union: list[Grid], conditions: list[Condition], seeds: list[int], order: dict[str, object], names: list[str]
) -> None:
    selection = enumerate_space(union, conditions, Order(**order))  # type: ignore[arg-type]
    configurations = [configuration.as_dict() for configuration in selection]
    repeated = selection.under_seeds(names, seeds)
    found = [configuration.as_dict() for configuration in repeated]
    assert found == [{**options, **dict.fromkeys(names, seed)} for seed in seeds for options in configurations]
    assert len(repeated) == len(found) == len(set(map(words, found)))
    assert repeated.option_names == (*selection.option_names, *names)


#: What draws a sample: chance, or a Sobol sequence.
DRAWS = st.sampled_from([lambda: None, lambda: SobolPoints(3)])


@given(UNIONS, CONDITIONS, CONSTRAINTS, st.integers(1, 12), DRAWS)
def test_a_sample_of_a_small_space_follows_the_rules(
    union: list[Grid],
    conditions: list[Condition],
    constraints: list[Constraint],
    wanted: int,
    points: Callable[[], SobolPoints | None],
) -> None:
    expected = set(firsts(by_the_rules(union, conditions, constraints)))
    sample = chosen(union, conditions, constraints, limit=wanted, sample=True, points=points())
    assert len(set(sample)) == len(sample) == min(wanted, len(expected))
    assert set(sample) <= expected


@settings(max_examples=30)
@given(UNIONS, CONDITIONS, CONSTRAINTS, st.integers(1, 12), DRAWS)
def test_a_sample_of_a_huge_space_follows_the_rules(
    union: list[Grid],
    conditions: list[Condition],
    constraints: list[Constraint],
    wanted: int,
    points: Callable[[], SobolPoints | None],
) -> None:
    expected = set(firsts(by_the_rules(union, conditions, constraints)))
    # 10^24 times as many, which the last condition folds.
    folded = {f"x{number}": list(range(1000)) for number in range(8)}
    huge = [{**grid, **folded} for grid in union]
    last = Condition({}, {name: [0] for name in folded})
    keeps = [
        lambda options, keeps=keeps: keeps({n: v for n, v in options.items() if n not in folded})
        for keeps in constraints
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hpsearch.core.space_table._PATIENCE_ASKING", 100)
        patch.setattr("hpsearch.core.space_table._BATCH_ASKING", 50)
        sample = chosen(huge, [*conditions, last], keeps, limit=wanted, sample=True, points=points())
    assert len(set(sample)) == len(sample) == min(wanted, len(expected))
    zeros = words(dict.fromkeys(folded, 0))
    assert {found - zeros for found in sample} <= expected


class Fixed:
    """Points that the test gives."""

    def __init__(self, *points: Sequence[float]) -> None:
        self.points = points

    def draw(self, count: int, sides: int) -> Codes:
        return np.array(self.points)[:count, :sides]


def test_a_point_chooses_a_grid_by_its_share_and_a_place_in_each_list() -> None:
    cube = _Cube(Fixed((0.1, 0.0), (0.25, 0.49), (0.6, 0.5), (0.99, 0.999)))
    cube.throw(4, 2)
    assert cube.grids(np.array([0.25, 0.25, 0.5]), 4).tolist() == [0, 1, 2, 2]
    assert cube.positions(1, 4, np.array([True, True, True, True])).tolist() == [0, 1, 2, 3]
    assert cube.positions(1, 4, np.array([False, False, True, True])).tolist() == [2, 3]


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a sample begin its systematic search after fewer draws."""
    monkeypatch.setattr("hpsearch.core.space_table._PATIENCE_ASKING", 1000)


HUGE: Grid = {name: list(range(300)) for name in "abcdefgh"}


@pytest.mark.parametrize("points", [lambda: None, lambda: SobolPoints(3)], ids=["random", "sobol"])
def test_what_constraints_keep_of_a_huge_grid_is_found_although_no_draw_would_find_it(
    soon: None, points: Callable[[], SobolPoints | None]
) -> None:
    # Each fixes one option: one in 10^17 draws.
    constraints = [lambda o, name=name: o[name] == 7 for name in "abcdefg"] + [lambda o: o["h"] < 5]
    judge = Asked(*constraints)
    selection = enumerate_space(HUGE, (), Order(limit=9, sample=True), judge, points())
    assert sorted(c.as_dict()["h"] for c in selection) == [0, 1, 2, 3, 4]
    assert selection.report.tried is None


def test_a_sample_is_spread_over_what_constraints_keep(soon: None) -> None:
    constraints = [lambda o: o["a"] == 7, lambda o: o["b"] == 7, lambda o: o["c"] == 7]
    selection = enumerate_space(HUGE, (), Order(limit=200, sample=True), Asked(*constraints))
    found = [c.as_dict() for c in selection]
    assert {(o["a"], o["b"], o["c"]) for o in found} == {(7, 7, 7)}
    assert len(found) == 200
    assert min(len({o[name] for o in found}) for name in "defgh") > 100


def test_it_is_told_that_a_sample_is_short_although_there_may_be_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpsearch.core.space_table._MOST_DRAWN", 3000)
    monkeypatch.setattr("hpsearch.core.space_table._MOST_ASKED", 100)
    keeps: Constraint = lambda options: sum(options.values()) < 2  # type: ignore[arg-type]  # noqa: E731
    selection = enumerate_space(HUGE, (), Order(limit=50, sample=True), Asked(keeps))
    assert 0 < len(selection) < 50
    assert selection.report.tried is not None and selection.report.tried >= 3100


def test_a_large_sample_is_drawn_as_long_as_constraints_keep_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpsearch.core.space_table._MOST_DRAWN", 1000)
    selection = enumerate_space(HUGE, (), Order(limit=3000, sample=True), Asked(lambda o: o["a"] != o["b"]))
    assert len(set(selection)) == 3000


def test_the_report_counts_what_each_constraint_left_out() -> None:
    grid: Grid = {("a", "b"): [(1, 1), (2, 2), (3, 1)], "c": [0, 1.0]}
    judge = Asked(lambda o: o["a"] != 2, lambda o: True, lambda o: o["c"] == 0)
    report = enumerate_space(grid, (), Order(), judge).report
    assert (report.grid_size, report.left_out, report.available) == (6, (2, 0, 2), 2)


def test_values_that_are_listed_twice_are_told_of_ties_and_of_each_grid() -> None:
    tied: Grid = {("a", "b"): [(1, "x"), (2, "x"), (1, '"x"')]}
    report = enumerate_space([{"a": [1, 1]}, tied], [Condition({}, tied)], Order()).report
    twice = "(a, b)=(1, 'x') twice"
    assert report.repeated == ("grid 1 lists a=1 twice", f"grid 2 lists {twice}", f"condition 1 lists {twice}")


def test_a_constraint_that_left_nothing_out_is_counted_as_well() -> None:
    report = enumerate_space({"a": [1, 2]}, (), Order(), Asked(lambda o: o["a"] == 1, lambda o: True)).report
    assert report.left_out == (1, 0)


@pytest.mark.parametrize(
    ("answer", "shown"),
    [(None, "None"), (2, "2"), ("yes", "'yes'"), ([], "[]"), (0.5, "0.5"), ("a" * 99, f"'{'a' * 39}")],
    ids=["none", "number", "text", "list", "share", "long"],
)
def test_an_answer_that_is_neither_true_nor_false_is_refused(answer: object, shown: str) -> None:
    with pytest.raises(ConfigError) as caught:
        verdict([lambda options: True, lambda options: answer], dict)
    assert str(caught.value) == f"constraint 2 returned {shown}; expected True (keep) or False"


def test_a_constraint_may_change_what_it_gets() -> None:
    def pops(options: Options) -> bool:
        return options.pop("a") == 1

    assert verdict([pops, pops], functools.partial(dict, [("a", 1)])) == 0


def read_by(look: Callable[[Options], object]) -> list[object]:
    read: dict[object, None] = {}
    look(Watched([("a", 1), ("b", 2)], ["a", "b", "absent"], read))
    return list(read)


@pytest.mark.parametrize(
    "look, read",
    [
        (lambda o: o["b"], ["b"]),
        (lambda o: o.get("absent", 1), ["absent"]),
        (lambda o: "a" in o and "absent" in o, ["a", "absent"]),
        ("{a}".format_map, ["a"]),
        (lambda o: True, []),
    ],
)
def test_it_is_noted_which_options_a_constraint_looks_at(look: Callable[[Options], object], read: list[object]) -> None:
    assert read_by(look) == read


ALL = {
    "len": len,
    "iter": list,
    "repr": repr,
    "equal": lambda o: o == {},
    "copy": dict,
    "double star": lambda o: dict(**o),
    "display": lambda o: {**o},
    "or": lambda o: o | {},
    "or from the right": lambda o: {} | o,
    "values": lambda o: sum(o.values()),
    "json": json.dumps,
    "bool": bool,
    "set": set,
    "pop": lambda o: o.pop("a"),
    "assignment": lambda o: o.update(c=1),
}


@pytest.mark.parametrize("look", ALL.values(), ids=ALL)
def test_what_looks_at_all_options_is_noted_as_that(look: Callable[[Options], object]) -> None:
    assert set(read_by(look)) >= {"a", "b", "absent"}
