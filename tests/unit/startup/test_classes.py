"""Dataclasses that are made when they are needed: the same as those of the standard library."""

import dataclasses
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import pytest

from hpsearch.startup import classes

T = TypeVar("T")
both = pytest.mark.parametrize("dataclass", [classes.dataclass, dataclasses.dataclass])


def point_class(dataclass: Callable[..., Any]) -> Any:
    @dataclass(frozen=True)
    class Point:
        """Where."""

        x: int
        tags: list[str] = classes.field(default_factory=list)
        label: str = "?"

    return Point


@both
def test_an_object_has_all_that_a_dataclass_gives_it(dataclass: Callable[..., Any]) -> None:
    Point = point_class(dataclass)
    point = Point(3, label="a")
    assert repr(point).endswith("Point(x=3, tags=[], label='a')")
    assert classes.asdict(point) == {"x": 3, "tags": [], "label": "a"}
    assert (point == Point(3, [], "a"), point == Point(4, [], "a")) == (True, False)
    assert classes.replace(point, x=4) == Point(4, [], "a")
    with pytest.raises(dataclasses.FrozenInstanceError):
        point.x = 4


@both
def test_a_class_has_the_defaults_of_its_fields_once_it_is_made(dataclass: Callable[..., Any]) -> None:
    Point = point_class(dataclass)
    assert (Point.label, hasattr(Point, "tags"), Point.__match_args__) == ("?", False, ("x", "tags", "label"))


@both
def test_a_class_may_derive_from_another(dataclass: Callable[..., Any]) -> None:
    @dataclass(frozen=True)
    class Spot(point_class(dataclass)):
        size: float = 1.0

    @dataclass(repr=False)
    class Numbers(Sequence[int], Generic[T]):
        content: T

        def __len__(self) -> int:
            return len(self.content)

        def __getitem__(self, index: int) -> int:
            return self.content[index]

    assert (Spot(1), hash(Spot(1, ()))) == (Spot(1, [], "?", 1.0), hash(Spot(1, ())))
    assert [*Numbers((1, 2))] == [1, 2]
    assert "content" not in repr(Numbers((1,)))


@both
def test_a_class_tells_its_fields_before_there_is_an_object(dataclass: Callable[..., Any]) -> None:
    Point = point_class(dataclass)
    assert [(each.name, each.default) for each in dataclasses.fields(Point)][::2] == [
        ("x", dataclasses.MISSING),
        ("label", "?"),
    ]
    assert Point(1) == Point(1, [])


def test_the_methods_are_made_for_the_first_object() -> None:
    Point = point_class(classes.dataclass)
    assert "__eq__" not in vars(Point)
    Point(1)
    assert "__eq__" in vars(Point)


def test_a_class_with_slots_is_made_at_once() -> None:
    @classes.dataclass(slots=True)
    class Slots:
        x: int

    assert Slots.__slots__ == ("x",)


def test_a_class_can_be_made_after_ctrl_c_in_its_making(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    Point = point_class(classes.dataclass)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(dataclasses, "_process_class", interrupt)
        Point(1)
    assert Point(1) == Point(1)


def test_inspect_is_imported_by_nobody_but_those_who_need_it() -> None:
    code = """
import sys
from hpsearch.startup.classes import dataclass
@dataclass
class Point:
    "Where."
    x: int
Point(1)
print("inspect" in sys.modules)
import inspect
print(inspect.isclass(Point), sys.modules["inspect"] is inspect)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True", "True"]
