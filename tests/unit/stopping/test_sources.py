"""Where a search's values are read from, and the curves of live and ended runs."""

from dataclasses import replace
from pathlib import Path

import pytest

from hpsearch.core.errors import ConfigError, SearchError, UsageError
from hpsearch.stopping.curves import Point
from hpsearch.stopping.sources import RunCurve, SourceKind, ValueSettings, ValueSource, source_of

VALUES = ValueSettings("summary.txt", "acc")
OPTION = "--stop_early=median"


@pytest.mark.parametrize(
    "changes, text",
    [
        ({}, "'acc' in summary.txt (large is good)"),
        ({"sort_ascending": True}, "'acc' in summary.txt (small is good)"),
        ({"keys": ("val_loss",)}, "'val_loss' in summary.txt (small is good)"),
        ({"file": "m.csv"}, "'acc' in m.csv (large is good)"),
        (
            {"file": "*/m.csv", "keys": ("val_loss", "epoch"), "has_parser": True},
            "'val_loss' in */m.csv (small is good)",
        ),
        ({"pattern": r"acc (\S+)", "file": "m.csv", "has_parser": True}, "'acc' in the output of runs (large is good)"),
        ({"pattern": r"loss=(\S+)"}, "'loss' in the output of runs (small is good)"),
        ({"pattern": r"(\S+)", "sort_ascending": True}, "'acc' in the output of runs (small is good)"),
    ],
)
def test_a_search_has_one_source_of_values(changes: dict[str, object], text: str) -> None:
    assert source_of(replace(VALUES, **changes), OPTION).text == text


@pytest.mark.parametrize(
    "performance_key, sort_ascending, key, ascending",
    [
        ("acc", False, "val_acc", False),
        ("acc", False, "val_loss", True),
        ("test_loss", True, "val_acc", False),
        ("acc", False, "validation_0-mlogloss", True),
        ("test_loss", True, "val_metric", True),
        ("acc", False, "val_mape", True),
        ("acc", False, "accumulated_cost", True),
        ("test_loss", True, "brier_score", True),
        ("test_loss", True, "val_mAP", False),
        ("test_loss", True, "accuracy_top1", False),
        ("distance", True, "other", True),
        ("accuracy", True, "accuracy", True),
    ],
)
def test_the_name_of_other_values_says_which_are_good_if_it_can(
    performance_key: str, sort_ascending: bool, key: str, ascending: bool
) -> None:
    settings = ValueSettings("summary.txt", performance_key, sort_ascending, keys=(key,))
    assert source_of(settings, OPTION).ascending is ascending


@pytest.mark.parametrize(
    "changes, kind, message",
    [
        (
            {"has_parser": True},
            UsageError,
            "--stop_early=median needs values while a run goes on: your own parser reads the summary at the end only, "
            "so give --progress_pattern, or _PROGRESS_FILE in the grid module",
        ),
        ({"pattern": "acc"}, UsageError, "--progress_pattern: 'acc': expected one group "),
        (
            {"file": "/tmp/m.csv"},
            ConfigError,
            "_PROGRESS_FILE is '/tmp/m.csv'; expected a path inside a run's folder, ",
        ),
        ({"file": "../m.csv"}, ConfigError, "_PROGRESS_FILE is '../m.csv'; "),
        ({"file": "**/m.csv"}, ConfigError, "_PROGRESS_FILE is '**/m.csv'; "),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(
    changes: dict[str, object], kind: type[SearchError], message: str
) -> None:
    with pytest.raises(kind) as caught:
        source_of(replace(VALUES, **changes), OPTION)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_run_that_has_ended_is_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("epoch,acc\n" + "".join(f"{epoch},{epoch / 1e6:.40f}\n" for epoch in range(25_000)))
    source = ValueSource(SourceKind.FILE, "acc", file="m.csv")
    first = RunCurve(source, tmp_path, []).update()
    whole = RunCurve(source, tmp_path, []).update(is_last=True)
    assert first.last_step < whole.last_step == 24_999


@pytest.mark.parametrize(
    "settings",
    [VALUES, replace(VALUES, file="*/*.csv"), replace(VALUES, pattern=r"acc (\S+)")],
    ids=["summary", "file", "output"],
)
def test_a_run_that_has_written_nothing_has_a_curve_without_points(tmp_path: Path, settings: ValueSettings) -> None:
    curve = RunCurve(source_of(settings, OPTION), tmp_path / "none", [tmp_path / "none.out"])
    assert curve.update().points == ()
    assert curve.problem.startswith("there is no ")


def test_a_curve_grows_with_what_a_run_prints(tmp_path: Path) -> None:
    log = tmp_path / "out"
    curve = RunCurve(source_of(replace(VALUES, pattern=r"epoch (\d+) acc (\S+)"), OPTION), tmp_path, [log])
    log.write_text("epoch 1 acc 0.5\n")
    first = curve.update()
    log.write_text("epoch 1 acc 0.5\nepoch 2 acc 0.7\n")
    assert (first.points, curve.update().points) == ((Point(1, 0.5),), (Point(1, 0.5), Point(2, 0.7)))
