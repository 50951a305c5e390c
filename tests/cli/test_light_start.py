"""Frequent commands import little, so that they answer at once."""

import sys
from pathlib import Path

import pytest
from project import Project

#: Runs a command, and prints on standard error which of the modules in its first argument it has imported.
IMPORTED = """\
import sys
from hpsearch.__main__ import main
try:
    main(sys.argv[2:])
except SystemExit:
    pass
print(*sorted(set(sys.argv[1].split()) & sys.modules.keys()), file=sys.stderr)
"""
HEAVY = (
    "asyncio dataclasses decimal difflib email hashlib importlib.metadata inspect logging numpy pandas pickle platform "
    "queue selectors socket subprocess tempfile threading traceback unittest "
    "hpsearch.backends.launcher hpsearch.backends.shell hpsearch.choosers.race hpsearch.choosers.suggestions "
    "hpsearch.config.options hpsearch.core.coding hpsearch.core.failures hpsearch.folder.provenance "
    "hpsearch.pickles.plain_pickle hpsearch.search.search hpsearch.store.live hpsearch.user_code.user_modules"
)


#: Modules that these commands should not import.
SELDOM = "base64 shutil textwrap hpsearch.core.conditions"


def imported(project: Project, *words: str, heavy: str = HEAVY) -> list[str]:
    """Return which heavy modules a command imports."""
    return project.command([sys.executable, "-c", IMPORTED, heavy, *words]).stderr.splitlines()[-1].split()


@pytest.fixture
def ended(project: Project) -> Path:
    """The folder of a small search in which all runs have finished."""
    project.grid({"x": [1, 2]})
    return project.run("--out_dir=out", "--force_out_dir").folder


@pytest.mark.parametrize("words", ["--help", "status --help", "best --help", "completion --help"])
def test_help_imports_nothing_heavy(project: Project, words: str) -> None:
    assert imported(project, *words.split()) == []


@pytest.mark.parametrize("command", ["status", "best"])
def test_a_question_about_a_search_imports_nothing_heavy(project: Project, ended: Path, command: str) -> None:
    assert imported(project, command, str(ended), heavy=f"{HEAVY} {SELDOM}") == []


def test_help_of_a_search_imports_its_options_and_no_more(project: Project) -> None:
    assert imported(project, "run", "--help") == ["hpsearch.config.options"]


#: Runs a command, and prints on standard error how often Python looks for garbage meanwhile, and whether the last look,
#: as Python ends, still has much to look at.
GARBAGE = """\
import atexit, gc, sys
def looks():
    return sum(each["collections"] for each in gc.get_stats())
def tell():
    print(looks() - before, len(gc.get_objects()) > 1000, file=sys.stderr)
atexit.register(tell)
from hpsearch.__main__ import main
before = looks()
sys.exit(main())
"""


def test_a_question_about_a_search_looks_for_no_garbage(project: Project, ended: Path) -> None:
    told = project.command([sys.executable, "-c", GARBAGE, "status", str(ended)]).stderr
    assert told.splitlines()[-1] == "0 False"
