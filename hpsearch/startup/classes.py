"""Dataclasses that cost little until there is an object of them, for commands that import many and use few.

The names are those of the module `dataclasses`, and mean the same as far as this package uses them. That module takes
2 ms, 10 with `inspect`, and 1 ms more for each class, since it compiles six methods of each. Here one is compiled,
`__init__`, and only for the first object. All modules of the package import these names from here.
"""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from dataclasses import MISSING as MISSING
    from dataclasses import Field as Field
    from dataclasses import asdict as asdict
    from dataclasses import dataclass as dataclass
    from dataclasses import field as field
    from dataclasses import fields as fields
    from dataclasses import replace as replace

    Fields = Mapping[str, "_Field"]


class _Missing:
    """Stands for a default that a field does not have."""

    def __repr__(self) -> str:
        return "MISSING"


_MISSING = _Missing()


class _Field:
    """A field of a dataclass. metadata: whatever the class wants to know of it."""

    #: What printers of dataclasses ask, such as hypothesis before it tells which example fails.
    init = repr = True

    def __init__(
        self,
        *,
        default: object = _MISSING,
        default_factory: Callable[[], object] | _Missing = _MISSING,
        compare: bool = True,
        metadata: Mapping[str, Any] | None = None,  # Any: see above
    ) -> None:
        self.default, self.default_factory = default, default_factory
        self.compare, self.metadata = compare, metadata or {}
        # A class says what they are.
        self.name, self.type = "", ""


def _dataclass(cls: type | None = None, /, **how: bool) -> Any:  # Any: a class, or what makes one of a class
    """Make a class a dataclass. how: frozen, slots, kw_only (False if not given), eq, repr (True)."""
    if cls is None:
        return partial(_dataclass, **how)
    own = _take_fields(cls)
    if how.get("slots"):
        cls = _with_slots(cls, own)
    for each in own.values():
        if not how.get("slots") and not isinstance(each.default, _Missing):
            setattr(cls, each.name, each.default)
    known: dict[str, _Field] = {}
    for base in reversed(cls.__mro__[1:]):
        known.update(vars(base).get("__dataclass_fields__", {}))
    known.update(own)
    cls.__dataclass_fields__ = known  # type: ignore[attr-defined]
    for name, method in _methods(cls, known, **how):
        if name not in vars(cls):
            setattr(cls, name, method)
    return cls


def _take_fields(cls: type) -> dict[str, _Field]:
    """Return the fields that a class itself declares, and take what it says of them from its attributes."""
    found = {}
    for name, annotation in cls.__annotations__.items():
        if str(annotation).startswith(("ClassVar", "typing.ClassVar")):
            continue
        said = vars(cls).get(name, _MISSING)
        each = found[name] = said if isinstance(said, _Field) else _Field(default=said)
        each.name, each.type = name, annotation
        if said is not _MISSING:
            delattr(cls, name)
    return found


def _with_slots(cls: type, names: Iterable[str]) -> type:
    """Return the same class, with a slot for each of these names."""
    content = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
    made = type(cls)(cls.__name__, cls.__bases__, {**content, "__slots__": tuple(names)})
    made.__qualname__ = cls.__qualname__
    return made


def _methods(
    cls: type, known: Fields, frozen: bool = False, eq: bool = True, repr: bool = True, kw_only: bool = False, **_: bool
) -> Iterable[tuple[str, object]]:
    """Return the methods that a dataclass has if it does not define them itself."""

    def __init__(self: Any, *values: object, **named: object) -> None:
        compiled = cls.__init__ = _compiled_init(known.values(), frozen, kw_only)  # type: ignore[misc]
        compiled(self, *values, **named)

    yield "__init__", __init__
    if repr:
        yield "__repr__", _repr
    if eq:
        compared = _values_of([each.name for each in known.values() if each.compare])
        yield "__eq__", _eq_by(compared)
        yield "__hash__", (lambda self: hash(compared(self))) if frozen else None
    if frozen:
        yield "__setattr__", _refuse
        yield "__delattr__", _refuse


def _compiled_init(known: Iterable[_Field], is_frozen: bool, is_kw_only: bool) -> Callable[..., None]:
    """Return `__init__` for these fields: as fast as one that somebody has written."""
    words, lines = ["self", *(["*"] if is_kw_only else [])], ["pass"]
    names: dict[str, object] = {"_set": object.__setattr__, "_missing": _MISSING}
    for each in known:
        name = value = each.name
        if not isinstance(each.default_factory, _Missing):
            words.append(f"{name}=_missing")
            value = f"_make_{name}() if {name} is _missing else {name}"
            names[f"_make_{name}"] = each.default_factory
        elif not isinstance(each.default, _Missing):
            words.append(f"{name}=_default_{name}")
            names[f"_default_{name}"] = each.default
        else:
            words.append(name)
        lines.append(f"_set(self, {name!r}, {value})" if is_frozen else f"self.{name} = {value}")
    exec(f"def __init__({', '.join(words)}):\n  " + "\n  ".join(lines), names)
    return names["__init__"]  # type: ignore[return-value]


def _values_of(names: list[str]) -> Callable[[object], tuple[object, ...]]:
    """Return a function that returns the values of some attributes."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda found: tuple(getattr(found, name) for name in names)


def _eq_by(compared: Callable[[object], tuple[object, ...]]) -> Callable[[object, object], bool]:
    def __eq__(self: object, other: object) -> bool:
        return compared(self) == compared(other) if self.__class__ is other.__class__ else NotImplemented

    return __eq__


def _repr(self: Any) -> str:
    return f"{type(self).__qualname__}({', '.join(f'{name}={value!r}' for name, value in _pairs(self))})"


def _refuse(self: object, name: str, *_: object) -> None:
    raise AttributeError(f"cannot set or delete {name!r}: {type(self).__qualname__} is frozen")


def _pairs(found: Any) -> list[tuple[str, Any]]:
    """Return name and value of each field of an object."""
    return [(name, getattr(found, name)) for name in found.__dataclass_fields__]


def _fields(found: Any) -> tuple[_Field, ...]:
    """Return the fields of a dataclass, or of an object of one."""
    return tuple(found.__dataclass_fields__.values())


def _replace(found: Any, /, **changes: object) -> object:
    """Return a copy of an object, with other values in some fields."""
    return type(found)(**{**dict(_pairs(found)), **changes})


def _asdict(found: Any) -> Any:
    """Return an object as a dict, with all objects of dataclasses in it."""
    if hasattr(type(found), "__dataclass_fields__"):
        return {name: _asdict(value) for name, value in _pairs(found)}
    if type(found) is dict:
        return {key: _asdict(value) for key, value in found.items()}
    return type(found)(map(_asdict, found)) if type(found) in (list, tuple) else found


if not TYPE_CHECKING:
    MISSING, Field, field = _MISSING, _Field, _Field
    asdict, dataclass, fields, replace = _asdict, _dataclass, _fields, _replace
