"""The search that benchmarks write without running anything equals a search that was run."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

from project import ROOT

SEEDS = 8
#: What differs from search to search: times, ids of processes and attempts, what was written by which process.
_OWN = ("at", "id", "token", "waited_s", "host", "pid", "import_paths", "options", "version", "problem", "cause")


def journal(folder: Path) -> list[dict[str, object]]:
    """Return the journal's events, by run, without the parts that differ from search to search."""
    lines = (folder / ".hpsearch" / "journal.jsonl").read_text().splitlines()
    events = [{name: value for name, value in json.loads(line).items() if name not in _OWN} for line in lines]
    for event in events:
        event.pop("settings", None)
    return sorted(events, key=lambda event: event.get("run", 0))  # type: ignore[arg-type, return-value]


def names(folder: Path) -> list[str]:
    """Return the paths of all files, without time stamps."""
    found = (str(path.relative_to(folder)) for path in folder.rglob("*"))
    ours = {".hpsearch/provenance", ".hpsearch/provenance/1.json", ".hpsearch/controller.log"}
    return sorted(re.sub(r"sim_\d{14}", "sim", name) for name in found if name not in ours)


def without_stamps(text: str) -> str:
    return re.sub(r"sim_\d{14}|\b(written|run)\b", "sim", text)


def test_a_search_of_benchmarks_is_as_one_that_was_run(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])
    large, measure = importlib.import_module("_large_search"), importlib.import_module("_measure")
    monkeypatch.setattr(large, "LR", (0.001,))
    monkeypatch.setattr(large, "UNITS", (16,))
    (tmp_path / "train.sh").write_text(large.SCRIPT)
    (tmp_path / "train.sh").chmod(0o755)
    grid = large.grid_text(100 * SEEDS)
    (tmp_path / "config.py").write_text(measure.GRID_MODULE.format(grid=grid, conditions="[]"))
    large.write_search(tmp_path / "written", SEEDS, SEEDS, has_folders=True, fails=True)
    argv = measure.new_search("--deterministic_search")
    argv = [word.replace("--out_dir=out", "--out_dir=run") for word in argv]
    subprocess.run(argv, cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}, capture_output=True)
    assert names(tmp_path / "written") == names(tmp_path / "run")
    written, run = (without_stamps(json.dumps(journal(tmp_path / name))) for name in ("written", "run"))
    assert written == run
    tables = (without_stamps((tmp_path / name / "search_results.csv").read_text()) for name in ("written", "run"))
    assert len(set(tables)) == 1
