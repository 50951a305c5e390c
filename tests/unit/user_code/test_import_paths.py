"""The import paths that a resumed search restores, without those of our own packages."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from project import ROOT

from hpsearch.user_code.import_paths import OUR_PACKAGES, add_first, add_last, searched_folders

PACKAGE = str(ROOT / "hpsearch")


@pytest.fixture(autouse=True)
def own_paths(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "path", ["/a", "/b"])
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    yield
    for name in ("__init__", "results"):
        sys.modules.pop(name, None)


def test_folders_are_added_once_in_their_order() -> None:
    add_first(["/c", "/a"])
    add_last(["/b", "/d"])
    assert sys.path == ["/c", "/a", "/b", "/d"]


def test_the_folder_of_the_package_hides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OUR_PACKAGES:
        # Another test may have imported a module of this name from elsewhere.
        monkeypatch.delitem(sys.modules, name, raising=False)
    add_first([PACKAGE, str(tmp_path)])
    (tmp_path / "results").mkdir()
    assert sys.path == [str(tmp_path), "/a", "/b"]
    assert importlib.import_module("__init__").__file__ == f"{PACKAGE}/__init__.py"
    assert list(importlib.import_module("results").__path__) == [str(tmp_path / "results")]
    for name in set(OUR_PACKAGES) - {"results"}:
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module(name)


def test_the_folder_of_the_package_is_remembered_for_resuming(tmp_path: Path) -> None:
    add_last([PACKAGE, str(tmp_path / "site-packages")])
    assert searched_folders() == ["/a", "/b", PACKAGE]
