"""Projects of version 1.0 and of the older tool, as `tests/fixtures/make.py` has made them, put back anywhere."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

from project import ROOT, Project

FIXTURES = ROOT / "tests" / "fixtures" / "version_1"


def restored(kind: str, project: Project) -> Path:
    """Put a fixture's files into a project; return its search folder."""
    shutil.copytree(FIXTURES / kind, project.path, dirs_exist_ok=True)
    marks = {"@PROJECT@": str(project.path), "@PYTHON@": sys.executable, "@VERSION_1@": str(ROOT)}
    replace_in_files(project.path, {**marks, '"@HOST@"': json.dumps(os.uname().nodename)})
    for state in project.path.rglob(".hpsearch"):
        # Git keeps no empty folders.
        for name in ("attempts", "exits", "logs"):
            (state / name).mkdir(exist_ok=True)
    return project.path / "searches" / "s"


def replace_in_files(folder: Path, replacements: Mapping[str, str]) -> None:
    """Replace texts in all files below a folder; in pickles, in the texts that they hold."""
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix == ".pickle":
            path.write_bytes(pickle.dumps(_replaced(pickle.loads(path.read_bytes()), replacements)))
        elif path.is_file():
            path.write_text(str(_replaced(path.read_text(), replacements)))


def _replaced(value: object, replacements: Mapping[str, str]) -> object:
    if isinstance(value, str):
        for old, new in replacements.items():
            value = value.replace(old, new)
    elif isinstance(value, (list, tuple)):
        return type(value)(_replaced(item, replacements) for item in value)
    elif isinstance(value, dict):
        return {key: _replaced(item, replacements) for key, item in value.items()}
    elif isinstance(value, Namespace):
        return Namespace(**_replaced(vars(value), replacements))  # type: ignore[arg-type]
    return value
