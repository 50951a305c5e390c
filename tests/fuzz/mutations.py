"""Inputs made from others at random: bits, pieces, lines and words are changed, and troublesome texts put in."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

#: Long digits, nesting, characters that no text should have, and numbers at the ends of what can be held.
STRANGE = (
    *(
        b"",
        b"\0",
        b"\xff",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
        "\u00b2\u0665\u2028\x85".encode(),
        b"\r",
        b"\x1b[1m",
        b"\\",
    ),
    *(b"-1", b"0", b"1e999", b"-1e-999", b"nan", b"Infinity", b"9" * 30, b"9" * 5000, b"1_0", b"0x" + b"f" * 5000),
    *(b"[" * 3000, b'{"a":' * 3000, b"(" * 300, b"((((1,),),),)", b"a" * 5000, b"true", b"null", b"{}", b"[]", b'""'),
    *(
        b"..",
        b"../x",
        b"/",
        b"-x",
        b"$(touch x)",
        b"`touch x`",
        b"'; touch x;'",
        b"%s%n",
        b"{0.__class__}",
        b"__import__",
    ),
    *(
        b"9223372036854775808",
        b"-9223372036854775809",
        b"1e11",
        b"100000000001",
        b"2147483648",
        b"18446744073709551616",
    ),
)
_WORD = re.compile(rb"[A-Za-z_]+|-?[0-9.]+(?:[eE][+-]?[0-9]+)?|[^A-Za-z0-9_]")
_MOST_BYTES = 1 << 16
_MOST_CHANGES = 5


class Mutator:
    """Makes one input after another from those that are kept, the same ones for the same seed."""

    def __init__(self, kept: Sequence[bytes], seed: int) -> None:
        self._kept, self._chance = list(kept), random.Random(seed)
        self._words = [_WORD.findall(content) or [b""] for content in kept]
        self._changes: list[Callable[[bytes], bytes]] = [
            self._bit,
            self._byte,
            self._cut,
            self._end_cut,
            self._repeated,
            self._spliced,
            self._strange,
            self._word,
            self._lines,
        ]

    def next(self) -> bytes:
        """Return the next input."""
        content = self._chance.choice(self._kept)
        for _ in range(self._chance.randint(1, _MOST_CHANGES)):
            content = self._chance.choice(self._changes)(content)[:_MOST_BYTES]
        return content

    def _place(self, content: bytes) -> int:
        return self._chance.randint(0, len(content))

    def _span(self, content: bytes) -> tuple[int, int]:
        start = self._place(content)
        return start, min(len(content), start + self._chance.choice((1, 1, 2, 4, 16, 200)))

    def _bit(self, content: bytes) -> bytes:
        if not content:
            return content
        at = self._chance.randrange(len(content))
        return content[:at] + bytes([content[at] ^ 1 << self._chance.randrange(8)]) + content[at + 1 :]

    def _byte(self, content: bytes) -> bytes:
        at, more = self._place(content), self._chance.randbytes(self._chance.choice((1, 1, 2, 8)))
        return content[:at] + more + content[at + self._chance.randint(0, 1) :]

    def _cut(self, content: bytes) -> bytes:
        start, end = self._span(content)
        return content[:start] + content[end:]

    def _end_cut(self, content: bytes) -> bytes:
        return content[: self._place(content)]

    def _repeated(self, content: bytes) -> bytes:
        start, end = self._span(content)
        return content[:end] + content[start:end] * self._chance.choice((1, 2, 50)) + content[end:]

    def _spliced(self, content: bytes) -> bytes:
        other = self._chance.choice(self._kept)
        start, end = sorted((self._place(other), self._place(other)))
        at = self._place(content)
        return content[:at] + other[start:end] + content[at + self._chance.choice((0, end - start)) :]

    def _strange(self, content: bytes) -> bytes:
        at = self._place(content)
        return content[:at] + self._chance.choice(STRANGE) + content[at:]

    def _word(self, content: bytes) -> bytes:
        """Put something else in the place of a word or a number: something strange, or a word of another input."""
        words = list(_WORD.finditer(content))
        if not words:
            return content
        found = self._chance.choice(words)
        others = self._chance.choice(self._words)
        new = self._chance.choice(STRANGE) if self._chance.random() < 0.5 else self._chance.choice(others)
        return content[: found.start()] + new + content[found.end() :]

    def _lines(self, content: bytes) -> bytes:
        lines = content.splitlines(keepends=True)
        if len(lines) < 2:
            return content
        at, other = self._chance.randrange(len(lines)), self._chance.randrange(len(lines))
        how = self._chance.randrange(3)
        if how == 0:
            del lines[at]
        elif how == 1:
            lines.insert(other, lines[at])
        else:
            lines[at], lines[other] = lines[other], lines[at]
        return b"".join(lines)
