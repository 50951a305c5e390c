"""Readers of values that scripts write while they run: files that grow, or are written anew, and output."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from fuzz.target import Target, is_text
from hpsearch.stopping.curves import Curve
from hpsearch.stopping.output_values import LineMatcher, OutputReader
from hpsearch.stopping.progress_files import ProgressReader
from hpsearch.stopping.summary_values import SummaryReader

#: Between parts of an input: the script adds the next one; it writes the file anew.
_THEN, _ANEW = b"\x1e", b"\x1d"
_MOST_PARTS = 6


class _Reader(Protocol):
    problem: str

    def update(self, is_last: bool = False) -> tuple[Curve, bool]: ...


def _read(content: bytes, path: Path, reader: _Reader) -> None:
    """Change a file step by step as an input says, and read it after each step."""
    with path.open("ab", buffering=0) as file:
        for part in content.split(_THEN, _MOST_PARTS):
            if part.startswith(_ANEW):
                file.truncate(0)
            file.write(part.removeprefix(_ANEW))
            _check(reader, is_last=False)
    _check(reader, is_last=True)


def _check(reader: _Reader, is_last: bool) -> None:
    curve, is_all = reader.update(is_last)
    steps = [point.step for point in curve.points]
    assert type(is_all) is bool and is_text(reader.problem) and not (steps and reader.problem)
    assert all(math.isfinite(step) for step in steps) and steps == sorted(set(steps))
    assert all(type(point.value) is float and type(point.step) is float for point in curve.points)
    assert type(curve.best(True)) is float and type(curve.mean()) is float


def _file(name: str, value_key: str = "acc", step_key: str = "") -> Callable[[bytes, Path], None]:
    def check(content: bytes, folder: Path) -> None:
        path = folder / name
        path.unlink(missing_ok=True)
        _read(content, path, ProgressReader([folder], name, value_key, step_key))

    return check


def _summary(content: bytes, folder: Path) -> None:
    path = folder / "summary.txt"
    path.unlink(missing_ok=True)
    _read(content, path, SummaryReader(path, "acc"))


def _output(content: bytes, folder: Path) -> None:
    path = folder / "run.out"
    path.unlink(missing_ok=True)
    _read(content, path, OutputReader([path], LineMatcher(r"epoch (\d+).*?acc[=: ]+(\S+)")))


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2, len(content)]) + content


def _record(event: bytes) -> bytes:
    return struct.pack("<Q", len(event)) + b"\0" * 4 + event + b"\0" * 4


def _scalar(step: int, value: float) -> bytes:
    simple = _field(1, b"acc") + bytes([2 << 3 | 5]) + struct.pack("<f", value)
    return _record(bytes([2 << 3, step]) + _field(5, _field(1, simple)))


def _tensor(step: int, value: float) -> bytes:
    tensor = bytes([1 << 3, 1]) + _field(4, struct.pack("<f", value))
    return _record(bytes([2 << 3, step]) + _field(5, _field(1, _field(1, b"acc") + _field(8, tensor))))


_EVENTS = _record(_field(3, b"brain.Event:2")) + _scalar(1, 0.5) + _tensor(2, 0.75)

PROGRESS_TARGETS = (
    Target(
        "progress_lines", _file("p.jsonl"), [b'{"epoch": 1, "acc": 0.5}\n{"ep\x1eoch": 2, "acc": "nan"}\n', b"[1]\n7\n"]
    ),
    Target(
        "progress_json",
        _file("p.json"),
        [
            b'{"log_history": [{"epoch": 1, "acc": 0.5}]}\x1e\x1d[{"acc": 1}, {"acc": NaN}]',
            b'{"acc": [1, 2], "epoch": [1, 2]}',
            b'{"acc": 3, "step": 7}\x1e\x1d{"acc": 4, "step": 8}',
        ],
    ),
    Target(
        "progress_csv",
        _file("p.csv"),
        [b'epoch,acc\n1,0.5\n2,"0\x1e.6"\nepoch,acc\n1,0.7\n', b"acc;x\n1;2\n\x1e\x1dacc\n3"],
    ),
    Target("progress_unknown", _file("p.log", "acc", "it"), [b"it\tacc\n1\t2\n", b'{"it": 1, "acc": 2}\n', b"[\n{}]"]),
    Target("progress_events", _file("events.out.tfevents.1"), [_EVENTS, _EVENTS[:30] + _THEN + _EVENTS[30:]]),
    Target(
        "progress_summary",
        _summary,
        [b"acc 0.5\nepoch 1\n\x1e\x1dacc 0.6\nepoch 2\nfinished 1\n", b"acc 1,2,3\x1e,4\n"],
    ),
    Target(
        "progress_output", _output, [b"epoch 1: acc=0.5\repoch 2: \x1eacc=1.5e-\x1e03, lr\n\x1b[1mepoch 3 acc: nan.\n"]
    ),
)
