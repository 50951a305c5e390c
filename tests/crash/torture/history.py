"""Histories: what is done to a search, step by step, drawn from one seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from .faults import FAULTS, MOMENTS


class Act(Enum):
    """What a step does; in parentheses, what its detail is."""

    GO = "start or resume (how many at once)"
    EXTEND = "extend (how many values of x its grid has from now on)"
    SEEDS = "seeds of the best (how many)"
    RETRY = "retry what failed"
    REPEAT = "retry a run that may have finished (its number)"
    KILL = "kill -9 (controller, runs, groups or all)"
    SIGNAL = "signal to the controller (its name)"
    DIE = "the next command dies at a change of the folder (which one, and when)"
    ASK = "ask (the command's words)"
    MOVE = "move the folder"
    COPY = "copy the folder, and resume the copy"
    CLOCK = "set the clock (seconds from the true time)"
    FAULT = "let calls fail (which fault)"
    TROUBLE = "let the scheduler make trouble (which)"
    MEND = "end all faults and trouble"


@dataclass(frozen=True)
class Step:
    """An act. It comes `pause_s` after the journal has `lines` more lines, or no process is left to write them."""

    act: Act
    detail: str = ""
    lines: int = 0
    pause_s: float = 0.0

    def __str__(self) -> str:
        moments = [f"{self.lines} more lines"] if self.lines else []
        moments += [f"{self.pause_s:g} s"] if self.pause_s else []
        when = f"after {' and '.join(moments)}: " if moments else ""
        return f"{when}{self.act.name.lower()}{f' {self.detail}' if self.detail else ''}"


@dataclass(frozen=True)
class History:
    """The steps done to one search. values: how many values of x its grid has at first."""

    world: str
    seed: int
    values: int
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        head = f"world {self.world}, seed {self.seed}, {self.values} values"
        return "\n".join([head, *(f"  {number}. {step}" for number, step in enumerate(self.steps, 1))])

    @property
    def kinds(self) -> list[str]:
        """Return the kinds of disturbances in it, each once: acts; for faults and trouble, with the detail."""
        return list(dict.fromkeys(kind_of(step) for step in self.steps))


#: What a user may ask at any time.
QUESTIONS = (
    *("status DIR", "best DIR", "list", "logs DIR 1", "status DIR --json", "export DIR"),
    *("postprocess DIR", "resume DIR --dry_run", "cancel DIR"),
)
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
VICTIMS = ("controller", "controller", "runs", "groups", "all")


def kind_of(step: Step) -> str:
    """Return the name under which a step is counted."""
    if step.act in (Act.FAULT, Act.TROUBLE, Act.KILL, Act.SIGNAL):
        return f"{step.act.name.lower()} {step.detail}"
    if step.act is Act.CLOCK:
        return "clock forward" if float(step.detail) > 0 else "clock backward"
    if step.act is Act.GO:
        return "resumed at once, twice" if step.detail != "1" else "start or resume"
    if step.act is Act.ASK:
        return f"ask {step.detail.split()[0]}"
    return step.act.name.lower()


def random_history(world: str, seed: int, troubles: Sequence[str], steps: int = 10) -> History:
    """Draw a history. troubles: what this world's scheduler can do."""
    chance = random.Random(f"{world} {seed}")
    known = values = chance.randint(4, 12)
    drawn = [Step(Act.GO, "1")]
    acts = [each for each in _ACTS if troubles or each[0] is not Act.TROUBLE]
    for _ in range(chance.randint(steps // 2, steps)):
        act, _, detail_of = chance.choices(acts, [weight for _, weight, _ in acts])[0]
        detail = chance.choice(troubles) if act is Act.TROUBLE else detail_of(chance)
        if act is Act.EXTEND:
            known = max(3, known + int(detail))
            detail = str(known)
        drawn += _around(Step(act, detail, *_moment(chance, act)), chance)
    return History(world, seed, values, tuple(drawn))


def deaths(world: str, call: int) -> Iterator[History]:
    """Return histories in which the first command dies at its call-th change of the folder, and the next ones go on."""
    for moment in MOMENTS:
        steps = (Step(Act.DIE, f"{call} {moment}"), Step(Act.GO, "1"), Step(Act.GO, "1", lines=1000))
        yield History(world, call, 4, steps)


def _around(step: Step, chance: random.Random) -> list[Step]:
    """Return a step with those that have to follow it: a new command after one is ended, a repair after a fault."""
    go = Step(Act.GO, "2" if chance.random() < 0.15 else "1")
    if step.act in (Act.KILL, Act.SIGNAL):
        return [step, go]
    if step.act is Act.DIE:
        # The live command dies, or the next one; the one after that has to cope with what is left.
        return [step, go, Step(Act.GO, "1", lines=1000)]
    if step.act in (Act.FAULT, Act.TROUBLE):
        return [step, go, Step(Act.MEND, "", chance.randint(0, 4), round(chance.uniform(0.1, 2), 2))]
    return [step]


def _moment(chance: random.Random, act: Act) -> tuple[int, float]:
    """Return when a step comes: at once, after some lines of the journal, or also a moment later."""
    if act in (Act.GO, Act.DIE):
        return 0, 0.0
    lines = chance.choice((0, 1, chance.randint(1, 15)))
    return lines, chance.choice((0.0, round(chance.uniform(0, 0.05), 3), round(chance.uniform(0, 0.6), 2)))


def _death(chance: random.Random) -> str:
    return f"{chance.choice((chance.randint(1, 12), chance.randint(1, 100)))} {chance.choice(MOMENTS)}"


#: Act, how often it is drawn, and how its detail is.
_ACTS: Sequence[tuple[Act, float, Callable[[random.Random], str]]] = (
    (Act.GO, 2, lambda chance: "2" if chance.random() < 0.3 else "1"),
    (Act.EXTEND, 2, lambda chance: str(chance.randint(-1, 5))),
    (Act.SEEDS, 1, lambda chance: str(chance.randint(2, 3))),
    (Act.RETRY, 1, lambda chance: ""),
    (Act.REPEAT, 1, lambda chance: str(chance.randint(1, 6))),
    (Act.KILL, 8, lambda chance: chance.choice(VICTIMS)),
    (Act.SIGNAL, 2, lambda chance: chance.choice(SIGNALS)),
    (Act.DIE, 8, _death),
    (Act.ASK, 3, lambda chance: chance.choice(QUESTIONS)),
    (Act.MOVE, 0.5, lambda chance: ""),
    (Act.COPY, 0.5, lambda chance: ""),
    (Act.CLOCK, 1, lambda chance: str(chance.choice((-86400, -3600, -7, 7, 3600, 86400 * 400)))),
    (Act.FAULT, 3, lambda chance: chance.choice(sorted(FAULTS))),
    (Act.TROUBLE, 3, lambda chance: ""),
)
