"""Plain data from pickles that may come from anywhere, read by a small machine of our own.

Python's own reader calls what a pickle names, and numpy trusts the state that it is given; so neither is used. This one
knows how plain data is pickled (protocols 0 to 5) and builds that; whatever else a pickle asks for is refused by name.
"""

from __future__ import annotations

import argparse
import pickletools
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from hpsearch.core.conditions import Not
from hpsearch.store.layout import read_whole
from hpsearch.store.plain_numpy import NumpyArray, NumpyType, RefusedError, numpy_array, numpy_scalar, numpy_type

#: No larger file is read, in bytes.
MOST_BYTES = 256 * 2**20
#: What is built may take this much, and this much for each byte of the pickle, if all that it repeats is written out.
_BUDGET, _BUDGET_PER_BYTE = 100_000_000, 20
#: About what a container and what any other value takes in memory, beside its content.
_OBJECT_SIZE, _VALUE_SIZE = 100, 16
#: How deep lists, tuples and dicts may stand in each other.
_MOST_DEPTH = 100

#: Old names of modules (of Python 2, used by protocols 0 to 2, and of earlier versions of numpy) -> names today.
_MODULES = {
    "__builtin__": "builtins",
    "copy_reg": "copyreg",
    "numpy.core.multiarray": "numpy._core.multiarray",
    "numpy.core.numeric": "numpy._core.numeric",
}


@dataclass(frozen=True)
class _Name:
    """A class or function that a pickle names; it is never looked up."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


_NAMESPACE = _Name("argparse", "Namespace")
_INSTANCES: dict[_Name, Callable[[], object]] = {
    _NAMESPACE: argparse.Namespace,
    _Name("hpsearch.core.conditions", "Not"): lambda: Not([]),
    _Name("collections", "OrderedDict"): OrderedDict,
}
_OBJECT, _ARRAY = _Name("builtins", "object"), _Name("numpy", "ndarray")


def read_plain_pickle(path: Path, may_be_namespace: bool = False) -> object:
    """Read a file with a pickle, as `load_plain_pickle` does.

    Raises OSError if the file cannot be read, ValueError also if it is too large or no file.
    """
    return load_plain_pickle(read_whole(path, MOST_BYTES), may_be_namespace)


def load_plain_pickle(content: bytes, may_be_namespace: bool = False) -> object:
    """Return the plain data in a pickle: builtins, `Not`, numpy scalars and arrays of numbers, truth values or texts.

    may_be_namespace: an argparse.Namespace is plain data, too.
    Raises ValueError saying what else it holds, or that it is no pickle.
    """
    try:
        return _Machine(content, may_be_namespace).result()
    except (IndexError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, ValueError) as error:
        if isinstance(error, RefusedError):
            raise
        # The pickle is broken or made by hand: an empty stack, a missing entry, operands of the wrong kind.
        raise ValueError(f"not a readable pickle ({type(error).__name__}: {error})") from error


class _Machine:
    """Carries out the operations of a pickle: a stack of values, marks in it, and values to come back to."""

    def __init__(self, content: bytes, may_be_namespace: bool) -> None:
        self._content = content
        self._may_be_namespace = may_be_namespace
        self._stack: list[Any] = []  # Any: whatever the pickle puts there; what matters is checked where it is used
        self._below_marks: list[list[Any]] = []  # Any: likewise
        self._memo: dict[int, object] = {}
        self._budget = _BUDGET + _BUDGET_PER_BYTE * len(content)

    def result(self) -> object:
        """Return the value that the pickle stands for. Raises an error of some kind if that is no plain data."""
        for operation, argument, position in pickletools.genops(self._content):
            if operation.name in _CONSTANTS:
                self._stack.append(_CONSTANTS[operation.name])
            elif operation.name in _LITERALS:
                self._stack.append(argument)
            elif operation.name in _OPERATIONS:
                _OPERATIONS[operation.name](self, argument)
            elif operation.name not in _IGNORED:
                raise RefusedError(f"at byte {position} it needs {operation.name}, which plain data does not")
        (value,) = self._stack
        self._spend(self._weight(value))
        return value

    def _spend(self, amount: int) -> None:
        self._budget -= amount
        if self._budget < 0:
            raise RefusedError("it stands for much more data than its size tells")

    # Values that stand alone, and those that are kept.

    def _text(self, text: str) -> None:
        """Push a text of Python 2."""
        self._stack.append(text.encode("latin-1").decode("ascii"))

    def _mark(self, _: object) -> None:
        self._spend(_OBJECT_SIZE)
        self._below_marks.append(self._stack)
        self._stack = []

    def _to_mark(self) -> list[Any]:  # Any: see __init__
        values, self._stack = self._stack, self._below_marks.pop()
        return values

    def _put(self, key: int) -> None:
        self._spend(_OBJECT_SIZE)
        self._memo[key] = self._stack[-1]

    def _memoize(self, _: object) -> None:
        self._put(len(self._memo))

    def _get(self, key: int) -> None:
        value = self._memo[key]
        # An array is kept before its content is known.
        is_built = isinstance(value, NumpyArray) and value.array is not None
        self._stack.append(value.array if is_built else value)  # type: ignore[attr-defined]

    # Containers.

    def _new(self, container: object) -> None:
        self._spend(_OBJECT_SIZE + 8 * (len(container) if isinstance(container, tuple) else 0))
        self._stack.append(container)

    def _new_tuple(self, size: int) -> None:
        values = tuple(self._stack[len(self._stack) - size :])
        if len(values) != size:
            raise IndexError("too few values for a tuple")
        del self._stack[len(self._stack) - size :]
        self._new(values)

    def _new_dict(self, _: object) -> None:
        items = self._to_mark()
        self._new({})
        self._set_items(items)

    def _set_items(self, items: Sequence[Any]) -> None:  # Any: see __init__
        target = self._stack[-1]
        if not isinstance(target, dict) or len(items) % 2:
            raise TypeError("items for something that is no dict, or a key without a value")
        for key, value in zip(items[::2], items[1::2]):
            target[self._hashable(key)] = value

    def _set_item(self, _: object) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._set_items([key, value])

    def _append(self, values: Sequence[object]) -> None:
        target = self._stack[-1]
        if not isinstance(target, list):
            raise TypeError("values for something that is no list")
        target.extend(values)

    def _add(self, values: Sequence[object]) -> None:
        target = self._stack[-1]
        if not isinstance(target, set):
            raise TypeError("members for something that is no set")
        target.update(map(self._hashable, values))

    def _hashable(self, value: object) -> Hashable:
        """Return a key or member: a hash walks through all of a tuple, however often its parts repeat each other."""
        if type(value) is not str:
            self._spend(self._weight(value))
        return value

    # Objects.

    def _global(self, module: str, name: str) -> None:
        named = _Name(_MODULES.get(module, module), name)
        is_known = named in _CALLS or named in _INSTANCES or named in (_OBJECT, _ARRAY)
        if not is_known or (named == _NAMESPACE and not self._may_be_namespace):
            raise RefusedError(f"it holds an object of the class {module}.{name}")
        self._new(named)

    def _stack_global(self, _: object) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        if not (isinstance(name, str) and isinstance(module, str)):
            raise TypeError("a class whose name is no text")
        self._global(module, name)

    def _reduce(self, _: object) -> None:
        arguments, named = self._stack.pop(), self._stack.pop()
        if not isinstance(named, _Name) or not isinstance(arguments, tuple):
            raise TypeError("a call of something that is no function")
        if named in _CALLS:
            value = _CALLS[named](self, *arguments)
        elif named in _INSTANCES and not arguments:
            value = _INSTANCES[named]()
        else:
            raise RefusedError(f"it calls {named}")
        self._new(value)

    def _new_object(self, _: object) -> None:
        arguments, named = self._stack.pop(), self._stack.pop()
        self._new(self._instance(named, *arguments))

    def _instance(self, named: object, *arguments: object) -> object:
        # Protocols 0 and 1 name the base class, which is no argument of the class itself.
        if not isinstance(named, _Name) or named not in _INSTANCES or arguments not in ((), (_OBJECT, None)):
            raise RefusedError(f"it makes an object of {named}")
        return _INSTANCES[named]()

    def _build(self, _: object) -> None:
        """Give an object its content."""
        state, target = self._stack.pop(), self._stack[-1]
        if isinstance(target, NumpyType):
            target.set_state(state)
        elif isinstance(target, NumpyArray):
            self._stack[-1] = target.build(state)
            self._spend(self._stack[-1].nbytes)
        elif isinstance(target, argparse.Namespace) and _has_names(state):
            vars(target).update(state)
        elif isinstance(target, Not) and _has_names(state) and isinstance(state.get("values"), list):
            target.values = state["values"]
        else:
            raise RefusedError(f"it sets the state of an object of the class {type(target).__name__}")

    def _copied(self, kind: type, *arguments: Any) -> object:  # Any: checked here
        """Return bytes as bytes or bytearray, or a list as a set."""
        if not arguments:
            return kind(())
        (content,) = arguments
        if not isinstance(content, list if kind in (set, frozenset) else (bytes, bytearray)):
            raise TypeError(f"{kind.__name__} of something that is not its content")
        self._spend(len(content))
        return kind(map(self._hashable, content) if isinstance(content, list) else content)

    def _encoded(self, text: Any, encoding: object) -> bytes:  # Any: checked here
        """Return the bytes that protocols 0 to 2 write as a text."""
        if not isinstance(text, str) or encoding != "latin1":
            raise RefusedError(f"it encodes a text as {encoding}")
        self._spend(len(text))
        return text.encode("latin-1")

    def _scalar(self, dtype: object, content: object) -> object:
        return numpy_scalar(dtype, content)

    def _reconstructed(self, kind: object, *_: object) -> NumpyArray:
        if kind != _ARRAY:
            raise RefusedError(f"it makes an array of the class {kind}")
        return NumpyArray()

    def _array(self, content: Any, *arguments: Any) -> object:  # Any: checked there
        self._spend(len(content))
        return numpy_array(content, *arguments)

    # What it all comes to.

    def _weight(self, value: object) -> int:
        """Return what a value takes if everything that it repeats is written out.

        Raises an error if it holds itself, stands too deep, or has parts that are no values.
        """
        return _Scales().weigh(value, 0)[0]


class _Scales:
    """Weighs each container once, however often it appears."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, int] | None] = {}

    def weigh(self, value: object, depth: int) -> tuple[int, int]:
        """Return the weight of a value and how many containers stand in each other in it."""
        parts = _parts(value)
        if parts is None:
            return _VALUE_SIZE + _length(value), 0
        if id(value) not in self._known:
            self._known[id(value)] = None
            weighed = [self.weigh(part, depth + 1) for part in parts] if depth < _MOST_DEPTH else _too_deep()
            weight = _OBJECT_SIZE + sum(weight for weight, _ in weighed)
            self._known[id(value)] = weight, 1 + max((height for _, height in weighed), default=0)
        known = self._known[id(value)]
        if known is None:
            raise RefusedError("it has a list or dict that holds itself")
        return known if depth + known[1] <= _MOST_DEPTH else _too_deep()


def _too_deep() -> NoReturn:
    raise RefusedError(f"lists, tuples or dicts stand more than {_MOST_DEPTH} deep in each other")


def _parts(value: object) -> Sequence[object] | None:
    """Return what stands in a container; None if it is none."""
    if isinstance(value, (list, tuple)):
        return value
    if isinstance(value, (set, frozenset)):
        return list(value)
    if isinstance(value, argparse.Namespace):
        return [vars(value)]
    if isinstance(value, Not):
        return [value.values]
    return [*value.keys(), *value.values()] if isinstance(value, dict) else None


def _length(value: object) -> int:
    """Return the size of a value that is no container. Raises an error if it is none that plain data has."""
    if isinstance(value, (str, bytes, bytearray)):
        return len(value)
    if isinstance(value, int):
        return value.bit_length() // 8
    if value is None or isinstance(value, (float, complex, range, slice)):
        return 0
    if isinstance(value, (_Name, NumpyType, NumpyArray)):
        raise RefusedError(f"it holds {value} where a value belongs")
    # All that is left are the values that numpy_scalar and numpy_array made.
    return int(value.nbytes)  # type: ignore[attr-defined]


def _has_names(state: object) -> bool:
    return isinstance(state, dict) and all(isinstance(name, str) for name in state)


def _numbers(*arguments: object) -> tuple[Any, ...]:  # Any: what range, slice and complex take
    if not 1 <= len(arguments) <= 3 or not all(value is None or type(value) in (int, float) for value in arguments):
        raise TypeError("something else than one to three numbers")
    return arguments


_IGNORED = {"PROTO", "FRAME", "STOP"}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_LITERALS = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
    *("SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}
_Operation = Callable[[_Machine, Any], None]  # Any: the operation's own argument, of the type that pickletools gives it
_OPERATIONS: dict[str, _Operation] = {
    **dict.fromkeys(("STRING", "BINSTRING", "SHORT_BINSTRING"), _Machine._text),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Machine._put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine._get),
    "MEMOIZE": _Machine._memoize,
    "MARK": _Machine._mark,
    "EMPTY_LIST": lambda machine, _: machine._new([]),
    "EMPTY_DICT": lambda machine, _: machine._new({}),
    "EMPTY_SET": lambda machine, _: machine._new(set()),
    "LIST": lambda machine, _: machine._new(machine._to_mark()),
    "TUPLE": lambda machine, _: machine._new(tuple(machine._to_mark())),
    "TUPLE1": lambda machine, _: machine._new_tuple(1),
    "TUPLE2": lambda machine, _: machine._new_tuple(2),
    "TUPLE3": lambda machine, _: machine._new_tuple(3),
    "FROZENSET": lambda machine, _: machine._new(frozenset(map(machine._hashable, machine._to_mark()))),
    "DICT": _Machine._new_dict,
    "APPEND": lambda machine, _: machine._append([machine._stack.pop()]),
    "APPENDS": lambda machine, _: machine._append(machine._to_mark()),
    "SETITEM": _Machine._set_item,
    "SETITEMS": lambda machine, _: machine._set_items(machine._to_mark()),
    "ADDITEMS": lambda machine, _: machine._add(machine._to_mark()),
    "GLOBAL": lambda machine, named: machine._global(*named.split(" ", 1)),
    "STACK_GLOBAL": _Machine._stack_global,
    "REDUCE": _Machine._reduce,
    "NEWOBJ": _Machine._new_object,
    "BUILD": _Machine._build,
}
#: What a pickle of plain data may call. Each gets the machine and the arguments, which it has to check.
_CALLS: dict[_Name, Callable[..., object]] = {
    _Name("builtins", "complex"): lambda machine, *numbers: complex(*_numbers(*numbers)),
    _Name("builtins", "range"): lambda machine, *numbers: range(*_numbers(*numbers)),
    _Name("builtins", "xrange"): lambda machine, *numbers: range(*_numbers(*numbers)),
    _Name("builtins", "slice"): lambda machine, *numbers: slice(*_numbers(*numbers)),
    _Name("builtins", "bytes"): lambda machine, *content: machine._copied(bytes, *content),
    _Name("builtins", "bytearray"): lambda machine, *content: machine._copied(bytearray, *content),
    _Name("builtins", "set"): lambda machine, *members: machine._copied(set, *members),
    _Name("builtins", "frozenset"): lambda machine, *members: machine._copied(frozenset, *members),
    _Name("_codecs", "encode"): _Machine._encoded,
    _Name("copyreg", "_reconstructor"): _Machine._instance,
    _Name("numpy", "dtype"): lambda machine, code, *_: numpy_type(code),
    _Name("numpy._core.multiarray", "scalar"): _Machine._scalar,
    _Name("numpy._core.multiarray", "_reconstruct"): _Machine._reconstructed,
    _Name("numpy._core.numeric", "_frombuffer"): _Machine._array,
}
