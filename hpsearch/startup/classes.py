"""Dataclasses whose methods are made with their first object: a command uses few of the classes that it imports.

It has the names of the module `dataclasses`, which compiles six methods for a class, in 1 ms; `status` imports about
forty classes, and makes objects of ten. All modules of the package import these names from here.
"""

from __future__ import annotations

import contextlib
import sys
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING


class _Inspect(ModuleType):
    """Stands in for the module `inspect`, which `dataclasses` seldom needs, and little of it."""

    @staticmethod
    def get_annotations(cls: type) -> dict[str, object]:
        """Return the annotations of a class; `dataclasses` asks for them from Python 3.12 on."""
        return dict(vars(cls).get("__annotations__", {}))

    def __getattr__(self, name: str) -> object:
        import inspect

        return getattr(inspect, name)


# `inspect` takes three quarters of the 8 ms in which `dataclasses` is imported.
_inspect = _Inspect("inspect")
sys.modules.setdefault("inspect", _inspect)
try:
    import dataclasses
    from dataclasses import MISSING as MISSING
    from dataclasses import Field as Field
    from dataclasses import asdict as asdict
    from dataclasses import field as field
    from dataclasses import fields as fields
    from dataclasses import replace as replace
finally:
    if sys.modules["inspect"] is _inspect:
        del sys.modules["inspect"]

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls: type | None = None, /, **how: bool) -> object:
        """Make a class a dataclass when its first object is made, or its fields are asked for."""
        if cls is None:
            return partial(dataclass, **how)
        if how.get("slots"):
            # With slots, the dataclass is a new class, and cannot be finished later.
            return dataclasses.dataclass(cls, **how)
        said = {name: value for name, value in vars(cls).items() if name not in _OWN}
        declared = [name for name, value in said.items() if isinstance(value, Field)]
        for name in (*_FINISHING, *declared):
            setattr(cls, name, _Unfinished(cls, said, how, name))
        return cls


#: The attributes of a dataclass that are looked up first.
_FINISHING = ("__dataclass_fields__", "__dataclass_params__", "__init__")
#: What every class has of its own.
_OWN = {"__dict__", "__weakref__", "__abstractmethods__", "_abc_impl"}


class _Unfinished:
    """Stands in for an attribute of a dataclass until it is looked up. said: the attributes that the class defines."""

    def __init__(self, cls: type, said: dict[str, object], how: dict[str, bool], name: str) -> None:
        self._cls, self._said, self._how, self._name = cls, said, how, name

    def __get__(self, found: object | None, owner: type) -> object:
        if self._name == "__dataclass_fields__":
            self._add_fields()
        else:
            self._finish()
        return getattr(owner if found is None else found, self._name)

    def _add_fields(self) -> None:
        """Give the class its fields. ``--help`` asks for the fields of all options, and makes no object."""
        # A class that derives from a frozen one has to be frozen, too.
        frozen = self._how.get("frozen", False) and self._cls.__bases__ != (object,)
        made = self._made(init=False, repr=False, eq=False, frozen=frozen)
        self._cls.__dataclass_fields__ = made["__dataclass_fields__"]  # type: ignore[attr-defined]

    def _finish(self) -> None:
        """Give the class all that makes it a dataclass, `__init__` last: until then, other threads do the same."""
        made = self._made()
        for name, value in made.items():
            if name != "__init__" and value is not self._said.get(name, MISSING):
                setattr(self._cls, name, value)
        for name in self._said.keys() - made.keys():
            with contextlib.suppress(AttributeError):
                delattr(self._cls, name)
        self._cls.__init__ = made["__init__"]  # type: ignore[misc]

    def _made(self, **less: bool) -> dict[str, object]:
        """Make a copy of the class a dataclass, and return its attributes: Ctrl-C may interrupt that at any point."""
        copy = type(self._cls)(self._cls.__name__, self._cls.__bases__, dict(self._said))
        made: type = dataclasses.dataclass(**{**self._how, **less})(copy)
        return {name: value for name, value in vars(made).items() if name not in _OWN}
