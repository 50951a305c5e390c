"""Dataclasses that cost little until they are instantiated: they behave like those of the standard library."""

import copy
import dataclasses
import pprint
import subprocess
import sys
from collections.abc import Hashable, Sequence
from types import ModuleType
from typing import Any, ClassVar, Generic, TypeVar

import pytest
from hypothesis.vendor.pretty import pretty

from hpsearch import LogUniform
from hpsearch.core.model import Configuration
from hpsearch.journal.settings import Settings
from hpsearch.startup import classes

T = TypeVar("T")
both = pytest.mark.parametrize("module", [classes, dataclasses])


def point_class(module: ModuleType) -> Any:
    @module.dataclass(frozen=True)
    class Point:
        """A place."""

        unit: ClassVar[str] = "m"
        x: int
        tags: list[str] = module.field(default_factory=list)
        label: str = "?"

    return Point


@both
def test_an_object_has_all_that_a_dataclass_gives_it(module: ModuleType) -> None:
    Point = point_class(module)
    point = Point(3, label="a")
    assert repr(point).endswith("point_class.<locals>.Point(x=3, tags=[], label='a')")
    assert module.asdict(point) == {"x": 3, "tags": [], "label": "a"}
    assert (point == Point(3, [], "a"), point == Point(4, [], "a"), point == 3) == (True, False, False)
    assert module.replace(point, x=4) == Point(4, [], "a")
    assert Point(1).tags is not Point(1).tags


@both
@pytest.mark.parametrize("name", ["x", "else"])
def test_an_object_of_a_frozen_class_stays_as_it_is(module: ModuleType, name: str) -> None:
    point = point_class(module)(3)
    with pytest.raises(AttributeError):
        setattr(point, name, 4)
    with pytest.raises(AttributeError):
        delattr(point, name)
    assert point.x == 3


@both
def test_a_class_has_the_defaults_of_its_fields(module: ModuleType) -> None:
    Point = point_class(module)
    assert (Point.label, hasattr(Point, "tags"), hasattr(Point, "x"), Point.unit) == ("?", False, False, "m")


@both
@pytest.mark.parametrize("words", [(), (1, [], "a", "b")])
def test_an_object_needs_its_fields_and_no_others(module: ModuleType, words: tuple[object, ...]) -> None:
    with pytest.raises(TypeError, match=r"Point\.__init__\(\) "):
        point_class(module)(*words)


@both
def test_a_class_may_derive_from_another(module: ModuleType) -> None:
    @module.dataclass(frozen=True)
    class Spot(point_class(module)):
        size: float = 1.0

    @module.dataclass(repr=False)
    class Numbers(Sequence[int], Generic[T]):
        content: T

        def __len__(self) -> int:
            return len(self.content)

        def __getitem__(self, index: int) -> int:
            return self.content[index]

    assert (Spot(1), hash(Spot(1, ()))) == (Spot(1, [], "?", 1.0), hash(Spot(1, ())))
    assert Spot(1) != point_class(module)(1)
    assert [*Numbers((1, 2))] == [1, 2]
    assert "content" not in repr(Numbers((1,)))


@both
def test_a_class_tells_its_fields(module: ModuleType) -> None:
    @module.dataclass
    class Options:
        name: str
        size: int = module.field(default=3, metadata={"help": "How large."})

    told = [(each.name, each.default, dict(each.metadata)) for each in module.fields(Options)]
    assert told == [("name", module.MISSING, {}), ("size", 3, {"help": "How large."})]
    assert [each.default_factory is module.MISSING for each in module.fields(Options("a"))] == [True, True]


@both
def test_a_field_may_be_left_out_of_comparisons(module: ModuleType) -> None:
    @module.dataclass(frozen=True)
    class Holder:
        pid: int
        beat: int = module.field(default=0, compare=False)

    assert (Holder(1, 2), hash(Holder(1, 2))) == (Holder(1, 3), hash(Holder(1, 3)))


@both
def test_only_objects_that_stay_as_they_are_have_a_hash(module: ModuleType) -> None:
    @module.dataclass
    class Open:
        x: int

    @module.dataclass(frozen=True, eq=False)
    class Single:
        x: int

    assert (isinstance(Open(1), Hashable), hash(point_class(module)(1, ())) != 0) == (False, True)
    assert Single(1) != Single(1)


@both
def test_what_a_class_defines_itself_stays(module: ModuleType) -> None:
    @module.dataclass
    class Word:
        text: str

        def __repr__(self) -> str:
            return self.text

    assert repr(Word("a")) == "a"


@both
def test_arguments_may_have_to_be_named(module: ModuleType) -> None:
    @module.dataclass(kw_only=True)
    class Settings:
        name: str = ""
        key: str

    assert Settings(key="acc") == Settings(name="", key="acc")
    with pytest.raises(TypeError, match="positional"):
        Settings("", "acc")


@both
def test_the_arguments_of_a_derived_class_are_named_only_where_each_class_says_so(module: ModuleType) -> None:
    @module.dataclass(frozen=True, kw_only=True)
    class Spot(point_class(module)):
        size: int

    @module.dataclass(frozen=True)
    class Circle(Spot):
        radius: int = 3

    assert Spot(1, [], size=2) == Spot(x=1, tags=[], size=2)
    assert Circle(1, [], "a", 4, size=2) == Circle(x=1, tags=[], label="a", size=2, radius=4)


@both
def test_what_stays_as_it_is_has_a_hash_even_with_an_equality_of_its_own(module: ModuleType) -> None:
    @module.dataclass(frozen=True)
    class Word:
        text: str

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Word)

    assert (Word("a") == Word("b"), hash(Word("a")) == hash(Word("a"))) == (True, True)


@both
def test_what_derives_from_a_class_of_frozen_objects_is_one(module: ModuleType) -> None:
    with pytest.raises(TypeError, match="frozen"):

        @module.dataclass
        class Spot(point_class(module)):
            size: int = 1


@both
def test_all_objects_share_no_list(module: ModuleType) -> None:
    with pytest.raises((TypeError, ValueError), match="default_factory"):

        @module.dataclass
        class Listed:
            content: list[int] = []


def test_what_would_not_be_called_is_refused() -> None:
    with pytest.raises(TypeError, match="__post_init__ would not be called"):

        @classes.dataclass
        class Checked:
            content: int

            def __post_init__(self) -> None: ...


@both
def test_an_object_with_slots_that_stays_as_it_is_can_be_copied(module: ModuleType) -> None:
    @module.dataclass(frozen=True, slots=True)
    class Event:
        run: int
        tags: list[str] = module.field(default_factory=list)

    event = Event(1, ["a"])
    assert (copy.copy(event), copy.deepcopy(event)) == (event, event)
    configuration = Configuration((("x", 1),))
    assert copy.copy(configuration) == configuration


@both
def test_a_class_may_have_slots(module: ModuleType) -> None:
    @module.dataclass(frozen=True, slots=True)
    class Event:
        run: int

    @module.dataclass(frozen=True, slots=True)
    class Ended(Event):
        at: float
        tags: tuple[str, ...] = ()
        notes: list[str] = module.field(default_factory=list)

    ended = Ended(1, 2.0)
    assert ended == Ended(1, 2.0, (), [])
    # The standard library of Python 3.10 repeats the slots of the base.
    assert (hasattr(ended, "__dict__"), Ended.__slots__[-3:]) == (False, ("at", "tags", "notes"))
    assert module.replace(ended, run=3) == Ended(3, 2.0)
    assert repr(ended).endswith(".Ended(run=1, at=2.0, tags=(), notes=[])")
    with pytest.raises(AttributeError):
        ended.at = 3.0


def test_as_dict_goes_into_lists_and_dicts() -> None:
    Point = point_class(classes)
    nested = {"points": [Point(1)], "at": {"b": (Point(2), 3)}}
    one, other = ({"x": x, "tags": [], "label": "?"} for x in (1, 2))
    assert classes.asdict(Point(nested)) == {"x": {"points": [one], "at": {"b": (other, 3)}}, "tags": [], "label": "?"}


def test_nothing_is_compiled_before_the_first_object() -> None:
    Point = point_class(classes)
    first = Point.__init__
    assert Point(1) == Point(1)
    assert (Point.__init__ is first, Point.__init__.__code__.co_varnames) == (False, ("self", "x", "tags", "label"))


def test_neither_dataclasses_nor_inspect_is_imported() -> None:
    code = "import sys, hpsearch.startup.classes; print({'dataclasses', 'inspect'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_hypothesis_can_print_an_example_that_fails() -> None:
    assert pretty(Settings(summary_filename="s.txt", summary_keywords=(), performance_key="acc")).startswith(
        "Settings("
    )


def test_an_object_that_users_have_is_printed_as_any_other() -> None:
    value = LogUniform(1e-5, 1e-1)
    assert pprint.pformat([value], width=10) == "[LogUniform(1e-05, 0.1)]"
    assert pprint.pformat(Configuration((("x", 1),)), width=10) == "Configuration(options=(('x', 1),))"


def test_the_standard_functions_take_an_object_that_users_have() -> None:
    value = LogUniform(1e-5, 1e-1)
    assert [each.name for each in dataclasses.fields(value)] == ["low", "high"]
    assert dataclasses.replace(value, high=1.0) == LogUniform(1e-5, 1.0)
    assert dataclasses.asdict(value) == {"low": 1e-5, "high": 1e-1}


def test_the_standard_functions_know_defaults_and_what_is_compared() -> None:
    Point = point_class(classes)
    told = [(each.name, each.default, each.compare) for each in dataclasses.fields(Point)]
    assert told == [("x", dataclasses.MISSING, True), ("tags", dataclasses.MISSING, True), ("label", "?", True)]
    assert dataclasses.fields(Point)[1].default_factory is list
    assert dataclasses.asdict(Point(1)) == classes.asdict(Point(1))
