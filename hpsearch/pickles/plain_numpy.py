"""numpy's scalars and arrays, made from the parts of their pickles, each part checked before numpy sees it.

numpy trusts a pickle's state: an object array over bytes that the pickle chose means a crash, or worse. So only
numbers, truth values and texts are made here, and only from exactly the bytes that they need.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Literal

from hpsearch.startup.classes import dataclass

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]  # Any: the shape and the type of the elements vary

#: numpy's codes of the accepted types: kind and bytes (characters for texts). Never `O`, which holds pointers.
_CODES = re.compile(r"b1|[iu][1248]|f(2|4|8|12|16)|c(8|16|24|32)|[SU]\d{1,9}")
#: Kind -> the unsigned type of the same width, and the largest genuine value: True, and the last character.
_LARGEST = {"b": ("u1", 1), "U": ("u4", 0x10FFFF)}
_MOST_DIMENSIONS, _MOST_WITHOUT_ELEMENTS = 32, 1000


class RefusedError(ValueError):
    """A pickle needs something that plain data does not."""


@dataclass
class NumpyType:
    """A type of elements: numpy's code, and the byte order, which the pickle gives later."""

    code: str
    byte_order: Literal["=", "<", ">", "|"] = "="

    def __str__(self) -> str:
        return "numpy.dtype"

    def set_state(self, state: object) -> None:
        """Take the byte order from a type's state. Raises RefusedError if the state has fields or a shape."""
        # Version, byte order, (sub-array, field names, fields), three sizes and flags that follow from the code.
        has_fields = not isinstance(state, tuple) or len(state) != 8 or state[2:5] != (None, None, None)
        if has_fields or state[1] not in ("<", ">", "|", "="):  # type: ignore[index]
            raise RefusedError(f"the type {self.code} of numpy comes with more than its order of bytes")
        self.byte_order = state[1]  # type: ignore[index]

    def checked(self) -> np.dtype[Any]:  # Any: the type of the elements varies
        """Return numpy's own type."""
        import numpy as np

        return np.dtype(self.byte_order + self.code)


@dataclass
class NumpyArray:
    """An announced array; `array` is None until its content is known."""

    array: Array | None = None

    def __str__(self) -> str:
        return "an array without content"

    def build(self, state: Any) -> Array:  # Any: checked here
        """Return the array for a pickled state: version, shape, type, whether in Fortran order, content."""
        _, shape, dtype, is_fortran, content = state
        self.array = numpy_array(content, dtype, shape, "F" if is_fortran is True else "C")
        return self.array


def numpy_type(code: object) -> NumpyType:
    """Return the type for a code of numpy's. Raises RefusedError if it is not a plain type."""
    if not isinstance(code, str) or not _CODES.fullmatch(code):
        raise RefusedError(f"it holds numpy data of the type {code!s:.40}; expected numbers, truth values or texts")
    return NumpyType(code)


def numpy_scalar(dtype: object, content: object) -> object:
    """Return a scalar from its bytes. Raises RefusedError if the bytes do not fit the type."""
    if isinstance(dtype, NumpyType) and dtype.code in ("U0", "S0") and content == b"":
        return dtype.checked().type()
    return numpy_array(content, dtype, (), "C")[()]


def numpy_array(content: object, dtype: object, shape: object, order: object, axes: object = None) -> Array:
    """Return an array, as numpy's own function for this does. axes: the permutation of axes for the order K.

    Raises RefusedError if the bytes are not exactly as many as type and shape need.
    """
    import numpy as np

    if not isinstance(dtype, NumpyType) or not isinstance(content, (bytes, bytearray)):
        raise RefusedError("numpy data without a plain type, or without its bytes")
    if not isinstance(shape, tuple) or not all(type(size) is int and size >= 0 for size in shape):
        raise RefusedError("a numpy array whose shape is no tuple of whole numbers")
    checked = dtype.checked()
    needed = math.prod(shape) * checked.itemsize
    # numpy walks even an array without elements along its other dimensions.
    is_huge = math.prod(size for size in shape if size) > max(len(content), _MOST_WITHOUT_ELEMENTS)
    if len(shape) > _MOST_DIMENSIONS or not checked.itemsize or needed != len(content) or is_huge:
        raise RefusedError(f"a numpy array of {len(content)} bytes whose shape {str(shape)[:60]} does not fit")
    array: Array = np.ndarray(shape, checked, bytes(content), order="F" if order == "F" else "C")
    unsigned, largest = _LARGEST.get(array.dtype.kind, ("", 0))
    if unsigned and array.size:
        whole = np.frombuffer(content, np.dtype(unsigned).newbyteorder(array.dtype.byteorder))
        if int(whole.max()) > largest:
            raise RefusedError("numpy data that stands for no truth values or no text")
    if axes is not None:
        if not isinstance(axes, tuple) or sorted(axes) != list(range(len(shape))):
            raise RefusedError("a numpy array whose axes are not each there once")
        array = array.transpose(axes)
    copy: Array = array.copy(order="K")
    return copy
