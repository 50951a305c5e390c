"""Enumeration: product, conditions, duplicates, order, samples; compared with a plain implementation of the rules."""

from __future__ import annotations

import itertools
import re
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hpsearch import Not
from hpsearch.core.coding import Order
from hpsearch.core.command import arguments
from hpsearch.core.conditions import Condition, Members
from hpsearch.core.errors import ConfigError
from hpsearch.core.space import check_seed_options, enumerate_space, seeds_to_run
from hpsearch.core.space_report import ConditionReport
from hpsearch.core.space_table import shuffled

Grid = dict[str, list[object]]
NAMES = st.sampled_from(["a", "b", "c", "d"])
VALUES = st.sampled_from([0, 1, 2, 1.0, True, False, -1, -2, "x", '"x"', None, [1, 2], (1, 2)])
OPTIONS = st.dictionaries(NAMES, st.lists(VALUES, min_size=1, max_size=3), max_size=3)
LISTED = st.one_of(st.lists(VALUES, max_size=3), st.lists(VALUES, max_size=2).map(Not))
CONDITIONS = st.lists(
    st.builds(
        Condition,
        st.dictionaries(st.sampled_from(["a", "b", "c"]), LISTED, max_size=2),
        OPTIONS.filter(bool),
    ),
    max_size=4,
)


def by_the_rules(grid: Grid, conditions: list[Condition]) -> list[dict[str, object]]:
    """Enumerate as the rules say, with lists of dicts."""
    found = [dict(zip(grid, values)) for values in itertools.product(*grid.values())]
    for condition in conditions:
        if any(name not in grid for name in condition.when):
            continue
        found = [new for old in found for new in replaced(old, condition)]
    return found


def replaced(old: dict[str, object], condition: Condition) -> list[dict[str, object]]:
    if not all(old[name] in Members(listed) for name, listed in condition.when.items()):
        return [old]
    return [{**old, **dict(zip(condition.then, values))} for values in itertools.product(*condition.then.values())]


def words(options: dict[str, object]) -> frozenset[str]:
    from hpsearch.core.model import Configuration

    return frozenset(arguments(Configuration(tuple(options.items()))))


def firsts(found: list[dict[str, object]]) -> list[frozenset[str]]:
    return list(dict.fromkeys(words(options) for options in found))


def chosen(grid: Grid, conditions: list[Condition], **order: object) -> list[frozenset[str]]:
    selection = enumerate_space(grid, conditions, Order(**order))  # type: ignore[arg-type]
    return [words(configuration.as_dict()) for configuration in selection]


@given(OPTIONS.filter(bool), CONDITIONS)
def test_enumeration_follows_the_rules(grid: Grid, conditions: list[Condition]) -> None:
    expected = by_the_rules(grid, conditions)
    selection = enumerate_space(grid, conditions, Order(deterministic=True))
    assert [words(c.as_dict()) for c in selection] == firsts(expected)
    assert selection.report.duplicates == len(expected) - len(firsts(expected))
    assert selection.report.available == len(selection)


@given(OPTIONS.filter(bool), CONDITIONS, st.integers(0, 2**32 - 1))
def test_a_shuffled_search_has_the_same_configurations_and_repeats_itself(
    grid: Grid, conditions: list[Condition], seed: int
) -> None:
    once, twice = (chosen(grid, conditions, seed=seed) for _ in range(2))
    assert once == twice
    assert sorted(once, key=sorted) == sorted(firsts(by_the_rules(grid, conditions)), key=sorted)


@given(st.integers(1, 300) | st.just(20_001), st.integers(0, 2**32 - 1))
@example(20_000, 2**32 - 1)
def test_a_plain_grid_is_searched_in_the_order_of_numpys_first_generator(size: int, seed: int) -> None:
    selection = enumerate_space({"x": range(size)}, [], Order(seed=seed))
    assert [int(position) for position in selection.positions] == np.random.RandomState(seed).permutation(size).tolist()


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_a_long_list_has_the_same_order_made_by_numpy(size: int) -> None:
    assert shuffled(size, 7).tolist() == np.random.RandomState(7).permutation(size).tolist()


@given(OPTIONS.filter(bool), CONDITIONS, st.integers(1, 30))
def test_a_sample_has_exactly_as_many_as_wanted_or_all_there_are(
    grid: Grid, conditions: list[Condition], wanted: int
) -> None:
    everything = set(firsts(by_the_rules(grid, conditions)))
    sample = chosen(grid, conditions, limit=wanted, sample=True)
    assert len(set(sample)) == len(sample) == min(wanted, len(everything))
    assert set(sample) <= everything


def test_a_sample_of_a_small_grid_is_not_its_beginning() -> None:
    grid: Grid = {"a": [*range(1000)]}
    one, other = (chosen(grid, [], limit=5, sample=True, seed=seed) for seed in (1, 2))
    assert one != other
    assert chosen(grid, [], limit=5, sample=True, seed=1) == one
    in_order = [
        configuration.as_dict()["a"]
        for configuration in enumerate_space(grid, [], Order(True, seed=1, limit=5, sample=True))
    ]
    assert in_order == sorted(in_order) != [0, 1, 2, 3, 4]


@settings(max_examples=15)
@given(CONDITIONS, st.integers(1, 12))
def test_few_configurations_are_found_in_a_huge_grid(conditions: list[Condition], wanted: int) -> None:
    grid: Grid = {name: list(range(1000)) for name in "abcdefgh"}
    everything: Grid = {name: [0] for name in "abcdefg"}
    # The last condition leaves 12 of 10^24: h decides, and is folded.
    folds = [Condition({"h": Not(list(range(12)))}, {"h": [3]}), Condition({}, everything)]
    sample = chosen(grid, folds, limit=wanted, sample=True)
    assert len(set(sample)) == wanted
    assert len(chosen(grid, folds, limit=100, sample=True)) == 12


def test_a_configuration_that_hardly_any_draw_finds_is_found() -> None:
    grid: Grid = {name: list(range(1000)) for name in "abcdefgh"}
    zeros: Grid = {name: [0] for name in "abcdefgh"}
    # All but one in 10^9 are folded into one.
    folds = [Condition({name: Not([7])}, zeros) for name in "abc"]
    rest = Condition({}, {name: [0] for name in "defgh"})
    selection = enumerate_space(grid, [*folds, rest], Order(limit=5, sample=True))
    assert sorted(tuple(c.as_dict().values()) for c in selection) == [(0,) * 8, (7, 7, 7, 0, 0, 0, 0, 0)]


def test_the_last_option_varies_fastest() -> None:
    selection = enumerate_space({"a": [1, 2], "b": ["x", "y"]}, [], Order(deterministic=True))
    assert [tuple(c.as_dict().values()) for c in selection] == [(1, "x"), (1, "y"), (2, "x"), (2, "y")]


def test_a_condition_replaces_in_place_and_new_options_come_last() -> None:
    conditions = [Condition({"a": [1]}, {"c": [5, 6]})]
    selection = enumerate_space({"a": [1, 2], "b": ["x"]}, conditions, Order(deterministic=True))
    assert [list(c.as_dict().items()) for c in selection] == [
        [("a", 1), ("b", "x"), ("c", 5)],
        [("a", 1), ("b", "x"), ("c", 6)],
        [("a", 2), ("b", "x")],
    ]


def test_all_values_of_an_option_are_those_of_the_grid_and_of_conditions() -> None:
    selection = enumerate_space({"a": [1, 2]}, [Condition({"a": [1]}, {"a": [5], "b": ["x"]})], Order())
    assert (selection.values_of("a"), selection.values_of("b"), selection.values_of("c")) == ([1, 2, 5], ["x"], [])


def test_a_condition_on_an_option_the_grid_lacks_is_skipped_even_if_an_earlier_one_added_it() -> None:
    conditions = [Condition({"a": [1]}, {"new": [1]}), Condition({"new": [1]}, {"a": [9]})]
    selection = enumerate_space({"a": [1]}, conditions, Order())
    problem = "its option 'new' is not in the grid, only condition 1 adds it"
    assert selection.report.conditions[1] == ConditionReport(problem=problem, is_skipped=True)
    assert [c.as_dict() for c in selection] == [{"a": 1, "new": 1}]


def test_fault_4_values_that_only_hash_alike_stay_apart_and_lists_are_legal() -> None:
    grid: Grid = {"x": [-1, -2, 1, 1.0, True, [1, 2], "1"]}
    selection = enumerate_space(grid, [], Order(deterministic=True))
    assert [arguments(c) for c in selection] == [
        ("--x=-1",),
        ("--x=-2",),
        ("--x=1",),
        ("--x=1.0",),
        ("--x",),
        ("--x=[1, 2]",),
    ]


def test_arrays_and_numpy_scalars_are_legal_values() -> None:
    grid: Grid = {"x": [np.float64(0.5), np.array([1, 2])], "y": [np.bool_(True)]}
    conditions = [Condition({"x": [np.array([1, 2])]}, {"z": [3]})]
    selection = enumerate_space(grid, conditions, Order(deterministic=True))
    assert [arguments(c) for c in selection] == [("--x=0.5", "--y"), ("--x=[1 2]", "--y", "--z=3")]


def test_fault_10_ten_configurations_of_a_huge_plain_grid_need_no_list() -> None:
    grid: Grid = {f"o{number}": list(range(10)) for number in range(24)}
    selection = enumerate_space(grid, [], Order(deterministic=True, limit=10))
    assert [c.as_dict()["o23"] for c in selection] == list(range(10))


def test_a_thousand_of_a_huge_grid_are_drawn_and_distinct() -> None:
    grid: Grid = {f"o{number}": list(range(10)) for number in range(24)}
    conditions = [Condition({"o0": [1, 2]}, {"o1": [0]})]
    assert len(set(chosen(grid, conditions, limit=1000, sample=True))) == 1000


@pytest.mark.parametrize("conditions", [[], [Condition({"o0": [1]}, {"o1": [0]})]], ids=["plain", "with a condition"])
def test_a_list_too_long_to_hold_is_refused_with_the_remedy(conditions: list[Condition]) -> None:
    grid: Grid = {f"o{number}": list(range(10)) for number in range(24)}
    with pytest.raises(ConfigError, match=r"sample N of them with --num_searches=N --dont_generate_full_grid"):
        len(enumerate_space(grid, conditions, Order()))
    with pytest.raises(ConfigError, match=r"the grid has 1,000,000,000,000,000,000,000,000 configurations, too many"):
        enumerate_space(grid, conditions, Order(deterministic=True))


def test_members_compare_by_equality() -> None:
    members = Members([1, "a", [2], frozenset({3})])
    assert [value in members for value in (True, 1.0, "a", [2], {3}, 2, (2,))] == [True] * 5 + [False] * 2
    assert [value in Members(Not([1])) for value in (1, 2, [1])] == [False, True, True]


@pytest.mark.parametrize("nan", [float("nan"), np.array([float("nan")])], ids=["number", "array"])
def test_nan_matches_itself(nan: object) -> None:
    assert chosen({"x": [nan, 1]}, [Condition({"x": [nan]}, {"x": [2]})], deterministic=True) == [
        frozenset({"--x=2"}),
        frozenset({"--x=1"}),
    ]


def test_a_seed_option_of_the_grid_keeps_its_place() -> None:
    selection = enumerate_space({"a": [1, 2], "s": [5], "b": [3]}, [], Order(deterministic=True))
    assert [c.options for c in selection.under_seeds(["s", "t"], [5, 6])][1:3] == [
        (("a", 2), ("s", 5), ("b", 3), ("t", 5)),
        (("a", 1), ("s", 6), ("b", 3), ("t", 6)),
    ]


def test_seeds_of_a_huge_grid_are_not_unrolled() -> None:
    grid: Grid = {name: list(range(1000)) for name in "abcdefgh"}
    repeated = enumerate_space(grid, [], Order(limit=4000, sample=True)).under_seeds(["s"], range(5000))
    assert (len(repeated), repeated.codes_at([19_999_999])[-1]) == (20_000_000, [5000])
    with pytest.raises(ConfigError, match=r"4,000 configurations under 5,001 seeds are too many: take"):
        enumerate_space(grid, [], Order(limit=4000, sample=True)).under_seeds(["s"], range(5001))


@pytest.mark.parametrize(
    ("values", "count", "listed", "seeds"),
    [
        ([], 3, [], [0, 1, 2]),
        ([], None, [42, 7], [42, 7]),
        ([], None, [], []),
        ([42], 3, [], [42, 43, 44]),
        (["42", 42], 2, [], [42, 43]),
        ([42], None, [7, 42], [42, 7]),
    ],
)
def test_one_value_in_the_grid_is_the_first_seed(
    values: list[object], count: int | None, listed: list[int], seeds: list[int]
) -> None:
    assert list(seeds_to_run({"s": values, "t": []}, count, listed)) == seeds


@pytest.mark.parametrize(
    ("named", "count", "listed", "message"),
    [
        ({"s": [0, 1]}, 3, [], "the grid has s=0 or 1, but --num_seeds gives every configuration its seeds: take s"),
        ({"s": [1], "t": [2]}, 3, [], "the grid has s=1 and t=2, but --num_seeds gives"),
        ({"s": ["x"]}, 3, [], "the grid has s='x', which would be the first seed of --num_seeds: expected a whole"),
        ({"s": [True]}, None, [1], "the grid has s=True, which would be the first seed of --seeds_list"),
        ({"s": [3]}, None, [1, 2], "the grid has s=3, which --seeds_list lacks: add it there, or take s out of"),
    ],
)
def test_a_grid_that_says_other_seeds_is_refused(
    named: dict[str, list[object]], count: int | None, listed: list[int], message: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        seeds_to_run(named, count, listed)


@pytest.mark.parametrize(
    ("grids", "conditions", "message"),
    [
        (
            [{"a": [1]}],
            [Condition({"a": [1]}, {"b": [2]}), Condition({"s": [1]}, {"a": [2]})],
            "condition 2 names s, but",
        ),
        ([{"a": [1]}], [Condition({"a": [1]}, {("b", "s"): [(2, 3)]})], "condition 1 names s, but every configuration"),
        ([{"s": [1]}, {"a": [1]}], [], "grid 2 lacks s, which another one has, but every configuration"),
        ([{"a": [1]}, {("a", "s"): [(1, 3)]}], [], "grid 1 lacks s, which another one has"),
    ],
)
def test_a_seed_of_only_some_configurations_is_refused(
    grids: list[dict[object, object]], conditions: list[Condition], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        check_seed_options(["s"], grids, conditions)


TENS: Grid = {name: list(range(10)) for name in "abcd"}
CHAIN = [
    Condition({"a": [1, 2]}, {"b": [3]}),
    Condition({"b": [3], "c": [0]}, {"new": ["x", "y", "x"], "d": [0, 1]}),
    Condition({"d": [1]}, {"a": [0]}),
]


@pytest.mark.parametrize("part", [1, 7, 999, 65_535])
@pytest.mark.parametrize("order", [{"deterministic": True}, {"seed": 3}, {"seed": 3, "limit": 50}])
def test_the_parts_make_no_difference(monkeypatch: pytest.MonkeyPatch, part: int, order: dict[str, object]) -> None:
    small = {**TENS, "c": [0, 1], "d": [0, 1, 2]}
    whole = chosen(small, CHAIN, **order)
    monkeypatch.setattr("hpsearch.core.space_table._PART", part)
    assert chosen(small, CHAIN, **order) == whole
    if "deterministic" in order:
        assert whole == firsts(by_the_rules(small, CHAIN))


@pytest.mark.parametrize(
    "conditions",
    [
        # More words than a number of 64 bits counts, among few rows.
        [Condition({"a": [1]}, {f"n{k}": [k] for k in range(130)}), Condition({"a": [2]}, {"a": [0]})],
        [Condition({"a": [1]}, {f"n{k}": [*range(10)] for k in range(3)}), Condition({"n0": [1]}, {"n1": [2]})],
        # More ways to come about than such a number counts, of which most never happen.
        [*(Condition({"a": [k]}, {"n": [*range(10)]}) for k in range(2, 25)), Condition({"b": [0]}, {"b": [1]})],
    ],
)
def test_wide_configurations_are_told_apart_by_all_they_have(conditions: list[Condition]) -> None:
    grid: Grid = {"a": [0, 1, 2], "b": [0, 1]}
    expected = firsts(by_the_rules(grid, conditions))
    assert chosen(grid, conditions, deterministic=True) == expected
    assert sorted(map(sorted, chosen(grid, conditions))) == sorted(map(sorted, expected))


#: Below and above 2^31 ways to come about, 2^63 and 2^64: of a product with so many values, and so many conditions.
WAYS = [(21, 4), (22, 4), (9, 9), (10, 9), (18, 9), (19, 9)]


@pytest.mark.parametrize(("size", "count"), WAYS, ids=[f"{size}e{2 * count}" for size, count in WAYS])
def test_configurations_stay_what_they_are_under_seeds(size: int, count: int) -> None:
    grid: Grid = {"a": [*range(size)]}
    conditions = [Condition({"a": [k]}, {"n": [*range(10)], "m": [*range(10)]}) for k in range(count)]
    selection = enumerate_space(grid, conditions, Order(deterministic=True))
    listed = [configuration.as_dict() for configuration in selection]
    assert list(map(words, listed)) == firsts(by_the_rules(grid, conditions))
    repeated = [configuration.as_dict() for configuration in selection.under_seeds(["s"], [5, 6])]
    assert repeated == [{**options, "s": seed} for seed in (5, 6) for options in listed]


#: 10^10 configurations in place of one.
MANY: Grid = {f"n{k}": [*range(10)] for k in range(10)}


@pytest.mark.parametrize("limit", [None, 500])
@pytest.mark.parametrize(
    "conditions",
    [[Condition({"a": ["never"]}, MANY)], [Condition({"a": [1]}, {"a": [2]}), Condition({"a": [1]}, MANY)]],
)
def test_a_huge_product_that_replaces_nothing_is_passed_over(conditions: list[Condition], limit: int | None) -> None:
    order = {"deterministic": True, "limit": limit}
    assert chosen(TENS, conditions, **order) == firsts(by_the_rules(TENS, conditions))[:limit]


def test_a_huge_product_is_refused_although_only_the_last_part_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpsearch.core.space_table._PART", 999)
    with pytest.raises(ConfigError, match=r"more than 20,000,000 configurations, too many to hold"):
        enumerate_space(TENS, [Condition({"a": [9]}, MANY)], Order(deterministic=True, limit=3))


def test_conditions_that_make_too_many_are_refused_before_they_fill_the_memory() -> None:
    conditions = [Condition({"a": [1]}, {f"n{k}": [*range(10)] for k in range(5)})]
    with pytest.raises(ConfigError, match=r"more than 20,000,000 configurations, too many to hold"):
        enumerate_space(TENS, conditions, Order())


def test_a_long_list_with_conditions_takes_few_bytes_for_each() -> None:
    tracemalloc.start()
    try:
        enumerate_space({**TENS, "e": TENS["a"], "f": TENS["a"]}, CHAIN, Order(limit=3))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 22_000_000
