"""Several users of one machine: what they can see of each other's searches, and what is never executed."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from older_tool import GRID_MODULE, OlderSearch
from project import (
    PYTHON_SCRIPT,
    ROOT,
    SURROUNDINGS,
    Project,
    Result,
    journal_has,
    let_permissions_count,
    rows,
    wait_until,
)
from standins.worlds import FakeLsf

#: A user that every system has, and that owns nothing.
NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
#: A grid module whose settings are known only when it is executed.
MADE_BY_CODE = GRID_MODULE + '_SUMMARY_KEYWORDS = list(_SUMMARY_KEYWORDS)\nopen("executed", "w").close()\n'


def python_of_all() -> str:
    """Return a Python of this machine that another user may start, too; skip if there is none."""
    for path in filter(None, [sys.executable, shutil.which("python3", path="/usr/bin:/usr/local/bin")]):
        program = "import sys; sys.exit(sys.version_info < (3, 10))"
        try:
            done = subprocess.run([path, "-c", program], user=NOBODY, group=NOBODY, extra_groups=[], check=False)
        except PermissionError:
            continue
        if done.returncode == 0:
            return path
    pytest.skip("no Python of this machine may be started by another user")


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that everyone may look into: those above pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="hpsearch-shared-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def as_nobody(shared: Path) -> Callable[..., Result]:
    """Runs a subcommand as another user, in a folder where that one may write nothing."""
    python = python_of_all()
    shutil.copytree(ROOT / "hpsearch", shared / "package" / "hpsearch", ignore=shutil.ignore_patterns("__pycache__"))

    def ask(*words: str, group: int = NOBODY) -> Result:
        environment = {**os.environ, **SURROUNDINGS, "PYTHONPATH": str(shared / "package"), "HOME": "/nonexistent"}
        done = subprocess.run(
            [python, "-m", "hpsearch", *words],
            cwd=shared,
            env=environment,
            user=NOBODY,
            group=group,
            extra_groups=[],
            umask=0o002,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return ask


@pytest.fixture
def search(shared: Path) -> Path:
    """Our search in the shared folder, with a run that failed."""
    project = Project(shared / "project")
    project.path.mkdir()
    script = "import os, sys\n(sys.argv[1] == '--x=2') and sys.exit('boom')\nout = sys.argv[-1].partition('=')[2]\n"
    script += "os.makedirs(out)\nopen(f'{out}/summary.txt', 'w').write('acc 1\\nfinished 1\\n')\nprint('well')\n"
    project.grid({"x": [1, 2]}, script=script)
    return project.run("--out_dir=out", "--force_out_dir").folder


@needs_root
def test_another_user_can_look_at_a_search_and_leaves_nothing(search: Path, as_nobody: Callable[..., Result]) -> None:
    before = sorted(search.rglob("*"))
    asked = ["status", "best", "list", "why 2", "logs 1", "logs 2 --err"]
    told = [as_nobody(words.split()[0], str(search), *words.split()[1:]) for words in asked]
    assert [result.exit_status for result in told] == [0] * len(asked), told
    assert (told[4].stdout, told[5].stdout) == ("well\n", "boom\n")
    assert sorted(search.rglob("*")) == before


@needs_root
@pytest.mark.parametrize("words", ["resume", "retry", "cancel", "postprocess"])
def test_another_user_changes_nothing(search: Path, as_nobody: Callable[..., Result], words: str) -> None:
    before = {path: path.read_bytes() for path in search.rglob("*") if path.is_file()}
    result = as_nobody(words, str(search))
    assert "Traceback" not in result.stderr
    assert {path: path.read_bytes() for path in search.rglob("*") if path.is_file()} == before


@needs_root
def test_a_folder_that_is_closed_to_others_stays_closed(search: Path, as_nobody: Callable[..., Result]) -> None:
    search.chmod(0o700)
    result = as_nobody("status", str(search))
    assert (result.exit_status, result.stdout) == (2, "")
    assert ("Permission denied" in result.stderr, "Traceback" in result.stderr) == (True, False)


@needs_root
def test_with_umask_002_the_group_can_continue_a_search(shared: Path, as_nobody: Callable[..., Result]) -> None:
    project = Project(shared / "project")
    project.path.mkdir()
    project.grid({"x": [1, 2], "until": ["go"]})
    words = project.argv("--out_dir=out", "--force_out_dir")
    search = project.start_command(words, umask=0o002)
    wait_until(lambda: journal_has(project.path / "out", "submitted", 1), "a run has started")
    search.send_signal(signal.SIGINT)
    project.end(search)
    project.go()
    resumed = as_nobody("resume", str(project.path / "out"), group=os.getgid())
    assert (resumed.exit_status, len(rows(project.path / "out"))) == (0, 2), resumed.stderr
    assert project.ask("resume", "out").exit_status == 0


@pytest.fixture
def older(project: Project) -> OlderSearch:
    """A search of the older tool whose grid module has to be executed."""
    search = OlderSearch(project.path / "old")
    search.run({"lr": 0.1}, "acc 0.5\nfinished 1\n")
    search.write_commands()
    search.write_table([{"lr": 0.1, "out_dir": search.commands[0]["out_dir"], "acc": 0.5, "finished": 1}])
    (search.path / "hpsearch_config.py").write_text(MADE_BY_CODE)
    return search


def give_away(*paths: Path) -> None:
    for path in paths:
        os.chown(path, NOBODY, NOBODY)


LOOKING = ["list", "best old", "report old", "export old", "table old --rows=lr", "postprocess old"]


@needs_root
@pytest.mark.parametrize("is_folder_given", [True, False])
@pytest.mark.parametrize("words", LOOKING)
def test_the_code_of_another_user_is_executed_by_nobody(
    project: Project, older: OlderSearch, words: str, is_folder_given: bool
) -> None:
    give_away(older.path if is_folder_given else older.path / "hpsearch_config.py")
    result = project.ask(*words.split())
    assert ((project.path / "executed").exists(), "Traceback" in result.stderr) == (False, False)
    refused = f"{older.path}/hpsearch_config.py: it or its folder belongs to another user, and only executing it tells"
    advice = " what was searched; if you trust it, say so with --grid_module=hpsearch_config\n"
    needs_none = words in ("list", "best old")
    assert (result.exit_status, f"{refused}{advice}" in result.stderr) == ((0, False) if needs_none else (2, True))


@needs_root
def test_naming_the_module_of_another_user_executes_it(project: Project, older: OlderSearch) -> None:
    give_away(older.path, older.path / "hpsearch_config.py")
    result = project.ask("export", "old", "--grid_module=hpsearch_config")
    assert (result.exit_status, (project.path / "executed").exists()) == (0, True), result.stderr


def test_of_a_file_that_is_too_long_for_a_grid_module_nothing_is_executed(project: Project, older: OlderSearch) -> None:
    with (older.path / "hpsearch_config.py").open("a") as file:
        file.write("# more\n" * 1_500_000)
    result = project.ask("export", "old")
    assert (result.exit_status, (project.path / "executed").exists()) == (2, False)
    assert "hpsearch_config.py: expected a grid module of at most 10,000,000 bytes; it is longer" in result.stderr


def odd_modes(paths: Iterable[Path], umask: int) -> dict[str, str]:
    """Return the rights of those files and folders that do not have exactly what the umask leaves."""
    found = {path: path.stat().st_mode for path in paths}
    return {
        str(path): oct(mode)
        for path, mode in found.items()
        if stat.S_IMODE(mode) != (0o777 if stat.S_ISDIR(mode) else 0o666) & ~umask
    }


@pytest.mark.parametrize("umask", [0o077, 0o002])
def test_what_is_written_has_the_rights_that_the_umask_leaves(project: Project, umask: int) -> None:
    project.grid(
        {"x": [1, 2]},
        script=PYTHON_SCRIPT.replace("time.sleep", "options['x'] == '2' and sys.exit('boom')\ntime.sleep"),
    )
    project.end(project.start_command([*project.argv("--out_dir=out", "--num_seeds=2"), "--more_columns"], umask=umask))
    (folder,) = (project.path / "out").iterdir()
    for words in (["retry", str(folder)], ["postprocess", str(folder)], ["report", str(folder)]):
        project.end(project.start_command([sys.executable, "-m", "hpsearch", *words], umask=umask))
    written = [project.path / "report.html", project.path / "out", *(project.path / "out").rglob("*")]
    names = {path.name for path in written}
    assert names >= {
        "search_results.csv",
        "not_completed.pickle",
        "postprocessing_results.csv",
        "journal.jsonl",
        "lock",
    }
    assert odd_modes(written, umask) == {}


def test_job_scripts_have_the_rights_that_the_umask_leaves(project: Project, lsf: FakeLsf) -> None:
    project.grid({"x": [1, 2], "until": ["go"]})
    options = ["--run_cluster", "--out_dir=out", "--force_out_dir", "--runs_per_job=2"]
    process = project.start(*options, umask=0o077)
    logs = project.path / "out" / ".hpsearch" / "logs"
    try:
        wait_until(lambda: len([*logs.glob("*.sh")]) == 3, "scripts of a job and its two runs")
        odd = odd_modes(logs.glob("*.sh"), 0o077)
    finally:
        project.go()
        result = project.end(process)
    assert (result.exit_status, odd) == (0, {})


@needs_root
def test_permissions_count_for_a_search_that_cannot_write(project: Project) -> None:
    project.grid({"x": [1]})
    closed = project.path / "closed"
    closed.mkdir()
    give_away(closed)
    words = project.argv("--out_dir=closed/out")
    result = project.end(project.start_command(words, preexec_fn=let_permissions_count))
    assert (result.exit_status, "Permission denied" in result.stderr) == (2, True), result.stderr
    assert (list(closed.iterdir()), "Traceback" in result.stderr) == ([], False)
