"""The ways in which users start a search, each as a real process."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest
from project import GRID, PYTHON_SCRIPT, ROOT, Project, Result, rows

#: A fixture of this folder: makes a folder one with the package in it.
Checkout = Callable[[Path], Path]
#: Code at the beginning of modules of the older tool's users.
OLD_IMPORTS = """
from hpsearch import hpsearch
import hpsearch.hpsearch as again
assert hpsearch is again and callable(hpsearch.hpsearch_cli_arguments) and hpsearch._OUT_ARG == "out_dir"
from hpsearch import Not
"""

#: A grid module that leaves the number of the search's process, and a simulation that presses Ctrl-C there.
TELLS_ITS_PROCESS = "import os\nopen(os.path.dirname(__file__) + '/process', 'w').write(str(os.getpid()))\n"
STOPS = "import os, signal, time\nos.kill(int(open('process').read()), signal.SIGINT)\ntime.sleep(60)\n"


def simulation(folder: Path, more: str = "") -> Path:
    """Write a simulation with its grid module into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train.py").write_text(PYTHON_SCRIPT)
    module = GRID.format(grid={"x": [1, 2]}, conditions=[], script="train.py", keywords=["acc", "finished"])
    (folder / "hpsearch_config.py").write_text(more + module)
    return folder


def run(argv: list[str], cwd: Path, **environment: str) -> Result:
    """Run a command without the package on Python's search path."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        argv,
        cwd=cwd,
        env={**clean, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An interpreter that has numpy, but not this package installed."""
    folder = tmp_path_factory.mktemp("bare") / "venv"
    venv.create(folder, symlinks=True)
    site = next((folder / "lib").glob("python3*")) / "site-packages"
    for name in ("numpy", "numpy.libs"):
        for found in (Path(entry) / name for entry in sys.path if (Path(entry) / name).is_dir()):
            (site / name).symlink_to(found)
            break
    return str(folder / "bin" / "python")


@pytest.mark.parametrize("more", ["", OLD_IMPORTS], ids=["plain", "old imports"])
def test_as_a_module_from_the_root_of_a_checkout(
    tmp_path: Path, bare_python: str, more: str, checkout: Checkout
) -> None:
    root = checkout(tmp_path / "root")
    simulation(root / "sims" / "my_sim", more)
    result = run(
        [bare_python, "-m", "hpsearch.hpsearch", "--grid_module=sims.my_sim.hpsearch_config", "--run_cwd=sims/my_sim"],
        cwd=root,
    )
    assert result.exit_status == 0, result.stderr
    assert [row["acc"] for row in rows(result.folder)] == ["2", "1"]
    assert result.folder.is_relative_to(root / "sims" / "my_sim" / "out" / "hyperparam_search")


@pytest.mark.parametrize("more", ["", "import __init__\n" + OLD_IMPORTS], ids=["plain", "old"])
def test_in_place_from_inside_the_package(tmp_path: Path, bare_python: str, more: str, checkout: Checkout) -> None:
    root = checkout(tmp_path / "root")
    simulation(root / "sims" / "my_sim", more)
    result = run(
        [bare_python, "hpsearch.py", "--grid_module=sims.my_sim.hpsearch_config", "--run_cwd=../sims/my_sim"],
        cwd=root / "hpsearch",
    )
    assert result.exit_status == 0, result.stderr
    assert len(rows(result.folder)) == 2


@pytest.mark.parametrize("more", ["", "import __init__\n" + OLD_IMPORTS], ids=["plain", "old"])
def test_postprocessing_in_place_from_inside_the_package(
    tmp_path: Path, bare_python: str, more: str, checkout: Checkout
) -> None:
    root = checkout(tmp_path / "root")
    work = simulation(root / "sims" / "my_sim", more + "_PERFORMANCE_EVAL_HANDLE = lambda s, c: int(s['acc'][0]) > c\n")
    options = ["--grid_module=sims.my_sim.hpsearch_config", "--run_cwd=../sims/my_sim"]
    searched = [bare_python, "hpsearch.py", *options, "--out_dir=out", "--force_out_dir"]
    assert run(searched, cwd=root / "hpsearch").exit_status == 0
    result = run(
        [bare_python, "hpsearch_postprocessing.py", "out", *options, "--performance_criteria=1"], cwd=root / "hpsearch"
    )
    assert result.exit_status == 0, result.stderr
    assert result.stdout == f"{work / 'out' / 'postprocessing_results.csv'}\n"
    assert len(list((work / "out" / "TO_BE_DELETED").iterdir())) == 1


@pytest.mark.parametrize("more", ["", OLD_IMPORTS], ids=["plain", "old imports"])
def test_a_copy_beside_a_simulation_in_the_checkout(
    tmp_path: Path, bare_python: str, more: str, checkout: Checkout
) -> None:
    root = checkout(tmp_path / "root")
    folder = simulation(root / "sims" / "my_sim", more)
    copy_with_default(folder)
    result = run([bare_python, "hpsearch.py"], cwd=folder)
    assert result.exit_status == 0, result.stderr
    assert len(rows(result.folder)) == 2


@pytest.mark.parametrize("more", ["", OLD_IMPORTS], ids=["plain", "old imports"])
def test_a_copy_beside_a_simulation_with_the_package_installed(tmp_path: Path, more: str, checkout: Checkout) -> None:
    folder = simulation(tmp_path / "elsewhere" / "my_sim", more)
    copy_with_default(folder)
    installed = checkout(tmp_path / "site")
    result = run([sys.executable, "hpsearch.py"], cwd=folder, PYTHONPATH=str(installed))
    assert result.exit_status == 0, result.stderr
    assert len(rows(result.folder)) == 2


def test_a_script_that_begins_with_import_init_calls_run(tmp_path: Path, bare_python: str, checkout: Checkout) -> None:
    root = checkout(tmp_path / "root")
    folder = simulation(root / "sims" / "my_sim")
    (folder / "__init__.py").write_text("import sys; sys.path.insert(0, '../..')\n")
    (folder / "start.py").write_text(
        "import __init__\nfrom hpsearch import hpsearch\n"
        "print(hpsearch.run(['--grid_module=hpsearch_config', '--visible_gpus=-1'], dout_dir='./mine'))\n"
    )
    result = run([bare_python, "start.py"], cwd=folder)
    assert result.exit_status == 0, result.stderr
    assert result.folder.parent == folder / "mine"
    assert result.stdout.splitlines()[-1] == str(result.folder / "search_results.csv")


def test_a_script_beside_a_copy_gets_the_package(tmp_path: Path, bare_python: str, checkout: Checkout) -> None:
    root = checkout(tmp_path / "root")
    folder = simulation(root / "sims" / "my_sim")
    copy_with_default(folder)
    (folder / "other.py").write_text(OLD_IMPORTS + "import hpsearch.core.model\nprint(hpsearch.__version__)\n")
    result = run([bare_python, "other.py"], cwd=folder)
    assert result.exit_status == 0, result.stderr


def test_the_command_with_subcommands(project: Project) -> None:
    project.grid({"x": [1]})
    result = project.command([sys.executable, "-m", "hpsearch", "run", "--grid_module=config", "--visible_gpus=-1"])
    assert result.exit_status == 0, result.stderr
    assert len(rows(result.folder)) == 1


def test_fault_13_two_searches_live_in_one_process(project: Project) -> None:
    project.grid({"x": [1, 2]}, name="first")
    project.grid({"x": [3]}, name="second", script_name="other.sh")
    project.write(
        "both.py",
        "import threading\nfrom hpsearch import hpsearch\n"
        "calls = [['--grid_module=' + name, '--visible_gpus=-1', '--force_out_dir', '--out_dir=' + name + '_out']\n"
        "         for name in ('first', 'second')]\n"
        "threads = [threading.Thread(target=hpsearch.run, args=(call,)) for call in calls]\n"
        "[thread.start() for thread in threads]\n[thread.join() for thread in threads]\n",
    )
    result = project.command([sys.executable, "both.py"])
    assert result.exit_status == 0, result.stderr
    found = {name: sorted(row["acc"] for row in rows(project.path / f"{name}_out")) for name in ("first", "second")}
    assert found == {"first": ["1", "2"], "second": ["3"]}


@pytest.mark.parametrize("place", ["mnist", "mnist/scripts/deep"])
@pytest.mark.parametrize("how", ["installed", "checkout"])
def test_a_copy_finds_a_dotted_default_that_begins_in_a_folder_above(
    tmp_path: Path, bare_python: str, how: str, place: str, checkout: Checkout
) -> None:
    root = checkout(tmp_path / "root") if how == "checkout" else tmp_path / "root"
    simulation(root / "mnist")
    (root / "mnist" / "hpsearch_config.py").rename(root / "mnist" / "my_grid.py")
    folder = simulation(root / place)
    copy_with_default(folder, "mnist.my_grid")
    path = {"PYTHONPATH": str(checkout(tmp_path / "site"))} if how == "installed" else {}
    result = run([sys.executable if path else bare_python, "hpsearch.py"], cwd=folder, **path)
    assert result.exit_status == 0, result.stderr
    assert len(rows(result.folder)) == 2


def test_a_copy_that_is_reached_by_a_link_finds_a_dotted_default(tmp_path: Path, checkout: Checkout) -> None:
    copy_with_default(simulation(tmp_path / "root" / "mnist"), "mnist.hpsearch_config")
    (tmp_path / "linked").symlink_to(tmp_path / "root" / "mnist")
    result = run([sys.executable, "hpsearch.py"], cwd=tmp_path / "linked", PYTHONPATH=str(checkout(tmp_path / "site")))
    assert result.exit_status == 0, result.stderr
    called = [sys.executable, "linked/hpsearch.py", "--run_cwd=linked"]
    result = run(called, cwd=tmp_path, PYTHONPATH=str(tmp_path / "site"))
    assert result.exit_status == 0, result.stderr


@pytest.mark.parametrize("default", ["hpsearch_config", "mnist.hpsearch_config"])
def test_a_copy_in_a_package_finds_what_its_grid_module_imports(
    tmp_path: Path, default: str, checkout: Checkout
) -> None:
    folder = simulation(tmp_path / "root" / "mnist", "from shared.values import VALUES\nimport mnist\n")
    (folder / "__init__.py").touch()
    (tmp_path / "root" / "shared").mkdir()
    (tmp_path / "root" / "shared" / "values.py").write_text("VALUES = [1]\n")
    copy_with_default(folder, default)
    result = run([sys.executable, "hpsearch.py"], cwd=folder, PYTHONPATH=str(checkout(tmp_path / "site")))
    assert result.exit_status == 0, result.stderr


def test_a_copy_does_not_hide_that_there_is_no_such_module(tmp_path: Path, checkout: Checkout) -> None:
    folder = simulation(tmp_path / "mnist")
    copy_with_default(folder, "mnist.no_grid")
    result = run([sys.executable, "hpsearch.py"], cwd=folder, PYTHONPATH=str(checkout(tmp_path / "site")))
    assert (result.exit_status, "there is no module 'mnist'" in result.stderr) == (2, True), result.stderr


def test_the_hint_to_resume_works_where_it_is_printed(tmp_path: Path, bare_python: str, checkout: Checkout) -> None:
    root = checkout(tmp_path / "my root")
    folder = simulation(root / "sims" / "my_sim", TELLS_ITS_PROCESS)
    copy_with_default(folder)
    (folder / "train.py").write_text(STOPS)
    stopped = run([bare_python, "hpsearch.py", "--visible_gpus=-1"], cwd=folder)
    assert stopped.exit_status == 130, stopped.stderr
    hint = stopped.stderr.splitlines()[-1].partition("resume with: ")[2]
    assert hint.startswith(f"{bare_python} hpsearch.py --resume out/hyperparam_search/search_")
    (folder / "train.py").write_text(PYTHON_SCRIPT)
    resumed = run(["sh", "-c", hint], cwd=folder)
    assert resumed.exit_status == 0, resumed.stderr
    assert len(rows(resumed.folder)) == 2


def test_the_hint_to_resume_is_short_where_the_package_is_found(
    tmp_path: Path, bare_python: str, checkout: Checkout
) -> None:
    root = checkout(tmp_path / "root")
    work = simulation(root / "sims", TELLS_ITS_PROCESS)
    (work / "train.py").write_text(STOPS)
    options = ["--grid_module=sims.hpsearch_config", "--run_cwd=sims", "--visible_gpus=-1"]
    stopped = run([bare_python, "-m", "hpsearch.hpsearch", *options], cwd=root)
    hint = stopped.stderr.splitlines()[-1].partition("resume with: ")[2]
    assert hint.startswith(f"{bare_python} -m hpsearch.hpsearch --resume sims/out/hyperparam_search/search_")


def copy_with_default(folder: Path, default: str = "hpsearch_config") -> None:
    """Copy the main module beside a simulation and edit its default, as users do."""
    text = (ROOT / "hpsearch" / "hpsearch.py").read_text()
    edited = text.replace('_DEFAULT_GRID = ""', f'_DEFAULT_GRID = "{default}"')
    assert edited != text
    (folder / "hpsearch.py").write_text(edited)
