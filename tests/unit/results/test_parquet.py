"""The Parquet file of `hpsearch export`: each column has the type of its values."""

from __future__ import annotations

import io
import math
from datetime import datetime

import numpy as np
import pytest

from hpsearch.results.parquet import as_parquet


def read(values: list[object]) -> tuple[str, list[object]]:
    """Write and read a column; return its type and values; a missing value is an ellipsis."""
    import pyarrow.parquet

    rows = [{} if value is ... else {"a": value} for value in values]
    table = pyarrow.parquet.read_table(io.BytesIO(as_parquet(["a"], rows)))
    return str(table.schema.field("a").type), table["a"].to_pylist()


@pytest.mark.parametrize(
    ("values", "kind", "found"),
    [
        ([1, ..., 2], "int64", [1, None, 2]),
        ([1, 0.5, ...], "double", [1.0, 0.5, None]),
        ([True, False, ...], "bool", [True, False, None]),
        ([True, 1], "string", ["True", "1"]),
        ([1, "a", ...], "string", ["1", "a", None]),
        ([2**53 + 1, 0.5], "string", ["9007199254740993", "0.5"]),
        ([2**64], "string", ["18446744073709551616"]),
        ([[1, 2], (1, 2)], "string", ["[1, 2]", "(1, 2)"]),
        ([np.float32(0.1), np.float64(2.0)], "double", [0.1, 2.0]),
        ([np.int64(3), np.int8(-1)], "int64", [3, -1]),
        ([np.bool_(True)], "bool", [True]),
        (["2026-11-28T12:00:01", ...], "timestamp[ms]", [datetime(2026, 11, 28, 12, 0, 1), None]),
        (["2026-11-28T12:00:01", "a"], "string", ["2026-11-28T12:00:01", "a"]),
        (["half \udcff"], "string", ["half \ufffd\ufffd\ufffd"]),
        ([...], "string", [None]),
        ([], "string", []),
    ],
    ids=str,
)
def test_a_column_has_the_type_of_all_its_values(values: list[object], kind: str, found: list[object]) -> None:
    assert read(values) == (kind, found)


def test_nan_is_a_number_and_no_missing_value() -> None:
    kind, (nan, infinite, missing) = read([math.nan, math.inf, ...])
    assert (kind, math.isnan(nan), infinite, missing) == ("double", True, math.inf, None)  # type: ignore[arg-type]
