"""Pickles that are a list of dicts, texts and numbers, as those of a search's commands: recognised, to be read fast.

Python's fast reader does no harm with them: the operations by which a pickle names anything, calls it, hashes more than
a text or a number of up to 8 bytes, or asks for memory that it does not fill are not among theirs. And it reads them as
the careful reader does: it would also set entries of a list, or leave out all values but the last one.
"""

from __future__ import annotations

import pickle
import struct

#: Operation -> how many bytes it takes with its argument.
_SIZES = {
    **dict.fromkeys((pickle.MARK, pickle.EMPTY_LIST, pickle.EMPTY_DICT, pickle.MEMOIZE), 1),
    **dict.fromkeys((pickle.NONE, pickle.NEWTRUE, pickle.NEWFALSE), 1),
    **dict.fromkeys((pickle.PROTO, pickle.BININT1, pickle.BINPUT, pickle.BINGET), 2),
    pickle.BININT2: 3,
    **dict.fromkeys((pickle.BININT, pickle.LONG_BINGET), 5),
    **dict.fromkeys((pickle.BINFLOAT, pickle.FRAME), 9),
}
#: The same, by the operation's code; 0 = the argument tells, or no flat pickle has the operation.
_SIZE_OF = bytes(_SIZES.get(bytes([code]), 0) for code in range(256))
#: Operations behind which something stands in memory that is larger than they are.
_IS_MAKING = bytes(
    bytes([code]) in (pickle.MARK, pickle.EMPTY_LIST, pickle.EMPTY_DICT, pickle.MEMOIZE, pickle.BINPUT)
    for code in range(256)
)
#: Operations of those in `_SIZES` that leave one more value, or a mark.
_IS_VALUE = bytes(
    bytes([code]) in _SIZES.keys() - {pickle.MEMOIZE, pickle.BINPUT, pickle.PROTO, pickle.FRAME} for code in range(256)
)
_PUT, _TEXT, _SHORT = pickle.LONG_BINPUT[0], pickle.BINUNICODE[0], pickle.SHORT_BINUNICODE[0]
_LONG, _MOST_LONG = pickle.LONG1[0], 8
_STOP, _MARK, _LIST, _DICT = pickle.STOP[0], pickle.MARK[0], pickle.EMPTY_LIST[0], pickle.EMPTY_DICT[0]
#: Operation -> which container it fills, and with how many values (0 = with all behind the last mark).
_FILLING = {
    **{pickle.APPEND[0]: (_LIST, 1), pickle.APPENDS[0]: (_LIST, 0)},
    **{pickle.SETITEM[0]: (_DICT, 2), pickle.SETITEMS[0]: (_DICT, 0)},
}
_four_bytes = struct.Struct("<I").unpack_from


def is_flat_list(content: bytes, most_making: int) -> bool:
    """Return whether a pickle is one of these. most_making: how many things it may make, or note for later use."""
    at = 11 if content[2:3] == pickle.FRAME else 2
    if content[:1] != pickle.PROTO or content[at : at + 1] != pickle.EMPTY_LIST:
        return False
    # Which operations have left the values that the reader has at hand.
    stack = bytearray()
    try:
        # One small step for each of a million operations: this takes half of the time of `pickletools`.
        while (code := content[at]) != _STOP:
            size = _SIZE_OF[code]
            most_making -= _IS_MAKING[code]
            if size:
                at += size
                if _IS_VALUE[code]:
                    stack.append(code)
            elif code == _TEXT:
                at += 5 + _four_bytes(content, at + 1)[0]
                stack.append(code)
            elif code == _SHORT or (code == _LONG and content[at + 1] <= _MOST_LONG):
                at += 2 + content[at + 1]
                stack.append(code)
            elif code in _FILLING:
                at += 1
                _fill(stack, *_FILLING[code])
            elif code == _PUT and _four_bytes(content, at + 1)[0] < len(content) // 3:
                # The reader makes room for all with a smaller number; each of these takes three bytes or more.
                at += 5
                most_making -= 1
            else:
                return False
    except (ValueError, IndexError, struct.error):
        return False
    return most_making >= 0 and stack == pickle.EMPTY_LIST


def _fill(stack: bytearray, container: int, count: int) -> None:
    """Take the values from the stack that an operation fills into a container. Raises an error if it cannot."""
    begin = len(stack) - count if count else stack.rindex(_MARK) + 1
    taken = stack[begin:]
    del stack[begin if count else begin - 1 :]
    if stack[-1] != container or _MARK in taken or (container == _DICT and len(taken) % 2):
        raise ValueError("no such container, or not the values that it takes")
