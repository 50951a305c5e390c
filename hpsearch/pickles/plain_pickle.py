"""Plain data from pickles of any origin, read without calling anything that they name.

Python's own reader (the one written in Python) assembles values (protocols 0 to 5). Operations that look up a name,
call it or fill an object are replaced here, and all other operations are refused by name.
"""

from __future__ import annotations

import argparse
import io
import pickle
import pickletools
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

from hpsearch.core.conditions import RANGE_SIZE, RANGES, Not, Range
from hpsearch.pickles.flat_pickle import is_flat_list
from hpsearch.pickles.plain_numpy import NumpyArray, NumpyType, RefusedError, numpy_array, numpy_scalar, numpy_type
from hpsearch.startup.classes import dataclass

#: The result may take this much memory, and this much more for each byte of the pickle, counting all repetitions.
_BUDGET, _BUDGET_PER_BYTE = 100_000_000, 20
#: The approximate memory of a container, and of any other value, without content.
_OBJECT_SIZE, _VALUE_SIZE = 100, 16
#: How deep lists, tuples and dicts may be nested.
_MOST_DEPTH = 100

_FREE = """PROTO FRAME STOP NONE NEWTRUE NEWFALSE EMPTY_TUPLE INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT
    STRING BINSTRING SHORT_BINSTRING UNICODE SHORT_BINUNICODE BINUNICODE BINUNICODE8 SHORT_BINBYTES BINBYTES BINBYTES8
    BYTEARRAY8 GET BINGET LONG_BINGET APPEND APPENDS SETITEM SETITEMS ADDITEMS BUILD"""
_MAKING = """MARK PUT BINPUT LONG_BINPUT MEMOIZE EMPTY_LIST EMPTY_DICT EMPTY_SET LIST DICT FROZENSET TUPLE TUPLE1 TUPLE2
    TUPLE3 GLOBAL STACK_GLOBAL REDUCE NEWOBJ"""
#: The operations that plain data needs -> the memory that each one takes.
_PRICES = {**dict.fromkeys(_FREE.split(), 0), **dict.fromkeys(_MAKING.split(), _OBJECT_SIZE)}
#: Errors from broken or handmade pickles: an empty stack, a missing entry, operands of the wrong kind.
_BROKEN = (IndexError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, ValueError, EOFError)

#: Old names of modules (of Python 2, in protocols 0 to 2, and of earlier versions of numpy) -> today's names.
_MODULES = {
    "__builtin__": "builtins",
    "copy_reg": "copyreg",
    "numpy.core.multiarray": "numpy._core.multiarray",
    "numpy.core.numeric": "numpy._core.numeric",
}
_INSTANCES: dict[str, Callable[[], object]] = {
    "argparse.Namespace": argparse.Namespace,
    "hpsearch.core.conditions.Not": lambda: Not([]),
    **{f"hpsearch.core.conditions.{kind.__name__}": partial(kind, 0, 1) for kind in RANGES},
    "collections.OrderedDict": OrderedDict,
}


def load_plain_pickle(content: bytes, may_be_namespace: bool = False) -> object:
    """Return the plain data in a pickle: builtins, numpy scalars and arrays, and hpsearch's classes for grids.

    Arrays may hold numbers, truth values or texts.
    may_be_namespace: accept an argparse.Namespace, too.
    Raises ValueError saying what else the pickle holds, or that it is no pickle.
    """
    try:
        return _Reader(content, may_be_namespace).load_any()
    except RefusedError:
        raise
    except (*_BROKEN, pickle.UnpicklingError) as error:
        raise ValueError(f"not a readable pickle ({type(error).__name__}: {error})") from error


@dataclass(frozen=True)
class _Name:
    """A class or function that a pickle names; it is never looked up."""

    name: str

    def __str__(self) -> str:
        return self.name


class _Memo(dict[int, object]):
    """The values that a pickle refers back to. An array is stored before its content is known."""

    def __getitem__(self, key: int) -> object:
        value = super().__getitem__(key)
        return value.array if isinstance(value, NumpyArray) and value.array is not None else value


class _Reader(pickle._Unpickler):
    """Python's reader with a memory budget, and with our own operations in place of all harmful ones."""

    stack: list[Any]  # Any: whatever the pickle puts there; checked where it is used
    pop_mark: Callable[[], list[Any]]  # Any: likewise

    def __init__(self, content: bytes, may_be_namespace: bool) -> None:
        super().__init__(io.BytesIO(content))
        self.memo = _Memo()
        self._content = content
        self._may_be_namespace = may_be_namespace
        self._budget = _BUDGET + _BUDGET_PER_BYTE * len(content)

    def load_any(self) -> object:
        """Return the pickle's value. Raises an error of some kind if it is no plain data."""
        value = (
            pickle.loads(self._content) if is_flat_list(self._content, self._budget // _OBJECT_SIZE) else self.load()
        )
        self._weigh([value])
        return value

    def load(self) -> object:
        """Return the value of a pickle of any kind, before it is weighed."""
        for operation, _, position in pickletools.genops(self._content):
            if operation.name not in _PRICES:
                raise RefusedError(f"at byte {position} it needs {operation.name}, which plain data does not")
            self.spend(_PRICES[operation.name])
        value: object = super().load()
        if self.stack:
            raise ValueError("it holds more than one value")
        return value

    def spend(self, amount: int) -> None:
        """Count memory. Raises RefusedError if the budget is exceeded."""
        self._budget -= amount
        if self._budget < 0:
            raise RefusedError("it unpacks to far more data than its size suggests")

    def find_class(self, module: str, name: str) -> _Name:
        """Return a placeholder for a name. Raises RefusedError if plain data does not need the name."""
        named = f"{_MODULES.get(module, module)}.{name}"
        is_known = named in _CALLS or named in _INSTANCES or named in ("builtins.object", "numpy.ndarray")
        if not is_known or (named == "argparse.Namespace" and not self._may_be_namespace):
            raise RefusedError(f"it holds an object of the class {module}.{name}")
        return _Name(named)

    def _weigh(self, values: Sequence[object], compared: int = 0) -> Sequence[object]:
        """Return values after counting all that they hold, repetitions included, as a hash walks through it all.

        compared: how many others each may be compared with, as a key: it is easy to make numbers with equal hashes.
        """
        for value in values:
            if type(value) is not str:
                self.spend(_weight(value, {})[0] * (1 + compared // _VALUE_SIZE))
        return values

    def _keys(self, values: Sequence[object], before: int = 0) -> Sequence[object]:
        """Return keys of a dict or members of a set, weighed. before: how many it has."""
        return self._weigh(values, before + len(values))

    def _fill(self, kind: type[Any], parts: Sequence[Any]) -> None:  # Any: see above
        """Fill the container on the stack, or replace it."""
        target = self.stack[-1]
        if not isinstance(target, kind):
            raise TypeError(f"parts of a {kind.__name__} for something else")
        if kind is dict:
            target.update(zip(self._keys(parts[::2], len(target)), parts[1::2], strict=True))
        elif kind is set:
            target.update(self._keys(parts, len(target)))
        elif kind is frozenset:
            self.stack[-1] = kind(self._keys(parts))
        else:
            target.extend(parts)

    def _make(self, kind: type[Any]) -> None:  # Any: see above
        parts = self.pop_mark()
        self.stack.append(kind())
        self._fill(kind, parts)

    def _call(self) -> None:
        arguments, named = self.stack.pop(), self.stack[-1]
        if not isinstance(named, _Name) or not isinstance(arguments, tuple):
            raise TypeError("a call of something that is no function")
        if named.name in _CALLS:
            self.stack[-1] = _CALLS[named.name](self, *arguments)
        else:
            self.stack[-1] = _instance(self, named, *arguments)

    def _build(self) -> None:
        """Give an object its content."""
        state, target = self.stack.pop(), self.stack[-1]
        if isinstance(target, NumpyType):
            target.set_state(state)
        elif isinstance(target, NumpyArray):
            self.stack[-1] = target.build(state)
            self.spend(self.stack[-1].nbytes)
        elif isinstance(target, argparse.Namespace) and _has_names(state):
            vars(target).update(state)
        elif isinstance(target, Not) and _has_names(state) and isinstance(state.get("values"), list):
            target.values = state["values"]
        elif isinstance(target, Range) and _has_names(state) and state.keys() == vars(target).keys():
            vars(target).update(state)
        else:
            raise RefusedError(f"it sets the state of an object of the class {type(target).__name__}")

    dispatch: ClassVar[dict[int, Any]] = {  # Any: functions of a reader
        **pickle._Unpickler.dispatch,
        pickle.APPEND[0]: lambda reader: reader._fill(list, [reader.stack.pop()]),
        pickle.APPENDS[0]: lambda reader: reader._fill(list, reader.pop_mark()),
        pickle.SETITEM[0]: lambda reader: reader._fill(dict, [reader.stack.pop(-2), reader.stack.pop()]),
        pickle.SETITEMS[0]: lambda reader: reader._fill(dict, reader.pop_mark()),
        pickle.ADDITEMS[0]: lambda reader: reader._fill(set, reader.pop_mark()),
        pickle.DICT[0]: lambda reader: reader._make(dict),
        pickle.FROZENSET[0]: lambda reader: reader._make(frozenset),
        pickle.REDUCE[0]: _call,
        pickle.NEWOBJ[0]: _call,
        pickle.BUILD[0]: _build,
    }


def _weight(value: object, known: dict[int, tuple[int, int]], depth: int = 0) -> tuple[int, int]:
    """Return the weight of a value, and how deep its containers are nested.

    known: both for each container, by id, so that each is weighed once; no depth while it is being weighed.
    """
    parts = _parts(value)
    if parts is None:
        return _VALUE_SIZE + _length(value), 0
    weight, height = known.get(id(value), (0, 1))
    if not height:
        raise RefusedError("a list or dict in it contains itself")
    if depth + height > _MOST_DEPTH:
        raise RefusedError(f"lists, tuples or dicts are nested more than {_MOST_DEPTH} deep")
    if not weight:
        known[id(value)] = 0, 0
        weight, highest = _OBJECT_SIZE, 0
        for part in parts:
            if type(part) is str:
                # Most are, and asking for the weight of each takes three times as long.
                weight += _VALUE_SIZE + len(part)
            elif type(part) in (int, float, bool):
                weight += _VALUE_SIZE + _length(part)
            else:
                of_part, height_of_part = _weight(part, known, depth + 1)
                weight, highest = weight + of_part, max(highest, height_of_part)
        height += highest
        known[id(value)] = weight, height
    return weight, height


def _parts(value: object) -> Sequence[object] | None:
    """Return the parts of a container; None for any other value."""
    if type(value) in (str, int, float, bool):
        return None
    if isinstance(value, (list, tuple)):
        return value
    if isinstance(value, (set, frozenset)):
        return list(value)
    if isinstance(value, argparse.Namespace):
        return [vars(value)]
    if isinstance(value, Not):
        return [value.values]
    if isinstance(value, Range):
        # A range weighs as much as the list that it stands for.
        return [value.low, value.high] * (RANGE_SIZE // 2)
    return [*value.keys(), *value.values()] if isinstance(value, dict) else None


def _length(value: object) -> int:
    """Return the size of a value that is no container. Raises an error if it is not plain data."""
    if isinstance(value, (str, bytes, bytearray)):
        return len(value)
    if isinstance(value, int):
        return value.bit_length() // 8
    if value is None or isinstance(value, (float, complex, range, slice)):
        return 0
    if isinstance(value, (_Name, NumpyType, NumpyArray)):
        raise RefusedError(f"it holds {value} where a value belongs")
    # Only values made by numpy_scalar and numpy_array are left.
    return int(value.nbytes)  # type: ignore[attr-defined]


def _has_names(state: object) -> bool:
    return isinstance(state, dict) and all(isinstance(name, str) for name in state)


def _instance(_: _Reader, named: object, *arguments: object) -> object:
    # Protocols 0 and 1 also pass the base class, which is no argument of the class itself.
    is_known = isinstance(named, _Name) and named.name in _INSTANCES
    if not is_known or arguments not in ((), (_Name("builtins.object"), None)):
        raise RefusedError(f"it makes an object of {named}")
    return _INSTANCES[str(named)]()


def _numbers(*arguments: object) -> tuple[Any, ...]:  # Any: what range, slice and complex take
    if not 1 <= len(arguments) <= 3 or not all(value is None or type(value) in (int, float) for value in arguments):
        raise TypeError("something else than one to three numbers")
    return arguments


def _copied(kind: type, reader: _Reader, content: Any = None) -> object:  # Any: checked here
    """Return bytes as bytes or bytearray, or a list as a set."""
    if content is None:
        return kind()
    if not isinstance(content, list if kind in (set, frozenset) else (bytes, bytearray)):
        raise TypeError(f"{kind.__name__} of something that is not its content")
    reader.spend(len(content))
    return kind(reader._keys(content) if isinstance(content, list) else content)


def _encoded(reader: _Reader, text: Any, encoding: object) -> bytes:  # Any: checked here
    """Return bytes, which protocols 0 to 2 write as text."""
    if not isinstance(text, str) or encoding != "latin1":
        raise RefusedError(f"it encodes a text as {encoding}")
    reader.spend(len(text))
    return text.encode("latin-1")


def _reconstructed(_: _Reader, kind: object, *__: object) -> NumpyArray:
    if kind != _Name("numpy.ndarray"):
        raise RefusedError(f"it makes an array of the class {kind}")
    return NumpyArray()


def _from_buffer(reader: _Reader, content: Any, *arguments: Any) -> object:  # Any: checked there
    reader.spend(len(content))
    return numpy_array(content, *arguments)


#: What a pickle of plain data may call. Each function gets the reader and the arguments, and must check them.
_CALLS: dict[str, Callable[..., object]] = {
    "builtins.complex": lambda _, *numbers: complex(*_numbers(*numbers)),
    "builtins.range": lambda _, *numbers: range(*_numbers(*numbers)),
    "builtins.xrange": lambda _, *numbers: range(*_numbers(*numbers)),
    "builtins.slice": lambda _, *numbers: slice(*_numbers(*numbers)),
    **{f"builtins.{kind.__name__}": partial(_copied, kind) for kind in (bytes, bytearray, set, frozenset)},
    "_codecs.encode": _encoded,
    "copyreg._reconstructor": _instance,
    "numpy.dtype": lambda _, code, *__: numpy_type(code),
    "numpy._core.multiarray.scalar": lambda _, dtype, content: numpy_scalar(dtype, content),
    "numpy._core.multiarray._reconstruct": _reconstructed,
    "numpy._core.numeric._frombuffer": _from_buffer,
}
