"""What a sampler does, the samplers by name, and what people are told of suggestions while a search runs."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Protocol

from hpsearch.samplers.candidates import Candidates, Observed, Suggestion, Why

#: Names of the function in different builds of OpenBLAS; numpy's wheels have the first.
_THREAD_SETTERS = (
    "scipy_openblas_set_num_threads64_",
    "scipy_openblas_set_num_threads",
    "openblas_set_num_threads64_",
    "openblas_set_num_threads",
)


class Sampler(Protocol):
    """Suggests candidates of one search."""

    def suggest(self, observed: Observed, seed: int) -> Suggestion | None:
        """Return a candidate that has neither run nor waits; None if none is left.

        Equal arguments give an equal suggestion, in any process, whatever was asked before.
        seed: a different one for each suggestion of a search.
        """


def new_sampler(sampler: str, candidates: Candidates, optuna_sampler: str = "tpe") -> Sampler:
    """Return the sampler with a name: ``bayes`` or ``optuna``.

    Raises UsageError, naming the remedy, if a package that it needs is not installed.
    """
    # Imported late: both import numpy, which most commands do not need.
    compute_in_one_thread()
    if sampler == "optuna":
        from hpsearch.samplers.through_optuna import ThroughOptuna

        return ThroughOptuna(candidates, optuna_sampler)
    from hpsearch.samplers.bayes import Bayes

    return Bayes(candidates)


def compute_in_one_thread() -> None:
    """Keep numpy's linear algebra from using all cores, if the library behind it is known (OpenBLAS on Linux).

    Its threads wait for each other in busy loops: if runs keep the cores busy, they take seconds for what one thread
    does in milliseconds. Not by an environment variable, which runs would inherit.
    """
    import ctypes

    import numpy  # noqa: F401  # loads the library

    lines: list[str] = []
    with contextlib.suppress(OSError):
        lines = Path("/proc/self/maps").read_text(errors="surrogateescape").splitlines()
    # The sixth column is a path, perhaps with blanks.
    for path in {line.split(maxsplit=5)[5] for line in lines if "openblas" in line}:
        with contextlib.suppress(OSError):
            library = ctypes.CDLL(path)
            for name in _THREAD_SETTERS:
                if hasattr(library, name):
                    library[name](1)


def expectation_text(why: Why, ascending: bool = False) -> str:
    """Say in few words what a suggestion promises; empty if that is not known.

    ascending: small scores are better, so the sampler was given negated scores.
    """
    if why.get("rule") == "start":
        more = int(why.get("needed", 0)) - int(why.get("results", 0))
        return f"results decide after {more:,} more" if more > 0 else ""
    if "chance" not in why:
        return ""
    expected = -float(why["expected"]) + 0.0 if ascending else float(why["expected"])
    return f"expected {expected:.4g}, chance of a better one {_percent(float(why['chance']))}"


def _percent(share: float) -> str:
    return "below 1 %" if share < 0.01 else f"{100 * share:.0f} %"
