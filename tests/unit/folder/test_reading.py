"""The messages about a folder that holds no search, or none yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpsearch.core.errors import FolderError
from hpsearch.folder.reading import check_has_journal
from hpsearch.store.layout import SearchFolder


def test_a_search_that_was_killed_before_it_planned_a_run_is_started_again(tmp_path: Path) -> None:
    folder = SearchFolder(tmp_path / "s")
    # With --snapshot, the copy of the code may take a while.
    (folder.state / "code.part").mkdir(parents=True)
    with pytest.raises(FolderError) as error:
        check_has_journal(folder)
    assert str(error.value) == (
        f"{folder.path}: its search is just starting, or was killed before it planned a run; "
        "if it was killed, remove the folder and start the search again"
    )
