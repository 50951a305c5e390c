"""Values and their texts: a text for each value of an option that no other value shares; whole numbers others wrote.

`str` alone will not do: a function's text has its address, a long array's lacks its middle, a tensor's its last digits.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

_PLAIN = (str, int, float, bool, type(None))
#: In the text of an object whose class defines none.
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
#: In the text of something callable that is, or holds (as functools.partial), a function of Python's own or a class.
_NAMELESS = re.compile(r"^<|<(built-in |class |function |method |slot )")
_MOST_DEPTH = 100
#: The longest word that Linux takes on a command line, in bytes.
_MOST_BYTES = 2**17 - 1
#: More digits than any id, status, size or time has; Python refuses to read numbers of some thousand digits.
_MOST_DIGITS = 18


def whole_text(value: object) -> str:
    """Return `str(value)` with nothing left out: numpy and pandas leave out digits, and the middle of what is long."""
    if type(value) in _PLAIN or all(type(leaf) in _PLAIN for leaf in _leaves(value)):
        return str(value)
    with contextlib.ExitStack() as stack:
        # A value of a library that is not imported cannot be there.
        if "numpy" in sys.modules:
            import numpy as np

            # Unique: as many digits as tell a number from all others, instead of eight.
            stack.enter_context(np.printoptions(threshold=sys.maxsize, floatmode="unique"))
        if "pandas" in sys.modules:
            import pandas

            names = ("max_rows", "max_columns", "max_colwidth", "max_seq_items")
            stack.enter_context(pandas.option_context(*(part for name in names for part in (f"display.{name}", None))))
        return str(value)


def plain_scalar(value: Any) -> object:  # Any: told by its attributes, no library is imported
    """Return the number in a tensor without dimensions (of PyTorch, JAX, TensorFlow); any other value as it is."""
    if not _is_tensor(value) or len(value.shape) > 0:
        return value
    import numpy as np

    with contextlib.suppress(TypeError, ValueError, RuntimeError):
        # In its own precision, the number has the text that people write: 0.001.
        array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
        if array.dtype.kind in "biufc":
            return array[()]
    return value.item() if hasattr(value, "item") else value


def integer(text: str) -> int | None:
    """Return the whole number in a text of nothing but ASCII digits; None for any other text.

    ``str.isdigit`` also accepts what `int` refuses (a superscript two, say), so it must not decide this.
    """
    is_number = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    return int(text) if is_number else None


def why_not_text(value: object, name: str = "") -> str:
    """Return why a value cannot stand on a command line under an option's name; empty if it can."""
    try:
        for leaf in _leaves(value):
            problem = _why_not_leaf(leaf)
            if problem:
                return problem
        text = whole_text(value)
        length = len(f"--{name}={text}".encode())
    except (Exception, SystemExit) as error:  # noqa: BLE001  (the value may be of any class, and so may its error)
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return f"that cannot be written as text ({reason[:200]})"
    if "\0" in text:
        return "with a NUL character, which no command line can carry"
    if length > _MOST_BYTES:
        return f"of {length:,} bytes; a word of a command line has at most {_MOST_BYTES:,}: give the name of a file"
    return ""


def _leaves(value: object, outside: tuple[int, ...] = ()) -> Iterator[object]:
    """Return what stands in lists, tuples, sets and dicts. Raises ValueError if one of them holds itself."""
    if not isinstance(value, (list, tuple, set, frozenset, dict)):
        yield value
        return
    if id(value) in outside:
        raise ValueError(f"a {type(value).__name__} holds itself")
    if len(outside) >= _MOST_DEPTH:
        raise ValueError(f"lists, tuples or dicts are nested more than {_MOST_DEPTH} deep")
    for part in (*value.keys(), *value.values()) if isinstance(value, dict) else value:
        yield from _leaves(part, (*outside, id(value)))


def _is_tensor(value: object) -> bool:
    if type(value).__module__.partition(".")[0] in ("numpy", "pandas") or isinstance(value, type):
        return False
    has_content = hasattr(value, "tolist") or hasattr(value, "__array__")
    return has_content and hasattr(value, "dtype") and hasattr(value, "shape")


def _why_not_leaf(leaf: object) -> str:
    if type(leaf) in _PLAIN or isinstance(leaf, str):
        return ""
    kind = type(leaf)
    if _is_tensor(leaf):
        return f"with a {kind.__name__}, whose text is not its value: write numbers, as in tensor.tolist()"
    text = whole_text(leaf)
    if isinstance(leaf, (type, ModuleType)) or _ADDRESS.search(text) or (callable(leaf) and _NAMELESS.search(text)):
        shown = " ".join(text.split())[:60]
        return f"with {shown}, whose text is no value: write the name by which the script knows it, as a text"
    return ""


def cut(text: str, most: int) -> str:
    """Return a text as one line of at most `most` characters."""
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 3].rstrip()}..."
