"""The facts that a played history leaves behind, for the oracle to judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Ended:
    """The end of a command. status: as `Popen.returncode`; allowed: what was done to it allows these.

    output: all that it said. unfinished: how many runs of the search had not finished then; None = not its matter.
    most_files: how many files it had open at most.
    """

    words: str
    status: int
    allowed: frozenset[int]
    output: str
    unfinished: int | None = None
    most_files: int = 0


@dataclass(frozen=True)
class Copy:
    """A copy of the search folder that was resumed. done: the keys that were done before it was made."""

    folder: Path
    done: frozenset[str]


@dataclass(frozen=True)
class Facts:
    """What is left. folder: of the search, in the project. expected: the keys that must have a row.

    repeats: key -> how often the user asked for it again. status: what `hpsearch status --json` said at the end.
    left: processes that live on, number -> command line. stuck: what did not come to its end in time.
    """

    project: Path
    folder: Path
    expected: frozenset[str]
    ended: Sequence[Ended]
    status: Mapping[str, object]
    repeats: Mapping[str, int] = field(default_factory=dict)
    copies: Sequence[Copy] = ()
    left: Mapping[int, str] = field(default_factory=dict)
    stuck: Sequence[str] = ()
