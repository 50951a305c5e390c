"""What is fuzzed: a reader of text from outside, with what it may raise and what it returns."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpsearch.backends.shell import Answer
from hpsearch.core.errors import SearchError

CORPUS = Path(__file__).with_name("corpus")
#: In memory, where there is such a folder: many inputs are files.
FAST_FOLDER = "/dev/shm" if Path("/dev/shm").is_dir() else None
#: First byte of an input for a command's answer -> its exit status; other bytes are 0.
_STATUSES = {b"1": 1, b"2": 255, b"3": None, b"4": -9, b"5": 14}


@dataclass(frozen=True)
class Target:
    """A reader of text from outside.

    check: reads an input and asserts that the result has valid types; may use an empty folder of its own.
    errors: what may be raised besides `SearchError`. seeds: inputs to begin with, most of them good ones.
    mutations: how many inputs made of these a test run reads.
    """

    name: str
    check: Callable[[bytes, Path], None]
    seeds: Sequence[bytes]
    errors: tuple[type[Exception], ...] = ()
    mutations: int = 1000

    def read(self, content: bytes, folder: Path) -> None:
        """Read an input; ignore errors that are allowed."""
        try:
            self.check(content, folder)
        except (SearchError, *self.errors) as error:
            assert str(error), f"{type(error).__name__} says nothing"

    def kept(self) -> list[bytes]:
        """Return all inputs that are kept: the seeds, and those with which a coverage-guided run reached new code."""
        path = CORPUS / f"{self.name}.txt"
        lines = path.read_text(encoding="ascii").splitlines() if path.exists() else []
        return [*self.seeds, *map(ast.literal_eval, lines)]


def text_of(content: bytes) -> str:
    """Return bytes as text, half characters (surrogates) among it."""
    return content.decode("utf-8", "surrogateescape")


def answer_of(content: bytes) -> Answer:
    """Return the answer of a command: a byte for its exit status, its output, a NUL, its errors."""
    out, _, err = content[1:].partition(b"\0")
    # As the door to commands decodes it.
    return Answer(_STATUSES.get(content[:1], 0), out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))


def is_text(value: object) -> bool:
    """Return whether a value is a text."""
    return type(value) is str


def are_numbers(values: Sequence[object]) -> bool:
    """Return whether all values are floats."""
    return all(type(value) is float for value in values)
