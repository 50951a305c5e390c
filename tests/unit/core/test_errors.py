"""Messages about errors of the system."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from hpsearch.core.errors import NoRoomError, SearchInterrupted, StoreError, is_forbidden, reason_of, unwritable
from hpsearch.store.new_folder import _not_writable


@pytest.mark.parametrize(
    "error, reason",
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "No space left on device"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/a"), "No space left on device"),
        (OSError("the plugin of the file system says no"), "the plugin of the file system says no"),
        (OSError(), "OSError"),
        (PermissionError(), "PermissionError"),
    ],
)
def test_an_error_of_the_system_always_has_a_reason(error: OSError, reason: str) -> None:
    assert reason_of(error) == reason


@pytest.mark.parametrize("where, told", [(None, ""), ("/s/x", ": /s/x")])
def test_a_path_is_told_only_where_the_system_names_one(where: str | None, told: str) -> None:
    message = str(_not_writable(Path("/s"), OSError(errno.ENOSPC, "No space left on device", where)))
    assert message == (
        f"--out_dir: the search folder /s cannot be made (No space left on device{told}); give another --out_dir"
    )


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, NoRoomError), (errno.EDQUOT, NoRoomError), (errno.EIO, StoreError)]
)
def test_a_full_disk_is_told_from_other_reasons_not_to_write(number: int, kind: type[StoreError]) -> None:
    error = unwritable("a/b", OSError(number, "no"))
    assert (type(error), str(error), error.exit_status) == (kind, "a/b: cannot be written (no)", 1)


@pytest.mark.parametrize(
    ("cause", "answer"),
    [
        (PermissionError(errno.EACCES, "no"), True),
        (OSError(errno.EROFS, "no"), True),
        (OSError(errno.EPERM, "no"), True),
        (OSError(errno.ENOSPC, "no"), False),
        (ValueError("no"), False),
        (None, False),
    ],
)
def test_missing_rights_are_what_waiting_does_not_help_against(cause: Exception | None, answer: bool) -> None:
    error = StoreError("x")
    error.__cause__ = cause
    assert is_forbidden(error) is answer


def test_a_search_that_a_signal_ended_has_the_status_that_shells_expect() -> None:
    error = SearchInterrupted("stopped", 15)
    assert (str(error), error.exit_status) == ("stopped", 143)
