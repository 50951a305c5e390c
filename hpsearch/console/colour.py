"""Sparing colour: failures are red, the best is green. Texts carry colours; the console shows or removes them.

No other code of a text works on a terminal: names, summaries and logs could hide lines there, or do worse.
"""

from __future__ import annotations

import codecs
import os
import re
from typing import TextIO

_RED, _GREEN, _END = "\033[31m", "\033[32m", "\033[0m"
_CODES = re.compile(r"\033\[(?:31|32|0)m")
#: Control characters but for tab and line break, and those that let a line be read in another order.
_CONTROLS = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
#: Such a character unless it begins one of our colours.
_UNWANTED = rf"(?!\033\[(?:31|32|0)m){_CONTROLS}"
#: A run's output also keeps what clears and writes the same line again, as bars do, and all colours.
_UNWANTED_OF_RUN = rf"(?!\r|\x08|\033\[[0-9;:]{{0,40}}m|\033\[[0-2]?K){_CONTROLS}"
#: The beginning of such a code at the end of a piece.
_BEGUN_CODE = r"\033(?:\[[0-9;:]{0,40})?\Z"


def red(text: str) -> str:
    """Mark a text that tells of a failure."""
    return f"{_RED}{text}{_END}" if text else ""


def green(text: str) -> str:
    """Mark a text that tells what is best."""
    return f"{_GREEN}{text}{_END}" if text else ""


def without_colour(text: str) -> str:
    """Remove the colour marks, for files and for terminals without colour."""
    return _CODES.sub("", text) if "\033" in text else text


def cut_to_width(text: str, width: int) -> str:
    """Return the beginning of a text that takes at most `width` columns, its colours kept."""
    kept, room = [], width
    for part in re.split(f"({_CODES.pattern})", text):
        is_code = _CODES.fullmatch(part) is not None
        kept.append(part if is_code else part[:room])
        room -= 0 if is_code else len(kept[-1])
    return "".join(kept)


def takes_colour(stream: TextIO) -> bool:
    """Return whether a stream leads to a terminal that shows colours, and the user has not said no (NO_COLOR)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"


def harmless(text: str) -> str:
    """Return a text in which control characters stand as escapes; tabs, line breaks and our colours stay."""
    # The patterns below are compiled when they are needed: most texts need none.
    return text if text.isprintable() else re.sub(_UNWANTED, _escaped, text)


class RunOutput:
    """What a run printed, piece by piece, for a terminal: colours and bars work, other codes stand as escapes."""

    def __init__(self) -> None:
        self._decoder, self._begun = codecs.getincrementaldecoder("utf-8")("replace"), ""

    def harmless(self, piece: bytes) -> str:
        """Return the next piece; a code that has only begun waits for its rest."""
        text = self._begun + self._decoder.decode(piece)
        begun = re.search(_BEGUN_CODE, text)
        self._begun = begun[0] if begun else ""
        return re.sub(_UNWANTED_OF_RUN, _escaped, text[: begun.start()] if begun else text)


def _escaped(character: re.Match[str]) -> str:
    return character[0].encode("unicode_escape").decode()
