"""Which files of a working tree a snapshot copies, and which it links."""

from __future__ import annotations

from pathlib import Path

import pytest
from repository import commit_all, git

from hpsearch.backends.git import code_tree
from hpsearch.core.errors import BackendError


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


@pytest.fixture
def code(tmp_path: Path) -> Path:
    make(tmp_path, "train.py", "gone.py", "lib/a b.py", "lib/\u00e4.py")
    (tmp_path / ".gitignore").write_text("data/\n*.pyc\n__pycache__/\nlocal.yaml\n")
    commit_all(tmp_path)
    return tmp_path


def test_what_git_knows_or_does_not_ignore_is_copied_and_the_rest_linked(code: Path) -> None:
    make(code, "new/model.py", "data/x.bin", "lib/data/y.bin", "lib/local.yaml", "lib/__pycache__/a.pyc", "b.pyc")
    (code / "gone.py").unlink()
    tree = code_tree(code / "lib", 10)
    assert (tree.top, sorted(tree.files), sorted(tree.links)) == (
        code,
        [".gitignore", "lib/a b.py", "lib/\u00e4.py", "new/model.py", "train.py"],
        ["data/", "lib/data/", "lib/local.yaml"],
    )


def test_earlier_searches_in_the_working_tree_are_no_code(code: Path) -> None:
    make(code, "out/search_1/.hpsearch/journal.jsonl", "out/search_1/sim_1/model.bin", "out/notes.txt")
    assert [name for name in code_tree(code, 10).files if name.startswith("out")] == ["out/notes.txt"]


def test_submodules_and_other_repositories_belong_to_the_code(code: Path) -> None:
    for name in ("sub", "other"):
        make(code, f"{name}/__init__.py")
        (code / name / ".gitignore").write_text("cache/\n")
        commit_all(code / name)
    git(code, "add", "sub")
    git(code, "commit", "-q", "-m", "two")
    make(code, "sub/new.py", "sub/cache/z")
    tree = code_tree(code, 10)
    assert {name for name in tree.files if "/" in name and not name.startswith("lib")} == {
        *("sub/__init__.py", "sub/.gitignore", "sub/new.py", "other/__init__.py", "other/.gitignore")
    }
    assert "sub/cache/" in tree.links


def test_without_a_repository_git_says_so(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="git: fatal: not a git repository"):
        code_tree(tmp_path, 10)
