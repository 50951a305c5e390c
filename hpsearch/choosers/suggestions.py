"""``--sampler bayes`` and ``optuna``: each configuration is chosen by the results so far, when there is a place for it.

A suggestion depends on the journal alone: on its candidates, and on what it says of their runs so far.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import Any

from hpsearch.choosers.candidates import candidates_in
from hpsearch.choosers.chooser import Choice
from hpsearch.config.options import SearchOptions
from hpsearch.console.text import amount
from hpsearch.core.configurations import identity, missing_seeds, seed_in, with_seed
from hpsearch.core.errors import FolderError
from hpsearch.core.model import Configuration, RunState
from hpsearch.folder.run_tables import performance
from hpsearch.journal.events import SearchCandidates
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.run_record import RunRecord
from hpsearch.samplers.candidates import Candidates, Observed
from hpsearch.samplers.sampler import Sampler, new_sampler


class Suggestions:
    """Chooses what a sampler suggests; see `Chooser`. Each suggestion gets all its seeds before the next one."""

    def __init__(self, record: SearchRecord, options: SearchOptions) -> None:
        """options: of the search. Raises FolderError if candidates are lost."""
        if record.candidates is None:
            raise FolderError("the journal has lost the configurations that its sampler chooses from")
        self._record, self.options, self.event = record, options, record.candidates
        self._listed = options.listed_seeds
        #: Candidate -> its runs, in order of first appearance.
        self._suggested: dict[int, list[RunRecord]] = {}
        self._seen = 0

    @property
    def most(self) -> int:
        """How many configurations are run in all."""
        return min(self.options.num_searches, self.event.count)

    def suggested(self) -> Mapping[int, Sequence[RunRecord]]:
        """Return the runs of each configuration that was suggested, in order."""
        for entry in islice(self._record, self._seen, None):
            candidate = self._candidate_of(entry) if entry.candidate is None else entry.candidate
            if candidate is not None:
                self._suggested.setdefault(candidate, []).append(entry)
        self._seen = len(self._record.runs)
        return self._suggested

    def _candidate_of(self, entry: RunRecord) -> int | None:
        """Return the candidate of a run that no sampler chose: an added seed, or a run whose line was lost."""
        return self._candidates_by_identity.get(identity(entry.run.configuration.as_dict(), self._record.over))

    @cached_property
    def _candidates_by_identity(self) -> Mapping[Hashable, int]:
        known = ((self.candidates.configuration(row).as_dict(), row) for row in range(self.event.count))
        return {identity(options, self._record.over): row for options, row in known}

    def has_more(self) -> bool:
        """Return whether more configurations, or seeds of the latest, are to be run."""
        return self.expected() > 0

    def expected(self) -> int:
        """Return how many runs are left."""
        new = max(0, self.most - len(self.suggested()))
        return new * max(1, self.options.seed_count) + len(self._left())

    def _left(self) -> Sequence[int]:
        """Return the seeds that the latest suggestion still lacks."""
        if not self.options.seed_count or not self.suggested():
            return []
        runs = self._suggested[next(reversed(self._suggested))]
        seeds = [seed_in(entry.run.configuration.as_dict(), self.options.seed_options) for entry in runs]
        return missing_seeds(self._listed, self.options.seed_count, {seed for seed in seeds if seed is not None})

    def coming(self) -> Iterator[Choice]:
        """Yield the latest suggestion's missing seeds, then new suggestions, each as if all before it were running."""
        known, running = list(self.suggested()), list[int]()
        for seed in self._left():
            running = known[-1:]
            yield self._choice(known[-1], seed)
        while len(known) < self.most:
            suggestion = self.sampler.suggest(self.observed(running), self._seed_of_sampler(len(known)))
            if suggestion is None:
                return
            # Rounded for people: further digits mean nothing, and depend on the machine's number of cores.
            why = {name: float(f"{v:.6g}") if isinstance(v, float) else v for name, v in suggestion.why.items()}
            candidate = suggestion.candidate
            assert candidate not in known
            known.append(candidate)
            running.append(candidate)
            seeds = missing_seeds(self._listed, self.options.seed_count, ())
            yield self._choice(candidate, next(iter(seeds), None), why)
            yield from (self._choice(candidate, seed) for seed in seeds[1:])

    @cached_property
    def candidates(self) -> Candidates:
        """All configurations that may be suggested."""
        return candidates_in(self.event)

    @cached_property
    def sampler(self) -> Sampler:
        """The sampler; made only when there is a place for a suggestion."""
        return new_sampler(self.options.sampler, self.candidates, self.options.optuna_sampler)

    def observed(self, running: Sequence[int] = ()) -> Observed:
        """Return what is known of the runs so far. running: candidates with more runs about to start."""
        scores = {
            each: [score for run in runs for score in self._scores(run)] for each, runs in self.suggested().items()
        }
        scores |= {each: [] for each in running if each not in scores}
        is_open = {each: not all(run.result.state.is_final for run in runs) for each, runs in self._suggested.items()}
        is_open |= dict.fromkeys(running, True)
        pending = [each for each, own in scores.items() if not own and is_open[each]]
        return Observed({each: own for each, own in scores.items() if own or not is_open[each]}, pending)

    def _scores(self, entry: RunRecord) -> list[float]:
        """Return the run's result, larger is better; empty if it has none.

        A run that was stopped early counts with the value that it had then.
        """
        if entry.result.state not in (RunState.FINISHED, RunState.STOPPED_EARLY):
            return []
        settings = self._record.known_settings()
        found = performance(entry.result, settings.performance_key)
        if found is None or not math.isfinite(found):
            return []
        return [-found if settings.sort_ascending else found]

    def _seed_of_sampler(self, count: int) -> int:
        """Return the sampler's seed for a suggestion, a different one each time. count: of suggestions before."""
        import hashlib  # it takes 3 ms

        text = f"{self.options.random_seed} {count}".encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=4).digest(), "big")

    def _choice(self, candidate: int, seed: int | None, why: Mapping[str, Any] | None = None) -> Choice:
        configuration = self.candidates.configuration(candidate)
        if seed is not None:
            options = with_seed(configuration.as_dict(), self.options.seed_options, seed)
            configuration = Configuration(tuple(options.items()))
        return Choice(configuration, candidate, why)


def space_text(candidates: SearchCandidates, most: int) -> str:
    """Say how many configurations are run, out of how many."""
    count, available = candidates.count, candidates.available
    among = amount(count, "configuration" if available is None else "sampled configuration")
    among += f" (of {available:,})" if available else ""
    return f"{most:,} of {among}" if most < count else f"all {among}"


def suggestion_lines(suggestions: Suggestions) -> list[str]:
    """Say which sampler a search has, and how far it is."""
    sampler, suggested = suggestions.options.sampler, len(suggestions.suggested())
    text = space_text(suggestions.event, suggestions.most)
    if suggested < suggestions.most:
        return [f"sampler: {sampler}, {suggested:,} suggested so far; it takes {text}"]
    is_used_up = suggestions.options.num_searches > suggestions.event.count
    return [f"sampler: {sampler}, {text}" + (" have run" if is_used_up else "")]
