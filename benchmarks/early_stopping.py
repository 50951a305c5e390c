"""How much of a search's training early stopping saves, and whether the best run is kept, on real learning curves.

The curves are in ``tables/digits_epochs.csv.gz``: the accuracy of 60 classifiers of scikit-learn's digits after each of
27 epochs, for 20 splits of the data. ``--train`` makes them anew (needs scikit-learn; half an hour on one core). Each
split is a search: its runs start in a random order, one or eight at once, and a rule stops the hopeless ones.
"""

from __future__ import annotations

import argparse
import gzip
import statistics
import sys
import warnings
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from _measure import ROOT, answer

sys.path.insert(0, str(ROOT))
TABLE = Path(__file__).resolve().parent / "tables" / "digits_epochs.csv.gz"
EPOCHS, REPEATS, TRAINED_ON = 27, 20, 500
#: A rule that saves less is not worth the trouble.
MOST_TRAINED = 0.7


class Figures(NamedTuple):
    """saved: the mean share of the epochs, 0..1. lost: the searches whose best run was stopped."""

    saved: float
    lost: int


def models() -> list[Any]:  # Any: scikit-learn's classes
    """Return a maker of each classifier: seed -> classifier."""
    from sklearn.linear_model import SGDClassifier
    from sklearn.neural_network import MLPClassifier

    def network(width: int, rate: float, batch: int, solver: str) -> Any:
        options = {"learning_rate_init": rate, "batch_size": batch, "solver": solver}
        return lambda seed: MLPClassifier((width,), alpha=1e-4, random_state=seed, **options)

    def linear(loss: str, alpha: float, schedule: str, rate: float) -> Any:
        options = {"loss": loss, "alpha": alpha, "learning_rate": schedule, **({"eta0": rate} if rate else {})}
        return lambda seed: SGDClassifier(random_state=seed, **options)

    networks = product((4, 16, 64), (1e-4, 1e-3, 1e-2, 1e-1), (32, 128), ("adam", "sgd"))
    schedules = (("optimal", 0.0), ("constant", 1e-3), ("constant", 1e-1))
    linears = product(("hinge", "log_loss"), (1e-4, 1e-2), schedules)
    return [network(*each) for each in networks] + [linear(loss, alpha, *schedule) for loss, alpha, schedule in linears]


def train() -> None:
    """Write the table: a line for each run in the order of its search: repeat, accuracies in 1/10,000."""
    import numpy as np
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    warnings.simplefilter("ignore")
    inputs, labels = load_digits(return_X_y=True)
    lines = list[str]()
    for repeat in range(REPEATS):
        split = train_test_split(inputs, labels, train_size=TRAINED_ON, random_state=repeat, stratify=labels)
        scaler = StandardScaler().fit(split[0])
        known, unknown = scaler.transform(split[0]), scaler.transform(split[1])
        makers = models()
        for place in np.random.default_rng(repeat).permutation(len(makers)):
            model, chance, found = makers[place](repeat), np.random.default_rng(repeat), []
            for _ in range(EPOCHS):
                order = chance.permutation(len(known))
                model.partial_fit(known[order], split[2][order], classes=np.arange(10))
                found.append(round(10_000 * model.score(unknown, split[3])))
            lines.append(",".join(map(str, [repeat, *found])))
        print(f"split {repeat + 1} of {REPEATS}", flush=True)
    TABLE.write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))


def searches() -> list[list[list[float]]]:
    """Read the table: for each search, the accuracies of each run."""
    found: dict[str, list[list[float]]] = {}
    for line in gzip.decompress(TABLE.read_bytes()).decode().splitlines():
        repeat, *values = line.split(",")
        found.setdefault(repeat, []).append([int(value) / 10_000 for value in values])
    return list(found.values())


def measure(rule: str, at_once: int, stop_after: int, all_runs: Sequence[Sequence[Sequence[float]]]) -> Figures:
    """Tell what a rule saves and costs."""
    from hpsearch.stopping.curves import Curve, Point
    from hpsearch.stopping.replay import effect_of, replay
    from hpsearch.stopping.rules import StopRule

    saved, stopped, lost, missed = [], [], 0, []
    for runs in all_runs:
        curves = [Curve(tuple(Point(float(epoch), value) for epoch, value in enumerate(run, 1))) for run in runs]
        results = [run[-1] for run in runs]
        found = effect_of(
            replay([StopRule(rule)], curves, at_once=at_once, stop_after=stop_after), curves, results, ascending=False
        )
        saved.append(found.saved_share)
        stopped.append(len(found.stops))
        lost += found.costs_best
        missed.append(max(results) - max(result for place, result in enumerate(results) if place not in found.stops))
    print(
        f"{rule:7} {at_once} at once, --stop_after={stop_after}: {statistics.mean(saved):4.0%} of the epochs saved "
        f"({min(saved):.0%} to {max(saved):.0%}), {statistics.mean(stopped):.0f} of {len(all_runs[0])} runs stopped; "
        f"best lost in {lost} of {len(all_runs)} searches, accuracy lost at most {max(missed):.4f}",
        flush=True,
    )
    return Figures(statistics.mean(saved), lost)


def main() -> None:
    """Measure each rule, or train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", action="store_true", help="make the table of learning curves anew")
    if parser.parse_args().train:
        train()
    all_runs = searches()
    for rule in ("median", "asha"):
        found = {
            (at_once, stop_after): measure(rule, at_once, stop_after, all_runs)
            for at_once, stop_after in product((1, 8), (1, 3, 5, 9))
        }
        usual = found[8, 5]
        details = (
            f"epochs trained, against a search without early stopping; {usual.lost} of {len(all_runs)} lost the best"
        )
        answer(f"{rule}, 8 at once, --stop_after=5", 1 - usual.saved, MOST_TRAINED, details)


if __name__ == "__main__":
    main()
