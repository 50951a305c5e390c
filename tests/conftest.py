"""Fixtures for all tests: a project folder of a user, with scripts and grid modules, and the command as a process."""

from __future__ import annotations

import compileall
import contextlib
import functools
import gc
import os
import re
import secrets
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from project import FORK_SERVER, QUICK, ROOT, Project

# No deadline: how long an example takes depends on the machine, and benchmarks measure speed.
# 40 examples find what is broken in a rule on purpose; tests over texts that can be anything ask for more.
settings.register_profile("untimed", deadline=None, max_examples=40)
settings.load_profile("untimed")

#: All processes that a test starts inherit this variable; each test has its own value.
_TEST_MARK = "HPSEARCH_TEST"
#: The variable's value for processes that fixtures start for several tests.
_SESSION_MARK = "TESTS_OF_HPSEARCH"
#: How long processes that a test has told to end may take, on a busy machine.
_LAST_BREATH_S = 10.0
#: Folders of tests that mostly wait for schedulers and runs, and of tests that mostly compute.
_WAITING, _COMPUTING = ("cluster", "crash", "backends", "standins"), ("cli",)
#: Groups of tests that share something slow to start or to import: one worker runs all of a group.
_SHARING = (
    # SciPy takes a second to import.
    re.compile(r"test_(sobol|ties)\.py"),
    re.compile(r"test_slurm_clusters\.py"),
    re.compile(r"test_a_limit_on_submitted_jobs|test_unknown_accounts"),
    re.compile(r"test_conformance\.py.*\[slurm"),
    re.compile(r"test_example_digits\.py"),
    re.compile(r"test_what_is_asked_of_a_search"),
    re.compile(r"test_standins_lsf_answers\.py"),
    *(
        re.compile(rf"test_{name}\.py")
        for name in ("best", "by_configuration", "export", "extend", "output", "seeds", "seeds_added")
    ),
    # Starting a browser takes a second of CPU time, and loading plotly for the first time takes two more.
    re.compile(
        r"browser/test_(page|real_search|hostile_content|curves|heatmap|importance|options|progress|seeds_view)"
    ),
    re.compile(r"browser/"),
)


def pytest_configure(config: pytest.Config) -> None:
    """Let searches notice SIGHUP and SIGINT, which nohup and background jobs of a shell ignore; compile the package.

    The commands under test write no bytecode: without it, thousands of processes would each compile the package.
    """
    # Before workers start and numpy is imported: its threads would wait for each other in busy loops.
    os.environ.update(QUICK)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(config, "workerinput"):
        compileall.compile_dir(ROOT / "hpsearch", quiet=2)


@pytest.hookimpl(hookwrapper=True)
def pytest_collection() -> Iterator[None]:
    """Exempt the collected tests from garbage collection, which would look at thousands of objects again and again."""
    gc.disable()
    yield
    gc.enable()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mix tests that wait with tests that compute, and put the short tests of rules last.

    So no processor is idle, and no worker is left with a long test at the end.
    """
    if hasattr(config, "workerinput"):
        items.sort(key=_rank)
        waiting = [item for item in items if _folder(item) in _WAITING]
        computing = [item for item in items if _folder(item) in _COMPUTING]
        short = [item for item in items if _folder(item) not in (*_WAITING, *_COMPUTING)]
        share = len(computing) // max(len(waiting), 1)
        mixed = [
            each
            for number, item in enumerate(waiting)
            for each in (item, *computing[number * share : (number + 1) * share])
        ]
        items[:] = [*mixed, *computing[len(waiting) * share :], *short]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Give tests to workers one by one, but a group (see `_SHARING`) to one worker, and so a module of short tests.

    Large groups come first.

    The marks of pytest-xdist would do the same, but not with every version of pytest.
    """
    from xdist.scheduler import LoadScopeScheduling

    class GroupScheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            module = nodeid.partition("::")[0]
            alone = module if module.startswith("tests/unit/") else nodeid
            return next((shared.pattern for shared in _SHARING if shared.search(nodeid)), alone)

    return GroupScheduling(config, log)


def _folder(item: pytest.Item) -> str:
    return _folder_of(item.path)


@functools.cache
def _folder_of(path: Path) -> str:
    """Return the folder of tests, once for each module: every worker asks several times for each of thousands."""
    return path.relative_to(ROOT / "tests").parts[0]


def _rank(item: pytest.Item) -> tuple[bool, int]:
    folder = _folder(item)
    return item.get_closest_marker("slow") is None, _WAITING.index(folder) if folder in _WAITING else len(_WAITING)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A user's project in a folder of its own (whose name needs quoting), with a small script and grid module."""
    folder = tmp_path / "my project"
    folder.mkdir()
    return Project(folder)


@pytest.fixture(scope="session", autouse=True)
def _no_process_outlives_the_tests() -> Iterator[None]:
    """Processes that several tests share end with the last test."""
    with pytest.MonkeyPatch.context() as patch, _leaves_no_process(_SESSION_MARK, "these tests", patch):
        with contextlib.closing(FORK_SERVER):
            yield


@pytest.fixture(autouse=True)
def _own_surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hide the caller's variables for GPUs and schedulers from tests; fail a test that leaves processes behind."""
    for name in list(os.environ):
        if name.startswith(("SLURM_", "SBATCH_", "LSB_", "CUDA_")) or name == "HPSEARCH_ATTEMPT":
            monkeypatch.delenv(name)
    with _leaves_no_process(_TEST_MARK, "this test", monkeypatch):
        yield


@contextlib.contextmanager
def _leaves_no_process(variable: str, who: str, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Mark the processes that a block starts; if some are left after it, kill them and fail."""
    mark = f"{variable}={secrets.token_hex(8)}"
    patch.setenv(*mark.split("="))
    before = _processes()
    yield
    left = _left_of(mark, before)
    deadline = time.monotonic() + _LAST_BREATH_S
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = _left_of(mark, before)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert not left, f"{who} left processes behind: {left}"


def _processes() -> frozenset[str]:
    newest = Path("/proc/loadavg").read_bytes().split()[-1]
    # Some systems do not tell the newest process, and always say 0.
    return _processes_up_to.__wrapped__(newest) if newest == b"0" else _processes_up_to(newest)


@functools.lru_cache(maxsize=1)
def _processes_up_to(newest: bytes) -> frozenset[str]:
    """List all processes, once until there is a newer one: with two lists each, tests of rules took 0.5 ms longer."""
    with os.scandir("/proc") as entries:
        return frozenset(entry.name for entry in entries if entry.name.isdigit())


def _left_of(mark: str, before: frozenset[str]) -> dict[int, str]:
    """Return the live processes with this mark in their environment, except those `before`: number -> command line."""
    left = {}
    for folder in map(Path("/proc").joinpath, _processes() - before):
        with contextlib.suppress(OSError):
            # A forked process that has executed no program shows the environment of the process it comes from.
            if FORK_SERVER.is_forked(int(folder.name)) or mark.encode() in (folder / "environ").read_bytes():
                words = (folder / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
                left[int(folder.name)] = " ".join(words).strip()
    return left
