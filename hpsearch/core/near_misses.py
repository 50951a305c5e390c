"""Hints for names that were spelled wrong."""

from collections.abc import Iterable
from difflib import get_close_matches

_HOW_NEAR = 0.7


def did_you_mean(name: str, known: Iterable[str], how_near: float = _HOW_NEAR) -> str:
    """Return the end of a message, ``; did you mean 'lr'?``; empty if no known name is near.

    how_near: 0 (anything) to 1 (only upper and lower case, and underscores in front, may differ).
    """
    near = nearest(name, known, how_near)
    return f"; did you mean {near!r}?" if near else ""


def nearest(name: str, known: Iterable[str], how_near: float = _HOW_NEAR) -> str:
    """Return the known name that is most like this one; empty if none is near. how_near: see `did_you_mean`."""
    plain: dict[str, str] = {}
    for each in known:
        plain.setdefault(_plain(each), each)
    found = get_close_matches(_plain(name), plain, 1, how_near)
    return plain[found[0]] if found else ""


def _plain(name: str) -> str:
    return name.casefold().strip("_-")
