"""What was tried and what was found, as one table."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from .history import History
from .oracle import Finding, Kind

_COLUMNS = (Kind.LOST, Kind.REPEATED, Kind.LEFT, Kind.TRACEBACK, Kind.STATUS, Kind.OTHER)


@dataclass
class Counts:
    """Adds up histories. trials: kind of break -> how many steps; found: kind of break -> findings in its histories."""

    histories: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    injected: int = 0
    trials: Counter[str] = field(default_factory=Counter)
    found: dict[str, Counter[Kind]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, history: History, kills: int, injected: int, findings: Sequence[Finding]) -> None:
        """Add a history. kills: how many processes were killed in it; injected: how many calls failed."""
        self.histories[history.world] += 1
        self.kills[history.world] += kills
        self.injected += injected
        kinds = {finding.kind for finding in findings}
        for kind in history.kinds:
            self.trials[kind] += 1
            self.found[kind].update(kinds)
        self.found[f"world {history.world}"].update(kinds)

    @property
    def has_findings(self) -> bool:
        """Whether anything was found."""
        return any(kinds.total() for kinds in self.found.values())

    def lines(self) -> list[str]:
        """Return the table: what was broken, in how many histories, and in how many something was wrong after it."""
        heads = ["what was done", "histories", *(kind.value for kind in _COLUMNS)]
        rows = [[kind, str(count), *self._cells(kind)] for kind, count in sorted(self.trials.items())]
        rows += [
            [f"all in world {world}", str(count), *self._cells(f"world {world}")]
            for world, count in sorted(self.histories.items())
        ]
        widths = [max(map(len, column)) for column in zip(heads, *rows)]
        rule = "  ".join("=" * width for width in widths)
        body = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
        head = "  ".join(cell.ljust(width) for cell, width in zip(heads, widths)).rstrip()
        kills = ", ".join(f"{count:,} {world}" for world, count in sorted(self.kills.items()))
        total = f"{self.histories.total():,} histories, {self.kills.total():,} kills ({kills})"
        return [rule, head, rule, *body, rule, f"{total}, {self.injected:,} failed system calls"]

    def _cells(self, kind: str) -> list[str]:
        return [str(self.found[kind][column]) for column in _COLUMNS]
