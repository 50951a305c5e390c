"""Compute the tables: `make.py [NAME...]` scores each configuration of a grid module beside it under three seeds.

A table has a line for each configuration, in hpsearch's order, with a score for each seed; a model that cannot be
fitted has no score. The first line has a checksum of the configurations, so that another grid is not mistaken for it.
scikit-learn is in the extra `example`.
"""

from __future__ import annotations

import functools
import os
import runpy
import sys
import time
import warnings
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
SEEDS = (1, 2, 3)
Options = Mapping[str, Any]  # Any: whatever scikit-learn takes


def names() -> list[str]:
    """Return the names of all tables, each of which has a grid module."""
    return sorted(path.stem for path in FOLDER.glob("*_*.py"))


def grid_module(name: str) -> dict[str, Any]:  # Any: whatever a module has
    """Return the variables of a table's grid module."""
    return runpy.run_path(str(FOLDER / f"{name}.py"))


def configurations(name: str, order: Any = None, points: Any = None) -> Any:  # Any: hpsearch's Order, Selection, ...
    """List the configurations of a table's grid module as a search does: those of the table, or in another order."""
    from hpsearch.core.coding import Order
    from hpsearch.core.conditions import Condition
    from hpsearch.core.space import enumerate_space

    module = grid_module(name)
    conditions = [Condition(*pair) for pair in module["conditions"]]
    return enumerate_space(module["grid"], conditions, order or Order(deterministic=True), points=points)


def heading(listed: Sequence[Any]) -> str:  # Any: hpsearch's Configuration
    """Return the first line of a table of these configurations."""
    text = "\n".join(repr(configuration.options) for configuration in listed)
    return f"# {len(listed)} configurations, {zlib.crc32(text.encode()):08x}; a score for each seed: {SEEDS}"


def classifier_or_regressor(data: str, classifier: Any, regressor: Any) -> Any:  # Any: scikit-learn's classes
    """Return the class that suits the data."""
    return regressor if data == "diabetes" else classifier


def scaled(scaler: str, model: Any) -> Any:  # Any: scikit-learn's models
    """Return the model after a scaler of this name."""
    from sklearn import pipeline, preprocessing

    scalers = {"standard": preprocessing.StandardScaler, "minmax": preprocessing.MinMaxScaler}
    return pipeline.make_pipeline(scalers[scaler](), model) if scaler in scalers else model


def model_of(kind: str, data: str, options: dict[str, Any], seed: int) -> Any:  # Any: scikit-learn's models
    """Return the model of a configuration. kind: as the table's name begins."""
    from sklearn import ensemble, linear_model, neighbors, neural_network, svm
    from sklearn.decomposition import PCA

    if kind == "svm":
        return scaled(options.pop("scaler"), svm.SVC(max_iter=20_000, **options))
    if kind == "sgd":
        schedule, scaler = options.pop("schedule"), options.pop("scaler")
        return scaled(
            scaler, linear_model.SGDClassifier(learning_rate=schedule, max_iter=30, random_state=seed, **options)
        )
    if kind == "knn":
        scaler, components = options.pop("scaler"), options.pop("pca")
        model = neighbors.KNeighborsClassifier(**options)
        return scaled(scaler, scaled_down(PCA(components, random_state=0), model) if components else model)
    if kind == "mlp":
        layers = (options.pop("hidden"),) * options.pop("layers")
        make = classifier_or_regressor(data, neural_network.MLPClassifier, neural_network.MLPRegressor)
        return scaled("standard", make(hidden_layer_sizes=layers, max_iter=12, random_state=seed, **options))
    makers = {
        "gb": (ensemble.GradientBoostingClassifier, ensemble.GradientBoostingRegressor),
        "rf": (ensemble.RandomForestClassifier, ensemble.RandomForestRegressor),
    }
    return classifier_or_regressor(data, *makers[kind])(random_state=seed, **options)


def scaled_down(reduction: Any, model: Any) -> Any:  # Any: scikit-learn's models
    """Return the model after a reduction of its inputs."""
    from sklearn import pipeline

    return pipeline.make_pipeline(reduction, model)


@functools.lru_cache
def samples(data: str, most: int | None) -> Any:  # Any: two of numpy's arrays
    """Return inputs and targets of one of scikit-learn's data sets, the first `most` of them."""
    from sklearn import datasets

    inputs, targets = getattr(datasets, f"load_{data}")(return_X_y=True)
    return inputs[:most], targets[:most]


def score(name: str, options: Options, seed: int) -> float | None:
    """Fit the model of a configuration to three fifths of the data and score it on the others; None if it fails.

    seed: splits the data and starts the model.
    """
    import numpy as np
    from sklearn import metrics, model_selection

    kind, _, data = name.partition("_")
    inputs, targets = samples(data, 900 if data == "digits" else None)
    split = model_selection.ShuffleSplit(1, test_size=0.4, random_state=seed)
    train, test = next(split.split(inputs))
    try:
        model = model_of(kind, data, dict(options), seed).fit(inputs[train], targets[train])
        if data == "diabetes":
            found = metrics.root_mean_squared_error(targets[test], model.predict(inputs[test]))
        elif data == "wine":
            found = -metrics.log_loss(targets[test], model.predict_proba(inputs[test]))
        else:
            found = metrics.accuracy_score(targets[test], model.predict(inputs[test]))
    except ValueError:
        return None
    return float(found) if np.isfinite(found) else None


def make(name: str) -> None:
    """Write one table."""
    began = time.process_time()
    listed = list(configurations(name))
    lines = [heading(listed)]
    for configuration in listed:
        scores = [score(name, dict(configuration.options), seed) for seed in SEEDS]
        lines.append(",".join("" if each is None else f"{each:.4g}" for each in scores))
    (FOLDER / f"{name}.csv").write_text("\n".join(lines) + "\n")
    print(f"{name}: {len(listed)} configurations, {time.process_time() - began:.0f} s", flush=True)


def main() -> None:
    """Write the named tables, or all."""
    # numpy's libraries read these when they are first imported.
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    sys.path.insert(0, str(FOLDER.parent.parent))
    warnings.filterwarnings("ignore")
    for name in sys.argv[1:] or names():
        make(name)


if __name__ == "__main__":
    main()
