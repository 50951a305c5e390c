"""Dataclasses whose methods are made when the first object is: a command uses few of the classes that it imports.

The names are those of the module `dataclasses`, which compiles six methods for a class, in 1 ms; `status` imports some
forty classes, and makes objects of ten. All modules of the package import them from here.
"""

from __future__ import annotations

import contextlib
import sys
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING


class _Inspect(ModuleType):
    """Stands for the module of this name: `dataclasses` needs little of it, and seldom."""

    @staticmethod
    def get_annotations(cls: type) -> dict[str, object]:
        """Return what a class says of its attributes, which `dataclasses` asks from Python 3.12 on."""
        return dict(vars(cls).get("__annotations__", {}))

    def __getattr__(self, name: str) -> object:
        import inspect

        return getattr(inspect, name)


# Three quarters of the time in which `dataclasses` is imported, 8 ms, go into `inspect`.
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
        """Make a class a dataclass as soon as somebody makes an object of it, or asks for its fields."""
        if cls is None:
            return partial(dataclass, **how)
        if how.get("slots"):
            # That would be another class.
            return dataclasses.dataclass(cls, **how)
        said = {name: value for name, value in vars(cls).items() if name not in _OWN}
        declared = [name for name, value in said.items() if isinstance(value, Field)]
        for name in (*_FINISHING, *declared):
            setattr(cls, name, _Unfinished(cls, said, how, name))
        return cls


#: What is looked for first in a dataclass.
_FINISHING = ("__dataclass_fields__", "__dataclass_params__", "__init__")
#: What every class has of its own.
_OWN = {"__dict__", "__weakref__", "__abstractmethods__", "_abc_impl"}


class _Unfinished:
    """Stands for an attribute of a dataclass, and makes it when it is looked for. said: all that the class says."""

    def __init__(self, cls: type, said: dict[str, object], how: dict[str, bool], name: str) -> None:
        self._cls, self._said, self._how, self._name = cls, said, how, name

    def __get__(self, found: object | None, owner: type) -> object:
        if self._name == "__dataclass_fields__":
            self._add_fields()
        else:
            self._finish()
        return getattr(owner if found is None else found, self._name)

    def _add_fields(self) -> None:
        """Give the class what it tells of its fields. Help asks for those of all options, and makes no object."""
        # One that derives from a frozen class has to be frozen, too.
        frozen = self._how.get("frozen", False) and self._cls.__bases__ != (object,)
        made = self._made(init=False, repr=False, eq=False, frozen=frozen)
        self._cls.__dataclass_fields__ = made["__dataclass_fields__"]  # type: ignore[attr-defined]

    def _finish(self) -> None:
        """Give the class all that makes it a dataclass, `__init__` last: until then, another thread does the same."""
        made = self._made()
        for name, value in made.items():
            if name != "__init__" and value is not self._said.get(name, MISSING):
                setattr(self._cls, name, value)
        for name in self._said.keys() - made.keys():
            with contextlib.suppress(AttributeError):
                delattr(self._cls, name)
        self._cls.__init__ = made["__init__"]  # type: ignore[misc]

    def _made(self, **less: bool) -> dict[str, object]:
        """Return the attributes of a copy of the class that was made a dataclass: Ctrl-C may end that at any point."""
        copy = type(self._cls)(self._cls.__name__, self._cls.__bases__, dict(self._said))
        made: type = dataclasses.dataclass(**{**self._how, **less})(copy)
        return {name: value for name, value in vars(made).items() if name not in _OWN}
