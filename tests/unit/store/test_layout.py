"""Names in a search folder, and files there: read whole, written again, renamed."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from searches import SETTINGS

from hpsearch.core.conditions import Condition
from hpsearch.core.errors import StoreError
from hpsearch.startup.classes import replace
from hpsearch.startup.host import host_name
from hpsearch.store.layout import (
    GrowingLog,
    SearchFolder,
    append_text,
    free_name,
    open_file,
    open_log,
    read_small,
    read_whole,
    remove_parts,
    rename_with_stamp,
    write_grid_config,
    write_whole,
)


@pytest.mark.parametrize(
    ("path", "is_inside"),
    [("/old/.hpsearch/code/pkg", True), ("/old/.hpsearch/code", True), ("/old/code/pkg", False), ("/old", False)],
)
def test_a_path_lies_in_a_snapshot_or_not(path: str, is_inside: bool) -> None:
    assert SearchFolder.has_code(Path(path)) is is_inside


@pytest.mark.parametrize(
    ("earlier", "now"),
    [("/old/.hpsearch/code", ""), ("/old/.hpsearch/code/pkg", "pkg"), ("/o/.hpsearch/code/a/.hpsearch/code/b", "b")],
)
def test_a_path_in_a_snapshot_is_found_where_its_search_lies_now(tmp_path: Path, earlier: str, now: str) -> None:
    assert SearchFolder(tmp_path).in_code(earlier) == tmp_path / ".hpsearch" / "code" / now


def test_files_of_a_search_have_the_names_that_people_know(tmp_path: Path) -> None:
    folder = SearchFolder(tmp_path)
    files = (folder.results, folder.results_by_configuration, folder.commands, folder.not_completed)
    assert [str(path.relative_to(tmp_path)) for path in (*files, folder.provenance, folder.journal)] == [
        *("search_results.csv", "search_results_by_configuration.csv", "commands.sh", "not_completed.pickle"),
        *(".hpsearch/provenance", ".hpsearch/journal.jsonl"),
    ]
    assert folder.postprocessing_jobs("missing") == tmp_path / "postprocessing_missing_jobs.pickle"


def test_a_free_name_has_the_first_number_that_nothing_has_not_even_a_dead_link(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    assert free_name(path) == path
    path.write_text("")
    (tmp_path / "a.txt.2").symlink_to("nowhere")
    assert free_name(path) == tmp_path / "a.txt.3"


def test_files_are_renamed_by_the_time_and_missing_ones_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one")
    rename_with_stamp(path, tmp_path / "b.txt")
    (renamed,) = tmp_path.iterdir()
    assert renamed.read_text() == "one"
    assert renamed.match("a_[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]_[0-9][0-9]-[0-9][0-9]-[0-9][0-9].txt")


def test_a_grid_is_written_for_another_search_and_an_earlier_one_kept_if_it_differs(tmp_path: Path) -> None:
    path, condition = tmp_path / "new" / "grid.pickle", Condition({"a": [1]}, {"b": [2]})
    for grid in ({"a": [1, 2]}, {"a": [1, 2]}, {"a": [3]}):
        write_grid_config(path, grid, [condition])
    assert pickle.loads(path.read_bytes()) == {"grid": {"a": [3]}, "conditions": [({"a": [1]}, {"b": [2]})]}
    (earlier,) = set(path.parent.iterdir()) - {path}
    assert pickle.loads(earlier.read_bytes())["grid"] == {"a": [1, 2]}


def test_half_a_character_in_a_message_stops_no_log(tmp_path: Path) -> None:
    log = GrowingLog(tmp_path / "log")
    log.write("a\ud800\n")
    log.close()
    log.write("b\ud800\n")
    assert (tmp_path / "log").read_bytes() == b"a?\nb?\n"


def test_a_log_that_would_grow_too_long_begins_anew_and_keeps_what_it_had(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for text in ("12345", "67890", "x"):
        append_text(path, text, most_bytes=10)
    assert (path.read_text(), (tmp_path / "log.1").read_text()) == ("x", "1234567890")


def test_a_message_that_cannot_be_kept_is_no_error(tmp_path: Path) -> None:
    append_text(tmp_path / "no folder" / "log", "x")
    assert not list(tmp_path.iterdir())


def descriptors() -> list[str]:
    return sorted(path.name for path in Path("/proc/self/fd").iterdir())


@pytest.mark.parametrize("read", [lambda path: open_file(path, os.O_RDONLY), lambda path: read_whole(path, 9)])
def test_what_is_no_file_is_told_and_leaves_nothing_open(tmp_path: Path, read: Callable[[str], object]) -> None:
    os.mkfifo(tmp_path / "pipe")
    before = descriptors()
    with pytest.raises((OSError, ValueError), match="expected a file, found something else"):
        read(str(tmp_path / "pipe"))
    assert descriptors() == before


def test_what_a_run_printed_is_not_read_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    (tmp_path / "log").symlink_to("secret")
    with pytest.raises(OSError, match="expected a log, found a link") as caught:
        open_log(str(tmp_path / "log"), os.O_RDONLY)
    assert (caught.value.strerror, caught.value.filename) == ("expected a log, found a link", f"{tmp_path}/log")


@pytest.mark.parametrize(("options", "place"), [({}, "/home/me"), ({"snapshot": True}, "/s/.hpsearch/code/pkg")])
def test_runs_execute_where_the_search_was_started_or_in_the_copy_of_its_code(
    options: dict[str, object], place: str
) -> None:
    run_cwd = "/old/.hpsearch/code/pkg" if options else "/home/me"
    settings = replace(SETTINGS, run_cwd=run_cwd, options=options)
    assert SearchFolder(Path("/s")).work_folder(settings) == Path(place)


@pytest.mark.parametrize("most", [5, 6])
def test_a_file_is_read_whole_up_to_its_limit(tmp_path: Path, most: int) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert read_whole(tmp_path / "a", most) == b"12345"
    with pytest.raises(ValueError, match="it is 5 bytes long; at most 4 are read"):
        read_whole(tmp_path / "a", 4)


def test_a_file_that_comes_in_pieces_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    read = os.read
    monkeypatch.setattr(os, "read", lambda descriptor, count: read(descriptor, min(count, 2)))
    assert read_whole(tmp_path / "a", 9) == b"12345"


def test_an_error_in_the_middle_of_reading_names_the_file_as_well() -> None:
    # The first bytes of a process's memory cannot be read, though the file opens.
    with pytest.raises(OSError) as caught:
        read_small(Path("/proc/self/mem"))
    assert caught.value.filename == "/proc/self/mem"


def test_a_file_that_cannot_be_written_is_told_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"missing/file: cannot be written \(No such file or directory"):
        write_whole(tmp_path / "missing" / "file", b"")


def test_half_written_files_go_unless_their_process_may_live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(pid: int, signal: int) -> None:
        if pid != 7:
            raise PermissionError if pid == 8 else ProcessLookupError

    # The one that goes comes last.
    parts = [f".table.csv.{host_name()}.{pid}.part" for pid in (7, 8, 9)]
    monkeypatch.setattr(os, "kill", kill)
    monkeypatch.setattr(os, "listdir", lambda folder: parts)
    for part in parts:
        (tmp_path / part).touch()
    remove_parts(tmp_path)
    assert [(tmp_path / part).exists() for part in parts] == [True, True, False]


def test_a_small_file_is_cut_and_an_error_names_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert read_small(tmp_path / "a", 3) == b"123"
    with pytest.raises(FileNotFoundError) as caught:
        read_small(tmp_path / "b")
    assert caught.value.filename == str(tmp_path / "b")
