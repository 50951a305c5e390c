"""Files that are read while others write them."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpsearch.stopping.growing import GrowingFile, LineFile, Piece, WholeFile

OTHERWISE = b"a file of another run that is longer than the first\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log"


def append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


def test_a_file_that_is_not_there_yet_is_read_once_it_is(path: Path) -> None:
    file = GrowingFile(path)
    assert (file.read(), file.problem) == (Piece(), "there is no log")
    path.write_bytes(b"one\n")
    assert (file.read(), file.problem) == (Piece(b"one\n"), "")


def test_only_what_is_new_is_read(path: Path) -> None:
    path.write_bytes(b"one\n")
    file = GrowingFile(path)
    file.read()
    append(path, b"two\n")
    assert file.read() == Piece(b"two\n")
    assert file.read() == Piece()


def test_a_look_reads_a_bounded_number_of_bytes(path: Path) -> None:
    path.write_bytes(b"123456789")
    file = GrowingFile(path)
    assert [file.read(most=4) for _ in range(4)] == [
        Piece(b"1234", is_all=False),
        Piece(b"5678", is_all=False),
        Piece(b"9"),
        Piece(),
    ]


def cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(2)


def write_in_place(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(OTHERWISE)


def replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"0123456789" * 200 + b"more")
    other.replace(path)


@pytest.mark.parametrize("change", [cut, write_in_place, replace])
def test_a_file_that_is_cut_written_anew_or_replaced_is_read_from_its_beginning(path: Path, change) -> None:
    path.write_bytes(b"0123456789" * 200)
    file = GrowingFile(path)
    file.read()
    change(path)
    assert file.read() == Piece(path.read_bytes(), is_anew=True)


def test_a_file_whose_middle_is_written_anew_is_noticed_by_its_newest_bytes(path: Path) -> None:
    path.write_bytes(b"0123456789" * 200)
    file = GrowingFile(path)
    file.read()
    content = b"0123456789" * 150 + b"9876543210" * 60
    with path.open("r+b") as rewritten:
        rewritten.write(content)
    assert file.read() == Piece(content, is_anew=True)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
@pytest.mark.parametrize("kind", [GrowingFile, WholeFile])
def test_what_is_no_file_is_neither_read_nor_waited_for(path: Path, make, kind) -> None:
    make(path)
    file = kind(path)
    assert file.read() in (Piece(), None)
    assert file.problem == "log: expected a file, found something else (a folder, a pipe)"


def test_a_device_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to("/dev/zero")
    assert GrowingFile(tmp_path / "log").read() == Piece()


OPERATIONS = st.lists(st.tuples(st.sampled_from(["append", "write", "replace", "read"]), st.binary(max_size=6)))


@settings(max_examples=60)
@given(OPERATIONS, st.integers(1, 8))
def test_pieces_since_the_file_began_anew_are_its_content(
    tmp_path_factory: pytest.TempPathFactory, operations: list[tuple[str, bytes]], most: int
) -> None:
    path = tmp_path_factory.mktemp("run") / "log"
    path.touch()
    file, found = GrowingFile(path), b""
    for number, (operation, content) in enumerate([*operations, *[("read", b"")] * 400]):
        if operation == "append":
            append(path, content)
        elif operation == "write":
            path.write_bytes(content)
        elif operation == "replace":
            path.with_name("other").write_bytes(content)
            path.with_name("other").replace(path)
        if operation != "read":
            # Two changes may come within one tick of the file system's clock.
            os.utime(path, (number, number))
        piece = file.read(most) if operation == "read" else Piece()
        found = piece.content if piece.is_anew else found + piece.content
    assert found == path.read_bytes()


def test_a_line_waits_for_its_end(path: Path) -> None:
    path.write_bytes(b"one\ntw")
    file = LineFile(path, longest=100)
    first = file.read().texts
    append(path, b"o\nthree")
    assert (first, file.read().texts, file.read(is_last=True).texts) == (("one",), ("two",), ("three",))


def test_a_carriage_return_ends_a_line_where_a_progress_bar_writes(path: Path) -> None:
    path.write_bytes(b"\r 1/2\r 2/2\nend\r\n")
    assert LineFile(path, longest=100, returns_end_lines=True).read().texts == (" 1/2", " 2/2", "end")
    assert LineFile(path, longest=100).read().texts == ("\r 1/2\r 2/2", "end")


def test_of_a_long_line_a_bounded_part_is_kept(path: Path) -> None:
    file = LineFile(path, longest=5)
    path.write_bytes(b"x" * 1000)
    file.read()
    append(path, b"y" * 1000 + b"\nnext\n")
    assert file.read().texts == ("xxxxx", "next")


def test_bytes_that_are_no_text_do_no_harm(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbfa\0\0b\n\xff\n")
    assert LineFile(path, longest=100).read().texts == ("ab", "\ufffd")


def test_the_half_line_of_a_file_that_is_written_anew_is_forgotten(path: Path) -> None:
    path.write_bytes(b"old 1\nold")
    file = LineFile(path, longest=100)
    file.read()
    path.write_bytes(b"new\n")
    lines = file.read()
    assert (lines.texts, lines.is_anew) == (("new",), True)


def test_a_whole_file_is_read_once_each_time_it_changes(path: Path) -> None:
    file = WholeFile(path)
    path.write_bytes(b"a")
    first = [file.read(), file.read()]
    path.write_bytes(b"bc")
    assert [*first, file.read()] == [b"a", None, b"bc"]


def test_a_whole_file_that_is_too_large_is_not_read(path: Path) -> None:
    path.write_bytes(b"123456")
    file = WholeFile(path, most_bytes=5)
    assert file.read() is None
    assert file.problem == "log: it is 6 bytes long; at most 5 are read"
