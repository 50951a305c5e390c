"""Dataclasses that cost little until there is an object of them, for commands that import many and use few.

The names are those of the module `dataclasses`, and mean the same as far as this package uses them. That module takes
2 ms, 10 with `inspect`, and 1 ms more for each class, since it compiles six methods of each. Here one is compiled,
`__init__`, and only for the first object. All modules of the package import these names from here. Printers and the
module `dataclasses` itself take these classes for its own (users get some of them, such as `LogUniform`).
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
        self.name, self.type, self.is_kw_only = "", "", False


class _Standard:
    """An attribute that the module `dataclasses` and printers look for in a class: made by that module if they do."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, _: object, cls: Any) -> object:  # Any: one of these classes
        import dataclasses

        made = []
        for each in _fields(cls):
            how: dict[str, Any] = {"compare": each.compare, "metadata": each.metadata}  # Any: of any type
            given = {"default": each.default, "default_factory": each.default_factory}
            how.update({name: value for name, value in given.items() if value is not _MISSING})
            made.append((each.name, each.type, dataclasses.field(**how)))
        # By name only: there, a field with a default may stand before one without.
        standard = dataclasses.make_dataclass(cls.__name__, made, kw_only=True)
        return getattr(standard, self._name)


_STANDARD = {name: _Standard(name) for name in ("__dataclass_fields__", "__dataclass_params__")}


def _dataclass(cls: type | None = None, /, **how: bool) -> Any:  # Any: a class, or what makes one of a class
    """Make a class a dataclass. how: frozen, slots, kw_only (False if not given), eq, repr (True)."""
    if cls is None:
        return partial(_dataclass, **how)
    if not how.get("frozen") and cls.__setattr__ is _refuse:
        raise TypeError(f"{cls.__qualname__}: frozen must be True, as it is of the class that this one derives from")
    own = _take_fields(cls, how.get("kw_only", False))
    if how.get("slots"):
        cls = _with_slots(cls, own)
    for each in own.values():
        if not how.get("slots") and not isinstance(each.default, _Missing):
            setattr(cls, each.name, each.default)
    known: dict[str, _Field] = {}
    for base in reversed(cls.__mro__[1:]):
        known.update(vars(base).get("_fields_by_name", {}))
    known.update(own)
    for name, content in {"_fields_by_name": known, **_STANDARD}.items():
        setattr(cls, name, content)
    for name, method in _methods(cls, known, **how):
        # A class with an __eq__ of its own has None as its __hash__.
        if vars(cls).get(name) is None:
            setattr(cls, name, method)
    return cls


def _take_fields(cls: type, is_kw_only: bool) -> dict[str, _Field]:
    """Return the fields that a class itself declares, and take what it says of them from its attributes.

    Raises TypeError for what works with the standard library only, or not even there.
    """
    if hasattr(cls, "__post_init__"):
        raise TypeError(f"{cls.__qualname__}: __post_init__ would not be called")
    found = {}
    for name, annotation in cls.__annotations__.items():
        if str(annotation).startswith(("ClassVar", "typing.ClassVar")):
            continue
        said = vars(cls).get(name, _MISSING)
        each = found[name] = said if isinstance(said, _Field) else _Field(default=said)
        each.name, each.type, each.is_kw_only = name, annotation, is_kw_only
        if type(each.default).__hash__ is None:
            raise TypeError(f"{cls.__qualname__}.{name}: all objects would share this default; use default_factory")
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
    cls: type, known: Fields, frozen: bool = False, eq: bool = True, repr: bool = True, slots: bool = False, **_: bool
) -> Iterable[tuple[str, object]]:
    """Return the methods that a dataclass has if it does not define them itself."""

    def __init__(self: Any, *values: object, **named: object) -> None:
        compiled = cls.__init__ = _compiled_init(known.values(), frozen)  # type: ignore[misc]
        # Messages about wrong arguments say it.
        compiled.__qualname__ = f"{cls.__qualname__}.__init__"
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
    if frozen and slots:
        # Else what copies or unpickles an object would set its attributes.
        yield "__getstate__", _pairs
        yield "__setstate__", _set_pairs


def _compiled_init(known: Iterable[_Field], is_frozen: bool) -> Callable[..., None]:
    """Return `__init__` for these fields: as fast as one that somebody has written."""
    words, lines = ["self"], ["pass"]
    names: dict[str, object] = {"_set": object.__setattr__, "_missing": _MISSING}
    for each in sorted(known, key=attrgetter("is_kw_only")):
        name = value = each.name
        if each.is_kw_only and "*" not in words:
            words.append("*")
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
    return [(name, getattr(found, name)) for name in found._fields_by_name]


def _set_pairs(found: object, pairs: Iterable[tuple[str, object]]) -> None:
    """Give an object that has no attributes yet what `_pairs` returned of another one."""
    for name, value in pairs:
        object.__setattr__(found, name, value)


def _fields(found: Any) -> tuple[_Field, ...]:
    """Return the fields of a dataclass, or of an object of one."""
    return tuple(found._fields_by_name.values())


def _replace(found: Any, /, **changes: object) -> object:
    """Return a copy of an object, with other values in some fields."""
    return type(found)(**{**dict(_pairs(found)), **changes})


def _asdict(found: Any) -> Any:
    """Return an object as a dict, with all objects of dataclasses in it."""
    if hasattr(type(found), "_fields_by_name"):
        return {name: _asdict(value) for name, value in _pairs(found)}
    if type(found) is dict:
        return {key: _asdict(value) for key, value in found.items()}
    return type(found)(map(_asdict, found)) if type(found) in (list, tuple) else found


if not TYPE_CHECKING:
    MISSING, Field, field = _MISSING, _Field, _Field
    asdict, dataclass, fields, replace = _asdict, _dataclass, _fields, _replace
