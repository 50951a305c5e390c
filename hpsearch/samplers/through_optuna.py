"""The sampler ``optuna``: asks Optuna, each time with a new study that gets all known results.

So only results, pending candidates and a seed decide, and a resumed search gets the same answers.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from hpsearch.core.errors import UsageError
from hpsearch.samplers.candidates import (
    OPTUNA_SAMPLERS,
    CandidateOption,
    Candidates,
    Observed,
    Suggestion,
    Why,
    mean_score,
)
from hpsearch.samplers.features import features_of, number_in_value

if TYPE_CHECKING:
    from hpsearch.core.coding import Codes

#: How often Optuna is asked for a candidate that has not run, before the nearest free one is taken.
_MOST_ASKED = 20
_INSTALL = 'pip install "hpsearch[optuna]"'
#: Packages that Optuna's samplers need and Optuna does not install.
_NEEDED = {"gp": ("torch", "scipy")}
#: From this version on, TPE takes pending trials into account by default.
_OLDEST = 5


class _Parameter:
    """One option as Optuna knows it.

    codes: of its values, by index; numbers ascend. is_optional: for each candidate, whether the options before this one
    leave open if the candidate has it: then Optuna is asked that, too.
    """

    def __init__(self, option: CandidateOption, codes: Codes, prefixes: Codes) -> None:
        import optuna

        self.name, self.presence = option.name, f"{option.name} is there"
        self.codes: list[int] = [code for code in np.unique(codes).tolist() if code]
        numbers = {code: number_in_value(option.values[code - 1]) for code in self.codes}
        self.has_order = len(numbers) > 2 and None not in numbers.values()
        if self.has_order:
            self.codes.sort(key=lambda code: numbers[code] or 0.0)
        indexes = range(max(1, len(self.codes)))
        distributions = optuna.distributions
        self.presence_distribution = distributions.CategoricalDistribution([True, False])
        self.distribution: Any = distributions.CategoricalDistribution(indexes)  # Any: one class of Optuna or another
        if self.has_order:
            self.distribution = distributions.IntDistribution(0, indexes[-1])
        self.is_optional = _has(prefixes, codes == 0) & _has(prefixes, codes > 0)

    def params(self, code: int, is_optional: bool) -> Iterator[tuple[str, object, Any]]:  # Any: Optuna's distributions
        """Return the parameters by which Optuna knows a code: name, value and distribution of each."""
        if is_optional:
            yield self.presence, code > 0, self.presence_distribution
        if code and len(self.codes) > 1:
            yield self.name, self.codes.index(code), self.distribution

    def ask(self, trial: Any, possible: Sequence[int]) -> int:  # Any: Optuna's trial
        """Return one of the possible codes: Optuna's answer, else the nearest one."""
        if 0 in possible and (len(possible) == 1 or not trial.suggest_categorical(self.presence, [True, False])):
            return 0
        if len(self.codes) == 1:
            return self.codes[0]
        if self.has_order:
            index = trial.suggest_int(self.name, 0, len(self.codes) - 1)
        else:
            index = trial.suggest_categorical(self.name, range(len(self.codes)))
        indexes = [self.codes.index(code) for code in possible if code]
        code: int = self.codes[min(indexes, key=lambda other: abs(other - index))]
        return code


def _has(groups: Codes, marks: Codes) -> Codes:
    """Return for each element whether any element of its group is marked."""
    found: Codes = np.bincount(groups, marks)[groups] > 0
    return found


class ThroughOptuna:
    """Suggests what a sampler of Optuna asks for; see `Sampler`."""

    def __init__(self, candidates: Candidates, name: str = "tpe") -> None:
        """name: one of `OPTUNA_SAMPLERS`. Raises UsageError if Optuna or a package for it is not installed."""
        self._optuna = _optuna(name)
        self._name, self._class = name, getattr(self._optuna.samplers, OPTUNA_SAMPLERS[name])
        self._rows = candidates.rows
        self._features = features_of(candidates)
        self._parameters = list(_parameters(candidates))
        self._known: dict[int, tuple[dict[str, object], dict[str, Any]]] = {}  # Any: Optuna's distributions

    def suggest(self, observed: Observed, seed: int) -> Suggestion | None:
        """Return the candidate that Optuna asks for, or the nearest one; see `Sampler.suggest`.

        Optuna's trials have the order of the scores and pending candidates.
        """
        known = {*observed.scores, *observed.pending}
        free = np.delete(np.arange(len(self._rows)), sorted(known))
        if not len(free):
            return None
        why: Why = {"rule": f"Optuna {self._name}", **_best(observed)}
        with quiet(self._optuna):
            study = self._study(observed, seed)
            for _ in range(_MOST_ASKED):
                named = self._named(study.ask())
                if named not in known:
                    return Suggestion(named, why)
        return Suggestion(self._nearest(named, free), why)

    def _new_sampler(self, seed: int) -> Any:  # Any: a sampler of Optuna
        return self._class(seed=seed % 2**32)

    def _study(self, observed: Observed, seed: int) -> Any:  # Any: Optuna's study
        """Return a study with a trial for all that is known; failures have the worst score of all."""
        states = self._optuna.trial.TrialState
        study = self._optuna.create_study(direction="maximize", sampler=self._new_sampler(seed))
        means = {row: mean_score(scores) for row, scores in observed.scores.items()}
        worst = min((mean for mean in means.values() if mean is not None), default=None)
        trials = [self._trial(row, worst if mean is None else mean, states.FAIL) for row, mean in means.items()]
        pending = [row for row in observed.pending if row not in means]
        study.add_trials(trials + [self._trial(row, None, states.RUNNING) for row in pending])
        return study

    def _trial(self, row: int, score: float | None, otherwise: Any) -> Any:  # Any: a state and a trial of Optuna
        """Return a candidate's trial. otherwise: its state without a score."""
        params, distributions = self._params_of(row)
        state = otherwise if score is None else self._optuna.trial.TrialState.COMPLETE
        return self._optuna.trial.create_trial(state=state, value=score, params=params, distributions=distributions)

    def _params_of(self, row: int) -> tuple[dict[str, object], dict[str, Any]]:  # Any: Optuna's distributions
        if row not in self._known:
            codes = zip(self._parameters, self._rows[row].tolist())
            triples = [each for one, code in codes for each in one.params(code, bool(one.is_optional[row]))]
            self._known[row] = {name: value for name, value, _ in triples}, {name: each for name, _, each in triples}
        return self._known[row]

    def _named(self, trial: Any) -> int:  # Any: Optuna's trial
        """Ask for one option after another, but only for options that a candidate with the answers so far has."""
        left = np.arange(len(self._rows))
        for parameter, codes in zip(self._parameters, self._rows.T):
            code = parameter.ask(trial, np.unique(codes[left]).tolist())
            left = left[codes[left] == code]
        return int(left[0])

    def _nearest(self, named: int, free: Codes) -> int:
        apart = sum(each.squared_distances(np.array([named]), free)[0] for each in self._features)
        return int(free[np.argmin(apart)])


def _parameters(candidates: Candidates) -> Iterator[_Parameter]:
    """Yield the parameters in order; each knows which candidates agree in all options before it."""
    prefixes = np.zeros(len(candidates), int)
    for option, codes in zip(candidates.options, candidates.rows.T):
        yield _Parameter(option, codes, prefixes)
        _, prefixes = np.unique(prefixes * (len(option.values) + 1) + codes, return_inverse=True)


def _best(observed: Observed) -> dict[str, float]:
    means = [mean for scores in observed.scores.values() if (mean := mean_score(scores)) is not None]
    return {"best": max(means)} if means else {}


def _optuna(name: str) -> Any:  # Any: a module
    """Return Optuna. Raises UsageError, naming the remedy, if a package for its sampler is missing or too old."""
    try:
        import optuna
    except ImportError as error:
        raise UsageError(f"--sampler=optuna needs Optuna, which is not installed: {_INSTALL}") from error
    if int(optuna.__version__.partition(".")[0]) < _OLDEST:
        raise UsageError(f"--sampler=optuna needs Optuna {_OLDEST}, and {optuna.__version__} is installed: {_INSTALL}")
    for needed in _NEEDED.get(name, ()):
        if find_spec(needed) is None:
            raise UsageError(f"Optuna's sampler {name} needs {needed}, which is not installed: pip install {needed}")
    return optuna


@contextmanager
def quiet(optuna: Any) -> Iterator[None]:  # Any: a module
    """Suppress Optuna's messages about new studies and experimental functions."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(before)
