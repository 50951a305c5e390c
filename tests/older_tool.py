"""A search folder as the older tool left it, built by hand: no journal, but pickles, scripts and folders ``sim_*``."""

from __future__ import annotations

import argparse
import csv
import pickle
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

#: A grid module of its users; "400,400" with its second pair of quotes is how texts had to be written.
GRID_MODULE = """\
grid = {"lr": [0.1, 1e-05], "hidden": ['"400,400"'], "name": ["a b"], "flag": [True, False]}
conditions = []
_SCRIPT_NAME = "train.py"
_SUMMARY_FILENAME = "performance_overview.txt"
_SUMMARY_KEYWORDS = ["acc", "finished"]
_PERFORMANCE_KEY = "acc"
_OUT_ARG = "out_dir"

def _evaluate(summary_dict, performance_criteria):
    return float(summary_dict["acc"][0]) >= performance_criteria

_PERFORMANCE_EVAL_HANDLE = _evaluate
"""


@dataclass
class OlderSearch:
    """Builds the folder `path` run by run. recorded: the path of the search folder in its commands."""

    path: Path
    recorded: str = "./out/hyperparam_search/search_2021-03-04_05-06-07"
    commands: list[dict[str, object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.path.mkdir(parents=True)
        (self.path / "hpsearch_config.py").write_text(GRID_MODULE)

    def run(
        self,
        options: Mapping[str, object],
        summary: str | None = None,
        folder: bool = True,
        command: bool = True,
        config: bool = False,
    ) -> Path:
        """Add a run; return its folder.

        summary: text of the summary file, None = there is none. folder: False if the run never started.
        command, config: whether the folder has ``hpsearch_command.sh`` and ``config.pickle``.
        """
        path = self.path / f"sim_20210304050607_{len(self.commands):02d}"
        configuration = {**options, "out_dir": f"{self.recorded}/{path.name}"}
        self.commands.append(configuration)
        if folder:
            path.mkdir()
            if summary is not None:
                (path / "performance_overview.txt").write_text(summary)
            if command:
                (path / "hpsearch_command.sh").write_text(f"#!/bin/sh\n{older_command(configuration)}\n")
            if config:
                content = pickle.dumps(argparse.Namespace(**configuration, random_seed=42, epochs=7))
                (path / "config.pickle").write_bytes(content)
        return path

    def write_commands(self) -> None:
        """Write ``commands.pickle`` and ``commands.sh``."""
        (self.path / "commands.pickle").write_bytes(pickle.dumps(self.commands))
        lines = [older_command(configuration) for configuration in self.commands]
        (self.path / "commands.sh").write_text("\n".join(["#!/bin/sh", *lines]) + "\n")

    def write_table(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Write ``search_results.csv``; every row has the keys of the first one."""
        with (self.path / "search_results.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter=";", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def older_command(configuration: Mapping[str, object]) -> str:
    """Return a command as the older tool wrote it: a value that begins with a quote stays as it is."""
    words = []
    for name, value in configuration.items():
        if isinstance(value, bool):
            words += [f"--{name}"] if value else []
        else:
            text = str(value)
            words.append(f"--{name}={text if text.startswith(chr(34)) else shlex.quote(text)}")
    return "python3 train.py " + " ".join(words)
