"""``resume``, ``retry`` and ``--resume`` with ``--dry_run``: commands are printed, and nothing else happens."""

from __future__ import annotations

from pathlib import Path

import pytest
from project import SCRIPT, Project, journal_has, wait_until

FAILS_FOR_2 = SCRIPT.replace('[ "$sleep"', '[ "$x" != 2 ] || exit 1\n[ "$sleep"')


@pytest.fixture
def failed(project: Project) -> Path:
    """A search whose run 2 failed."""
    project.grid({"x": [1, 2]}, script=FAILS_FOR_2)
    return project.run().folder


def contents(folder: Path) -> dict[Path, tuple[bytes, float]]:
    """Return what every file in a folder holds, and when it was changed."""
    return {path: (path.read_bytes(), path.stat().st_mtime) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "words, runs",
    [
        (("hpsearch", "resume"), [2]),
        (("hpsearch", "retry"), [2]),
        (("hpsearch", "retry", "--run=1", "--num_cpu_jobs=2"), [1]),
        (("hpsearch.hpsearch", "--resume", "{folder}"), [2]),
        (("hpsearch", "run", "--resume", "{folder}"), [2]),
    ],
)
def test_the_commands_are_printed_and_nothing_changes(
    words: tuple[str, ...], runs: list[int], project: Project, failed: Path
) -> None:
    before, commands = contents(failed), (failed / "commands.sh").read_text().splitlines()[-2:]
    module, *more = (word.format(folder=failed) for word in words)
    result = project.command([*project.argv()[:1], "-m", module, *more, "--dry_run"])
    assert (result.exit_status, result.stdout.splitlines()) == (0, [commands[run - 1] for run in runs]), result.stderr
    assert contents(failed) == before


def test_while_the_search_runs_it_is_refused_like_the_resume(project: Project) -> None:
    project.grid({"x": [1], "until": ["go"]})
    live = project.start("--out_dir=out/s", "--force_out_dir")
    wait_until(lambda: journal_has(project.path / "out" / "s", "submitted", 1), "a live run")
    result = project.ask("resume", "--dry_run")
    project.go()
    assert (project.end(live).exit_status, result.exit_status, result.stdout) == (0, 2, "")
    assert "this search is already running" in result.stderr


@pytest.mark.parametrize("subcommand", ["resume", "retry"])
def test_options_that_shape_the_list_of_runs_are_refused_and_not_shown(
    subcommand: str, project: Project, failed: Path
) -> None:
    shown = project.ask(subcommand, "--help").stdout
    refused = project.ask(subcommand, "--num_searches=3")
    hidden = ("grid_module", "out_dir", "num_searches", "name")
    assert [name for name in hidden if f"--{name} " in shown] == []
    assert refused.exit_status == 2
    assert "--num_searches cannot be given with --resume: the runs of that search are already planned" in refused.stderr
