"""Messages about errors of the system."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from hpsearch.core.errors import reason_of
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
