"""The folder of a new search: what is put there, and what is taken away again if the search does not start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from searches import SETTINGS

from hpsearch.core.errors import FolderError, StoreError, SubmissionRefused
from hpsearch.core.model import CodeTree, Configuration, Run
from hpsearch.journal.events import Event, RunPlanned
from hpsearch.journal.settings import Settings
from hpsearch.store.layout import SearchFolder
from hpsearch.store.lock import Holder, LockWays
from hpsearch.store.new_folder import FolderTakenError, add_inputs, new_search


@dataclass(frozen=True)
class Plan:
    """Two runs, planned in a folder."""

    folder: Path
    may_exist: bool = False
    given: Mapping[str, Path | bytes] = field(default_factory=dict)
    code: CodeTree | None = None
    settings: Settings = SETTINGS
    stamp: float = 0.0

    def inputs(self) -> dict[str, Path | bytes]:
        return dict(self.given)

    def events(self, first_number: int) -> Iterator[Event]:
        for number in (first_number, first_number + 1):
            configuration = Configuration((("x", number),))
            yield RunPlanned.of(Run(number, f"sim_{number}", configuration, f"{self.folder}/sim_{number}"))


def start(plan: Plan, error: BaseException | None = None) -> range:
    """Start a search, and end it at once or by an error; return the numbers of its runs."""
    with new_search(plan, Holder("here", 7, 5.0), LockWays()) as (_, runs):
        if error is not None:
            raise error
    return runs


def content(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


WRITTEN = [".hpsearch/journal.jsonl", ".hpsearch/lock", ".hpsearch/settings.json"]
VIEWS = ["commands.pickle", "commands.sh", "commands_wo_dirs.sh", "search_results.csv"]


def test_a_new_folder_has_plan_commands_table_and_what_is_searched(tmp_path: Path) -> None:
    (tmp_path / "grid.py").write_text("grid = {}")
    given = {"grid.py": tmp_path / "grid.py", "options.json": b"{}"}
    assert start(Plan(tmp_path / "new" / "out", given=given)) == range(1, 3)
    out = tmp_path / "new" / "out"
    assert content(out) == sorted([*WRITTEN, *VIEWS, "grid.py", "options.json"])
    assert ((out / "grid.py").read_text(), (out / "options.json").read_bytes()) == ("grid = {}", b"{}")


def test_a_search_that_does_not_start_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(SubmissionRefused):
        start(Plan(tmp_path / "new" / "out", given={"a.json": b"{}"}), SubmissionRefused("no"))
    assert not list(tmp_path.iterdir())


def test_a_search_that_was_stopped_after_its_start_stays(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        start(Plan(tmp_path / "out"), KeyboardInterrupt())
    assert content(tmp_path / "out") == sorted([*WRITTEN, *VIEWS])


def test_what_others_put_into_the_folder_stays_when_the_search_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(SubmissionRefused):
        start(Plan(tmp_path / "out", may_exist=True), SubmissionRefused("no"))
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"


def test_a_folder_that_exists_is_taken_unless_it_may_exist(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(FolderTakenError):
        start(Plan(tmp_path / "out"))
    assert not list((tmp_path / "out").iterdir())
    assert start(Plan(tmp_path / "out", may_exist=True)) == range(1, 3)


def test_an_empty_folder_of_the_users_stays_when_the_search_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(SubmissionRefused):
        start(Plan(tmp_path / "out", may_exist=True), SubmissionRefused("no"))
    assert (tmp_path / "out").is_dir()


def test_runs_that_are_added_to_a_search_go_on_with_its_numbers(tmp_path: Path) -> None:
    start(Plan(tmp_path / "out"))
    assert start(Plan(tmp_path / "out", may_exist=True)) == range(3, 5)
    commands = [line.split()[1] for line in (tmp_path / "out" / "commands.sh").read_text().splitlines()[3:]]
    assert commands == ["--x=1", "--x=2", "--x=3", "--x=4"]


def test_runs_that_were_added_and_refused_are_gone_and_the_earlier_search_stays(tmp_path: Path) -> None:
    start(Plan(tmp_path / "out"))
    before = {name: (tmp_path / "out" / name).read_bytes() for name in [".hpsearch/journal.jsonl", "commands.sh"]}
    with pytest.raises(SubmissionRefused):
        start(Plan(tmp_path / "out", may_exist=True), SubmissionRefused("no"))
    assert {name: (tmp_path / "out" / name).read_bytes() for name in before} == before


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"out_arg": "o"},
            "the search there has out_arg 'out_dir', this one 'o'; searches in one folder must have the",
        ),
        ({"program": ("sh",)}, "the search there has program ('true',), this one ('sh',); searches in one folder must"),
        ({"options": {"snapshot": True}}, "of this search and the one there, only one executes a copy of the code"),
    ],
    ids=["output option", "program", "snapshot"],
)
def test_runs_of_another_script_are_refused(tmp_path: Path, changes: Mapping[str, object], problem: str) -> None:
    start(Plan(tmp_path / "out"))
    with pytest.raises(FolderError) as caught:
        start(Plan(tmp_path / "out", may_exist=True, settings=replace(SETTINGS, **changes)))
    assert str(caught.value).startswith(f"{tmp_path}/out: {problem}")
    assert "; give another --out_dir" in str(caught.value)


def test_files_of_another_tool_with_the_names_of_ours_are_kept(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name, text in {"commands.sh": "theirs", "grid.py": "old", "same.py": "same"}.items():
        (out / name).write_text(text)
    for name, text in {"grid.py": "new", "same.py": "same"}.items():
        (tmp_path / name).write_text(text)
    start(Plan(out, may_exist=True, given={name: tmp_path / name for name in ("grid.py", "same.py")}))
    kept = {path.name.partition("_")[0]: path.read_text() for path in out.iterdir() if "_20" in path.name}
    assert kept == {"commands": "theirs", "grid": "old"}
    assert ((out / "grid.py").read_text(), (out / "same.py").read_text()) == ("new", "same")


def test_a_file_in_the_place_of_a_folder_is_told_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderError) as caught:
        start(Plan(tmp_path / "file" / "out"))
    assert str(caught.value) == (
        f"--out_dir: the search folder {tmp_path}/file/out cannot be made (Not a directory: {tmp_path}/file); "
        "give another --out_dir"
    )


def test_a_disk_that_fills_up_while_the_search_starts_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    class Full(Plan):
        def events(self, first_number: int) -> Iterator[Event]:
            yield from super().events(first_number)
            raise StoreError("no space")

    with pytest.raises(FolderError, match="no space; give another --out_dir, or make room"):
        start(Full(tmp_path / "out"))
    assert not list(tmp_path.iterdir())


def test_a_copy_of_the_code_has_its_files_and_links_to_what_git_ignores(tmp_path: Path) -> None:
    top = tmp_path / "project"
    for name in ("pkg", "data"):
        (top / name).mkdir(parents=True)
    (top / "pkg" / "run.sh").write_text("x")
    (top / "pkg" / "run.sh").chmod(0o755)
    (top / "d" / "e").mkdir(parents=True)
    (top / "d" / "e" / "f").touch()
    (top / "pkg" / "inside").symlink_to("run.sh")
    (top / "pkg" / "outside").symlink_to(tmp_path / "elsewhere")
    start(
        Plan(
            tmp_path / "out",
            code=CodeTree(top, ["pkg/run.sh", "pkg/inside", "pkg/outside", "d/e/f"], ["data/", "a/b/c"]),
        )
    )
    code = SearchFolder(tmp_path / "out").code
    assert ((code / "pkg" / "run.sh").read_text(), (code / "pkg" / "run.sh").stat().st_mode & 0o777) == ("x", 0o755)
    assert (code / "d" / "e" / "f").is_file()
    links = {name: str((code / name).readlink()) for name in ("pkg/inside", "pkg/outside", "data", "a/b/c")}
    assert links == {
        "pkg/inside": "run.sh",
        "pkg/outside": str(tmp_path / "elsewhere"),
        "data": f"{top}/data",
        "a/b/c": f"{top}/a/b/c",
    }


def test_inputs_of_an_extension_lie_beside_the_earlier_ones_unless_they_are_the_same(tmp_path: Path) -> None:
    folder = SearchFolder(tmp_path)
    for text in (b"one", b"one", b"two", b"two", b"one"):
        add_inputs(folder, {"grid.py": text})
    (tmp_path / "given").write_text("three")
    add_inputs(folder, {"grid.py": tmp_path / "given"})
    copies = {path.name: path.read_text() for path in tmp_path.glob("grid*")}
    assert copies == {"grid.py": "one", "grid.2.py": "two", "grid.3.py": "one", "grid.4.py": "three"}


def test_no_more_names_are_made_for_an_input_than_there_are_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, whole = [], Path.with_name

    def with_name(path: Path, name: str) -> Path:
        made.append(name)
        return whole(path, name)

    monkeypatch.setattr(Path, "with_name", with_name)
    for text in (b"one", b"two"):
        add_inputs(SearchFolder(tmp_path), {"grid.py": text})
    assert [name for name in made if name.startswith("grid")] == ["grid.2.py"]


def test_an_input_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"grid\.py: cannot be written \(No such file or directory\)"):
        add_inputs(SearchFolder(tmp_path), {"grid.py": tmp_path / "missing"})
