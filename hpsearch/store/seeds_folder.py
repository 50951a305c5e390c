"""What gathering seeds puts into its folder before the search: the run that counts already, and the grid."""

from __future__ import annotations

import pickle
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from hpsearch.core.conditions import Condition
from hpsearch.core.errors import StoreError, reason_of
from hpsearch.store.layout import rename_with_stamp, write_whole


def copy_run(source: Path, results: Path) -> None:
    """Copy a run's folder into the folder of results, whole or not at all.

    Raises StoreError if it cannot be copied.
    """
    part = results / f".{source.name}.part"
    try:
        results.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(source, part, ignore_dangling_symlinks=True)
        part.rename(results / source.name)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        reason = reason_of(error) if not isinstance(error, shutil.Error) else str(error.args[0][0][2])
        raise StoreError(f"{source}: cannot be copied to {results} ({reason})") from error


def write_grid_config(path: Path, grid: Mapping[str, Sequence[object]], conditions: Sequence[Condition]) -> None:
    """Write a file for ``--grid_config``; one with other content that lies there is renamed.

    Raises StoreError if it cannot be written.
    """
    pairs = [(dict(condition.when), dict(condition.then)) for condition in conditions]
    content = pickle.dumps({"grid": dict(grid), "conditions": pairs})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.read_bytes() != content:
            rename_with_stamp(path, time.strftime("%Y-%m-%d_%H-%M-%S"))
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({reason_of(error)})") from error
    write_whole(path, content)
