"""JSON by the part of Python's module that is written in C.

The stand-ins are called thousands of times, and importing `json` itself, with `re` and `enum`, took a third of a call.
"""

from _json import encode_basestring_ascii, make_encoder, make_scanner


class _Context:
    strict = True
    object_hook = object_pairs_hook = None
    parse_float, parse_int, parse_constant = float, int, float
    memo = {}


_scan = make_scanner(_Context())
_encode = make_encoder(None, None, encode_basestring_ascii, None, ": ", ", ", False, False, True)


def loads(text):
    """Return the value that a text stands for."""
    return _scan(text.strip(), 0)[0]


def load(file):
    """Return the value that a file holds."""
    return loads(file.read())


def dumps(value):
    """Return the text of a value, in one line."""
    return "".join(_encode(value, 0))


def dump(value, file):
    """Write the text of a value to a file."""
    file.write(dumps(value))
