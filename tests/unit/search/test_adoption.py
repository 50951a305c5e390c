"""Which runs an earlier controller left are in this one's reach."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from hpsearch.core.errors import UsageError
from hpsearch.search.resume import check_same_cluster
from hpsearch.store.events import (
    AttemptEnded,
    AttemptIntended,
    AttemptSubmitted,
    ControllerStarted,
    Event,
    RunPlanned,
)
from hpsearch.store.layout import SearchFolder
from hpsearch.store.record import SearchRecord

INTENDED = AttemptIntended(1, "sim_1.1.abc", 0)


def accepted(job_id: str) -> AttemptSubmitted:
    return AttemptSubmitted(1, "sim_1.1.abc", job_id, "login", 0, is_queued=True)


@pytest.mark.parametrize(
    "events, before, now, is_refused",
    [
        ([INTENDED, accepted("7")], "one", "two", True),
        # Whether that is a job is asked by its name.
        ([INTENDED], "one", "two", True),
        ([INTENDED, accepted("7")], "one", "one", False),
        ([INTENDED, accepted("7;one")], "one", "two", False),
        ([INTENDED, accepted("7")], "", "two", False),
        ([INTENDED, accepted("7")], "one", "", False),
        ([INTENDED, accepted("7"), AttemptEnded(1, "sim_1.1.abc", 0, 1)], "one", "two", False),
        ([], "one", "two", False),
    ],
)
def test_a_job_is_looked_for_on_its_own_cluster_only(
    tmp_path: Path, events: Sequence[Event], before: str, now: str, is_refused: bool
) -> None:
    planned = RunPlanned(1, "sim_1", "out/sim_1", [])
    record = SearchRecord.of([planned, ControllerStarted("login", 1, 0, cluster=before), *events])
    outcome = pytest.raises(UsageError, match="cluster one") if is_refused else contextlib.nullcontext()
    with outcome:
        check_same_cluster(SearchFolder(tmp_path), list(record), now)


def test_a_job_that_has_left_its_exit_status_is_looked_for_nowhere(tmp_path: Path) -> None:
    folder = SearchFolder(tmp_path)
    folder.create_state()
    folder.exit_file("sim_1.1.abc").write_text("0\n")
    planned = RunPlanned(1, "sim_1", "out/sim_1", [])
    record = SearchRecord.of([planned, ControllerStarted("login", 1, 0, cluster="one"), INTENDED, accepted("7")])
    check_same_cluster(folder, list(record), "two")
