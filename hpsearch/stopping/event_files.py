"""Values in TensorBoard's event files, read without TensorBoard, which takes 170 MB.

Such a file is a sequence of records: the length (8 bytes, little-endian), a checksum of it (4), an event as a protocol
buffer, a checksum of that (4). These fields are read: of an event its step (2) and summary (5); of a summary its values
(1); of a value its tag (1), simple_value (2, which PyTorch writes) and tensor (8, which TensorFlow writes); of a tensor
its dtype (1), tensor_content (4), float_val (5) and double_val (6).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from hpsearch.stopping.curves import Curve, Point, with_points
from hpsearch.stopping.growing import GrowingFile

_HEAD, _FOOT = 12, 4
#: Longer records hold pictures or graphs, and are skipped.
_LONGEST = 1 << 16
#: A record claiming to be longer means that the file is something else.
_LARGEST = 1 << 34
_MOST_NAMES = 8
_FLOAT, _DOUBLE = 1, 2
#: Wire types of protocol buffers.
_VARINT, _8_BYTES, _BYTES, _4_BYTES = 0, 1, 2, 5

Field = int | bytes


class EventReader:
    """The curve of one tag in one event file."""

    def __init__(self, path: Path, tag: str) -> None:
        self._file, self._tag = GrowingFile(path), tag
        self._begin()

    def _begin(self) -> None:
        self._curve, self._rest, self._to_skip, self._wrong = Curve(), b"", 0, ""
        self._tags: dict[str, None] = {}

    @property
    def problem(self) -> str:
        """Why there are no values, for people; empty if there are some."""
        if self._curve.points:
            return ""
        name, tags = self._file.path.name, list(self._tags)
        shown = ", ".join(tags[:_MOST_NAMES]) + (", ..." if len(tags) > _MOST_NAMES else "")
        unknown = f"{name} has no scalar {self._tag!r}" + (f" but {shown}" if tags else "")
        return self._file.problem or self._wrong or unknown

    def update(self, is_last: bool = False) -> tuple[Curve, bool]:
        """Return the whole curve, and whether the file was read to its end."""
        piece = self._file.read()
        if piece.is_anew:
            self._begin()
        if self._wrong or not piece.content:
            return self._curve, True
        points = list[Point]()
        try:
            for event in self._events(piece.content):
                points += self._points(event)
        except (ValueError, IndexError, struct.error) as error:
            self._wrong = f"{self._file.path.name} is not an event file of TensorBoard ({error})"
        self._curve = with_points(self._curve, points)
        return self._curve, piece.is_all

    def _events(self, content: bytes) -> Iterator[bytes]:
        """Yield each complete event that is not too long; keep the beginning of the next one."""
        skipped = min(self._to_skip, len(content))
        self._to_skip -= skipped
        content, at = self._rest + content[skipped:], 0
        while at + _HEAD <= len(content):
            length = int.from_bytes(content[at : at + 8], "little")
            if length > _LARGEST:
                raise ValueError(f"a record of {length:,} bytes")
            end = at + _HEAD + length + _FOOT
            if length <= _LONGEST:
                if end > len(content):
                    break
                yield content[at + _HEAD : end - _FOOT]
            at = end
        self._to_skip += max(0, at - len(content))
        self._rest = content[at:]

    def _points(self, event: bytes) -> Iterator[Point]:
        step, summaries = 0, list[bytes]()
        for number, field in _fields(event):
            if number == 2 and isinstance(field, int):
                # Negative numbers are written as unsigned ones.
                step = field - (1 << 64) if field >> 63 else field
            elif number == 5 and isinstance(field, bytes):
                summaries.append(field)
        for number, value in (field for summary in summaries for field in _fields(summary)):
            if number == 1 and isinstance(value, bytes):
                yield from (Point(float(step), scalar) for scalar in self._scalars(value))

    def _scalars(self, value: bytes) -> Iterator[float]:
        """Yield the number in a summary's value, if it has our tag and is a number."""
        fields = dict(_fields(value))
        tag, simple, tensor = fields.get(1, b""), fields.get(2), fields.get(8)
        name = tag.decode("utf-8", "replace") if isinstance(tag, bytes) else ""
        scalar = None
        if isinstance(simple, bytes):
            (scalar,) = struct.unpack("<f", simple)
        elif isinstance(tensor, bytes):
            scalar = _number_in(dict(_fields(tensor)))
        if scalar is not None and len(self._tags) < 1000:
            self._tags[name] = None
        if scalar is not None and name == self._tag:
            yield scalar


def _number_in(tensor: dict[int, Field]) -> float | None:
    """Return the number in a float tensor with a single element; else None."""
    kind = tensor.get(1)
    if kind not in (_FLOAT, _DOUBLE):
        return None
    form, size = ("<f", 4) if kind == _FLOAT else ("<d", 8)
    found = tensor.get(4) or tensor.get(5 if kind == _FLOAT else 6)
    if not isinstance(found, bytes) or len(found) != size:
        return None
    number: float = struct.unpack(form, found)[0]
    return number


def _fields(message: bytes) -> Iterator[tuple[int, Field]]:
    """Yield the number and content of each field of a protocol buffer: bytes, or an unsigned number.

    Raises ValueError or IndexError if the message is no protocol buffer.
    """
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == _VARINT:
            number, at = _varint(message, at)
            yield key >> 3, number
            continue
        if kind == _BYTES:
            size, at = _varint(message, at)
        elif kind in (_8_BYTES, _4_BYTES):
            size = 8 if kind == _8_BYTES else 4
        else:
            raise ValueError(f"a field of kind {kind}")
        if at + size > len(message):
            raise ValueError("a field longer than its message")
        yield key >> 3, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Return a number written in groups of seven bits, and the index after it."""
    number = shift = 0
    while True:
        byte = message[at]
        number |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return number, at
        if shift > 63:
            raise ValueError("a number of more than ten bytes")
