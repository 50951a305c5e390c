"""Values, paths, files and messages are UTF-8 also in a locale without it."""

from __future__ import annotations

import pickle
import sys

import pytest
from project import ROOT, Project, rows

#: Keeps the bytes of its words, and needs no locale itself.
SCRIPT = """\
import os, sys
options = dict(word[2:].partition("=")[::2] for word in sys.argv[1:])
os.makedirs(options["out_dir"])
with open("words.bin", "ab") as file:
    file.write(os.fsencode(options["x"]) + b"\\n")
sys.stdout.buffer.write(b"got " + os.fsencode(options["x"]) + b"\\n")
with open(os.path.join(options["out_dir"], "summary.txt"), "wb") as file:
    file.write(b"word " + os.fsencode(options["x"]) + b"\\nacc 1\\nfinished 1\\n")
"""
VALUES = ["é", "🙂", "日本"]


def a_project_elsewhere(project: Project) -> Project:
    """Give a project values beyond ASCII, and a locale that has only ASCII, which Python must not correct."""
    project.environment.update(LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    project.grid({"x": VALUES}, script=SCRIPT, keywords=("acc", "word", "finished"))
    return project


@pytest.fixture
def elsewhere(project: Project) -> Project:
    """A project in such a locale."""
    return a_project_elsewhere(project)


@pytest.mark.parametrize("name", ["C", "POSIX"])
def test_a_search_has_utf_8_everywhere(elsewhere: Project, name: str) -> None:
    elsewhere.environment["LC_ALL"] = name
    result = elsewhere.search("--out_dir=gäbe", "--force_out_dir", "--deterministic_search")
    folder = elsewhere.path / "gäbe"
    assert result.stdout == f"{folder}/search_results.csv\n"
    assert (elsewhere.path / "words.bin").read_text("utf-8").split() == VALUES
    assert sorted((row["x"], row["word"]) for row in rows(folder)) == sorted((value, value) for value in VALUES)
    commands = (folder / "commands.sh").read_text("utf-8")
    assert [value in commands for value in VALUES] == [True] * 3
    assert [entry["x"] for entry in pickle.loads((folder / "commands.pickle").read_bytes())] == VALUES
    assert [f"got {value}" in result.stderr for value in VALUES] == [True] * 3


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A search `gäbe` that has ended there; tests only ask about it."""
    project = a_project_elsewhere(Project(tmp_path_factory.mktemp("my project")))
    project.search("--out_dir=gäbe", "--force_out_dir")
    return project


@pytest.mark.parametrize(
    ("words", "shown"),
    [("status gäbe", "gäbe"), ("best gäbe", "日本"), ("logs gäbe 1", "got é"), ("cancel gäbe", "gäbe")],
)
def test_what_is_asked_of_a_search_is_answered_in_utf_8(searched: Project, words: str, shown: str) -> None:
    answer = searched.ask(*words.split())
    assert answer.exit_status == 0
    assert shown in answer.stdout


@pytest.mark.parametrize("first", ["here", "elsewhere"])
def test_a_search_is_resumed_across_locales(elsewhere: Project, first: str) -> None:
    here = Project(elsewhere.path)
    one, other = (here, elsewhere) if first == "here" else (elsewhere, here)
    one.write("train.py", "raise SystemExit(3)\n")
    assert one.run("--out_dir=gäbe", "--force_out_dir").exit_status == 1
    one.write("train.py", SCRIPT)
    assert other.run("--resume=gäbe").exit_status == 0
    assert sorted(row["x"] for row in rows(elsewhere.path / "gäbe")) == sorted(VALUES)


def test_a_script_and_a_summary_with_names_beyond_ascii_are_found(elsewhere: Project) -> None:
    script = SCRIPT.replace('os.path.join(options["out_dir"], "summary.txt")', "os.fsencode(options['out_dir']) + NAME")
    script = "# é\nNAME = '/résumé.txt'.encode('utf-8')\n" + script
    more = "_SUMMARY_FILENAME = 'résumé.txt'\n"
    elsewhere.grid({"x": VALUES}, script=script, script_name="entraîner.py", more=more)
    elsewhere.search("--out_dir=out", "--force_out_dir")
    assert len(rows(elsewhere.path / "out")) == 3


def test_the_runs_get_the_environment_as_it_is(elsewhere: Project) -> None:
    elsewhere.write("train.py", SCRIPT + "print([os.environ.get(n) for n in ('PYTHONUTF8', 'PYTHONCOERCECLOCALE')])\n")
    assert elsewhere.search().stderr.count("['0', '0']") == 3


def test_a_copy_beside_the_simulation_has_utf_8_everywhere(elsewhere: Project) -> None:
    text = (ROOT / "hpsearch" / "hpsearch.py").read_text("utf-8")
    elsewhere.write("hpsearch.py", text.replace('_DEFAULT_GRID = ""', '_DEFAULT_GRID = "config"'))
    result = elsewhere.command([sys.executable, "hpsearch.py", "--visible_gpus=-1"])
    assert result.exit_status == 0, result.stderr
    assert sorted((elsewhere.path / "words.bin").read_text("utf-8").split()) == sorted(VALUES)


@pytest.mark.parametrize(
    ("option", "value"), [("--out_dir=gäbe", "a"), ("--run_cwd=gäbe", "a"), ("--out_dir=out", "é")], ids=ascii
)
def test_a_program_in_another_locale_is_refused_what_it_cannot_pass_on(
    elsewhere: Project, option: str, value: str
) -> None:
    elsewhere.grid({"x": [value]}, script=SCRIPT)
    elsewhere.write(
        "own.py",
        "import sys\nfrom hpsearch import hpsearch\nfrom hpsearch.core.errors import SearchError\n"
        f"try:\n    hpsearch.run(['--grid_module=config', '--visible_gpus=-1', {option!r}])\n"
        "except SearchError as error:\n    print(error)\n    sys.exit(error.exit_status)\n",
    )
    result = elsewhere.command([sys.executable, "own.py"])
    assert result.exit_status == 2, result.stderr
    assert "cannot be passed on in this locale (ascii): start Python with -X utf8" in result.stdout
    assert not (elsewhere.path / "words.bin").exists()


def test_a_program_in_another_locale_goes_on_with_plain_text(elsewhere: Project) -> None:
    elsewhere.grid({"x": ["a"]}, script=SCRIPT)
    own = "from hpsearch import hpsearch\nhpsearch.run(['--grid_module=config', '--visible_gpus=-1'])\n"
    elsewhere.write("own.py", own)
    assert elsewhere.command([sys.executable, "own.py"]).exit_status == 0
    assert (elsewhere.path / "words.bin").read_text() == "a\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_streams_that_python_was_told_to_encode_otherwise_are_utf_8(project: Project, encoding: str) -> None:
    project.grid({"x": VALUES}, script=SCRIPT)
    project.environment["PYTHONIOENCODING"] = encoding
    result = project.search("--out_dir=gäbe", "--force_out_dir")
    assert result.stdout == f"{project.path}/gäbe/search_results.csv\n"
    assert [f"got {value}" in result.stderr for value in VALUES] == [True] * 3
