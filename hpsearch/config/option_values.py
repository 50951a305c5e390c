"""What the values of options may be: from text to value, with a message that says what was expected.

Each reader raises argparse.ArgumentTypeError, which argparse shows with the option's name. What only some of them need
is imported there: ``--help`` imports all of them.
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

from hpsearch.config.given_paths import file_name_of
from hpsearch.core.errors import UsageError
from hpsearch.core.hints import nearest
from hpsearch.core.value_text import integer
from hpsearch.journal.values import LARGEST_INTEGER

if TYPE_CHECKING:
    from hpsearch.core.conditions import Key

#: How like a range's name a word must be to be taken for a misspelling.
_VERY_NEAR = 0.85
_N = TypeVar("_N", int, float)
#: What chooses the configurations of a search.
SAMPLERS = ("grid", "random", "sobol", "bayes", "optuna")
#: An option's name: no dash in front, no `=`, comma (it joins names), blank, NUL or half character (surrogate).
OPTION_NAME = re.compile(r"(?!-)[^=,\0\s\ud800-\udfff]+")


def whole(text: str) -> int:
    """Read a whole number."""
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number, found {text!r}") from None
    if abs(number) > LARGEST_INTEGER:
        raise argparse.ArgumentTypeError(f"expected a whole number of at most {LARGEST_INTEGER:,}, found {text}")
    return number


def _number_in(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _reader(
    read: Callable[[str], _N], shown: Callable[[str], str], fits: Callable[[_N], bool], expected: str
) -> Callable[[str], _N]:
    def checked(text: str) -> _N:
        number = read(text)
        if not fits(number):
            raise argparse.ArgumentTypeError(f"expected {expected}, found {shown(text)}")
        return number

    return checked


#: fits, expected -> a reader of numbers for which `fits` is true; `fits` gets NaN if the text is no number.
number_where = partial(_reader, _number_in, repr)
_whole_where = partial(_reader, whole, str)


def at_least(least: int) -> Callable[[str], int]:
    """Return a reader of whole numbers that are not below `least`."""
    return _whole_where(lambda number: number >= least, f"a whole number of at least {least}")


search_limit = _whole_where(lambda number: number == -1 or number >= 1, "a positive number, or -1 for no limit")
#: The range that numpy accepts.
seed = _whole_where(lambda number: 0 <= number < 2**32, f"a whole number from 0 to {2**32 - 1}")


def option_name(text: str) -> str:
    """Read the name of an option of the user's script; empty = the default."""
    if text and not OPTION_NAME.fullmatch(text):
        expected = "an option's name such as seed, without dashes in front"
        raise argparse.ArgumentTypeError(f"expected {expected}, found {text!r}")
    return text


def option_names(text: str) -> tuple[str, ...]:
    """Read the names of one or more options of the user's script, each once."""
    names = tuple(dict.fromkeys(word.strip() for word in text.split(",")))
    if not all(map(OPTION_NAME.fullmatch, names)):
        expected = "options' names such as random_seed or fold,random_seed, without dashes in front"
        raise argparse.ArgumentTypeError(f"expected {expected}, found {text!r}")
    return names


def whole_numbers(text: str) -> str:
    """Read a list of whole numbers, empty = none; return it as normalised text, each number once."""
    numbers = dict.fromkeys(whole(word.strip()) for word in text.split(",") if word.strip())
    if text and not numbers:
        raise argparse.ArgumentTypeError(f"expected whole numbers such as 42,43,44, found {text!r}")
    return ",".join(map(str, numbers))


def rising_numbers(text: str) -> str:
    """Read a list of rising numbers above 0, empty = none; return it as normalised text."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    numbers = [positive(word) for word in words]
    if text and (len(numbers) < 2 or any(small >= large for small, large in pairwise(numbers))):
        raise argparse.ArgumentTypeError(f"expected two or more rising numbers such as 5,15,45, found {text!r}")
    return ",".join(words)


def search_name(text: str) -> str:
    """Read the name of a search, which becomes a part of its folder's name; an empty text is the default."""
    if text and ("/" in text or not text.isprintable() or not file_name_of(text)):
        raise argparse.ArgumentTypeError(f"expected a text with a letter or digit and without a slash, found {text!r}")
    return text


def _shortest(found: float) -> float:
    return int(found) if found == int(found) else found


race_limit = number_where(lambda found: 0 < found < 0.5, "a probability above 0 and below 0.5")
share = number_where(lambda found: 0 <= found <= 1, "a number between 0 and 1")


def positive(text: str) -> float:
    """Read a number above 0."""
    return _shortest(number_where(lambda found: 0 < found < math.inf, "a positive number")(text))


def hours(text: str) -> float:
    """Read a time limit: hours, or ``H:MM``. Returns hours."""
    head, colon, tail = text.partition(":")
    full, minutes = integer(head), integer(tail)
    found = _number_in(text) if not colon else math.nan
    if full is not None and minutes is not None and minutes < 60:
        found = full + minutes / 60
    if not 0 < found < math.inf:
        raise argparse.ArgumentTypeError(f"expected a positive number of hours (24, 0.5) or H:MM, found {text!r}")
    return _shortest(found)


def hours_or_forever(text: str) -> float:
    """Read how long to wait: hours or ``H:MM``, 0 = not at all, -1 = for ever."""
    if text in ("-1", "0"):
        return int(text)
    try:
        return hours(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}; or 0 = not at all, -1 = for ever") from None


_STOP_RULES = ("nan", "median", "asha")


def stop_rules(text: str) -> str:
    """Read the names of rules that stop runs early, or none; return them as normalised text, each once."""
    words = dict.fromkeys(word.strip() for word in text.split(","))
    if list(words) != ["none"] and not words.keys() <= set(_STOP_RULES):
        expected = f"none, or one or more of {', '.join(_STOP_RULES)} with commas between them"
        raise argparse.ArgumentTypeError(f"expected {expected}, found {text!r}")
    return ",".join(words)


def gpu_list(text: str) -> str:
    """Read a list of GPU indices separated by commas; empty = all; -1 = none."""
    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    if parts != ["-1"] and (any(integer(part) is None for part in parts) or len(set(parts)) < len(parts)):
        raise argparse.ArgumentTypeError(f"expected GPU indices such as 0,1,3 (each once), or -1, found {text!r}")
    return ",".join(parts)


def one_of(words: Sequence[str]) -> Callable[[str], str]:
    """Return a reader of one of these words."""

    def checked(text: str) -> str:
        if text not in words:
            raise argparse.ArgumentTypeError(f"expected {', '.join(words[:-1])} or {words[-1]}, found {text!r}")
        return text

    return checked


def scheduler_name(text: str) -> str:
    """Read the name of a scheduler, or ``MODULE:NAME`` of a user's own scheduler."""
    module, colon, name = text.partition(":")
    is_own = bool(colon) and name.isidentifier() and all(part.isidentifier() for part in module.split("."))
    if text not in ("lsf", "slurm") and not is_own:
        raise argparse.ArgumentTypeError(f"expected lsf, slurm, or MODULE:NAME of a scheduler's module, found {text!r}")
    return text


#: Inside these, a comma belongs to the value.
_CLOSERS = {"[": "]", "(": ")", "{": "}"}
_QUOTES = "'\""


def setting(text: str) -> str:
    """Check a text for `values_set`."""
    try:
        _name_and_values(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}, found {text!r}") from None
    return text


def values_set(texts: Sequence[str]) -> dict[Key, Sequence[object]]:
    """Return the values that ``NAME=V1,V2`` gives to each option, or ``A,B=(V1, V2)`` to a tie.

    A Python literal gives its value, ``Uniform(0, 1)`` and the like a range, anything else is text. Raises UsageError
    if an option is given twice.
    """
    from hpsearch.core.conditions import key_in

    found: dict[Key, Sequence[object]] = {}
    for name, values in map(_name_and_values, texts):
        if key_in(name) in found:
            raise UsageError(f"--set {name}: given twice; write all its values in one, as in --set {name}=1,2")
        found[key_in(name)] = values
    return found


def _name_and_values(text: str) -> tuple[str, Sequence[object]]:
    from hpsearch.core.conditions import Range

    name, equals, values = text.partition("=")
    if not name.strip() or not equals:
        raise ValueError("expected NAME=V1,V2, as in lr=0.1,0.2")
    if name.strip()[0] in "(['\"":
        raise ValueError("expected names without quotes and brackets, as in lr=0.1,0.2 or lr,momentum=(0.1, 0.9)")
    found = [_literal(item) for item in _split(values)]
    return name.strip(), found[0] if len(found) == 1 and isinstance(found[0], Range) else found


def _split(text: str) -> Iterator[str]:
    """Split at the commas outside quotes and brackets; a quote counts only at the start of a value, or in brackets.

    Raises ValueError if a quote or bracket is not closed.
    """
    item, quote, closers, is_escaped = "", "", list[str](), False
    for character in text:
        if character == "," and not quote and not closers:
            yield item
            item = ""
            continue
        if is_escaped:
            is_escaped = False
        elif quote:
            is_escaped = character == "\\"
            quote = "" if character == quote else quote
        elif character in _QUOTES and (closers or not item.strip()):
            quote = character
        elif character in _CLOSERS:
            closers.append(_CLOSERS[character])
        elif closers and character == closers[-1]:
            closers.pop()
        item += character
    if quote or closers:
        raise ValueError(f"expected a closing {quote or closers[-1]}")
    yield item


def _literal(text: str) -> object:
    """Return the value that a literal of Python stands for, or a range; any other text as it is."""
    import ast
    import warnings

    from hpsearch.core.conditions import RANGES

    text = text.strip()
    if not text:
        raise ValueError("expected a value between commas ('' is an empty text)")
    name, bracket, bounds = text.partition("(")
    kind = next((kind for kind in RANGES if kind.__name__ == name.strip()), None)
    if kind and bracket and bounds.endswith(")"):
        numbers = [_literal(bound) for bound in _split(bounds[:-1])]
        return kind(*numbers) if len(numbers) == 2 else kind(numbers, None)
    names = [kind.__name__ for kind in RANGES]
    if bracket and bounds.endswith(")") and (meant := nearest(name.strip(), names, _VERY_NEAR)):
        raise ValueError(f"did you mean {meant}({bounds}? To give {text!r} as a text, put it in quotes")
    # Within a word, # does not begin a comment.
    is_enclosed = text[0] in (*_QUOTES, *_CLOSERS) and text[-1] in (*_QUOTES, *_CLOSERS.values())
    if "#" in text and not is_enclosed:
        return text
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = ast.literal_eval(text)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            return text
    return text if value is ... else value
