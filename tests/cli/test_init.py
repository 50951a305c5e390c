"""``hpsearch init``: a grid module beside a script, which works for a search without a change."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from project import Project, Result

from hpsearch.__main__ import main

SCRIPT = """\
import argparse, os
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--opt", choices=["sgd", "adam"], default="sgd")
parser.add_argument("--bn", action="store_true")
parser.add_argument("--save_dir", default="out")
args = parser.parse_args()
os.makedirs(args.save_dir)
with open(os.path.join(args.save_dir, "results.txt"), "w") as file:
    file.write(f"acc {args.lr}\\nfinished 1\\n")
"""


@pytest.fixture
def here(project: Project, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Run a subcommand within this process, in the project's folder."""
    monkeypatch.chdir(project.path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def run(*words: str) -> Result:
        try:
            status = main(words)
        except SystemExit as end:
            status = int(str(end.code))
        return Result(status, *capfd.readouterr())

    return run


def commands_shown(project: Project, made: Result, cwd: Path | None = None) -> list[str]:
    """Type the command that ``init`` ended with; return the commands of runs that it shows."""
    assert made.exit_status == 0, made.stderr
    line = made.stdout.splitlines()[-1]
    shown = project.command(["bash", "-c", line], cwd=cwd)
    assert shown.exit_status == 0, shown.stderr
    return shown.stdout.splitlines()


PLACES = [
    ("sims/mnist/train.py", ["sims/mnist/train.py"], "sims/mnist/grid_train.py"),
    ("with blank/my-train.py", ["with blank/my-train.py"], "with blank/grid_my_train.py"),
    ("test/3d.py", ["test/3d.py"], "test/grid_3d.py"),  # Python has a package of this name
    ("pkg/sub/__main__.py", ["-mpkg.sub"], "pkg/sub/grid_sub.py"),
    ("train.py", ["-u train.py", "--out=pkg/my_grid"], "pkg/my_grid.py"),
    ("train.py", ["train.py", "--out=pkg/"], "pkg/grid_train.py"),
]


@pytest.mark.parametrize("script, words, module", PLACES)
def test_the_command_that_it_ends_with_works_as_it_stands(
    project: Project, here: Callable[..., Result], script: str, words: list[str], module: str
) -> None:
    project.write("pkg/__init__.py", "")
    project.write(script, SCRIPT)
    shown = commands_shown(project, here("init", *words))
    assert (project.path / module).is_file()
    assert sorted(line.split(" --save_dir=")[0].partition(" --")[2] for line in shown) == [
        "lr=0.1 --opt=adam",
        "lr=0.1 --opt=adam --bn",
        "lr=0.1 --opt=sgd",
        "lr=0.1 --opt=sgd --bn",
    ]


def test_it_works_from_another_folder(project: Project) -> None:
    project.write("sims/train.py", SCRIPT)
    project.write("elsewhere/note.txt", "")
    here = project.path / "elsewhere"
    assert len(commands_shown(project, project.ask("init", "../sims/train.py", cwd=here), here)) == 4


def test_a_search_with_the_new_module_finishes(project: Project) -> None:
    project.write("train.py", SCRIPT)
    line = project.ask("init", "train.py").stdout.strip().removesuffix(" --dry_run")
    ran = project.command(["bash", "-c", f"{line} --visible_gpus=-1 --num_searches=1"])
    assert ran.exit_status == 0, ran.stderr


def test_it_says_what_it_concluded(project: Project, here: Callable[..., Result]) -> None:
    project.write("train.py", SCRIPT)
    assert here("init", "train.py").stderr == (
        "wrote grid_train.py: 4 options of train.py, 4 runs as it stands\n"
        "  output folder: --save_dir\n"
        "  summary: results.txt with acc, finished\n"
        "change what is marked CHANGE in it, then see what would run:\n"
    )


def test_an_expression_of_a_thousand_terms_does_no_harm(project: Project, here: Callable[..., Result]) -> None:
    project.write(
        "train.py", f"import argparse\nx = y{'.a()' * 900}\np.add_argument('--lr', type={'f(' * 90}x{')' * 90})"
    )
    assert here("init", "train.py").exit_status == 0


def test_it_says_what_it_wrote_and_what_to_check(project: Project, here: Callable[..., Result]) -> None:
    project.write("train.py", 'parser.add_argument("data")\nparser.add_argument("--lr", default=0.1)\n')
    said = here("init", "train.py").stderr
    assert said == (
        "wrote grid_train.py: 1 option of train.py, 1 run as it stands\n"
        "  train.py has no option that looks like its output folder: see _OUT_ARG\n"
        "  train.py needs words besides its options (data): see _SCRIPT_NAME\n"
        "  train.py writes no summary yet, as far as its source shows: see _SUMMARY_FILENAME\n"
        "change what is marked CHANGE in it, then see what would run:\n"
    )


LOOP = """\
import argparse, sys
parser = argparse.ArgumentParser(formatter_class=argparse.ArgumentDefaultsHelpFormatter)
for name, value in {"lr": 0.5, "out_dir": "out"}.items():
    parser.add_argument(f"--{name}", type=type(value), default=value, help=name)
print(sys.stdin.read(), parser.parse_args())
"""


def test_options_that_only_the_help_shows_are_found(project: Project, here: Callable[..., Result]) -> None:
    project.write("train.py", LOOP)
    shown = commands_shown(project, here("init", "train.py"))
    assert [line.split(" --out_dir=")[0].split("train.py ")[1] for line in shown] == ["--lr=0.5"]


SUBCOMMANDS = """\
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int)
commands = parser.add_subparsers(dest="what", required=True)
commands.add_parser("fit").add_argument("--lr", type=float, default=0.1)
commands.add_parser("test").add_argument("--checkpoint")
parser.parse_args()
"""


def test_of_a_script_with_commands_one_is_named(project: Project, here: Callable[..., Result]) -> None:
    project.write("train.py", SUBCOMMANDS)
    assert "({fit,test}): name one, hpsearch init 'train.py fit'\n" in here("init", "train.py").stderr
    assert here("init", "train.py fit", "--out=fit_grid.py").exit_status == 0
    text = (project.path / "fit_grid.py").read_text()
    assert ('"lr": [0.1],' in text, '"checkpoint"' in text, '_SCRIPT_NAME = "train.py fit"' in text) == (
        True,
        False,
        True,
    )


def test_an_interpreter_calls_the_help_and_stays_in_the_command(project: Project, here: Callable[..., Result]) -> None:
    project.write("train.py", LOOP)
    project.write("python-here", f'#!/bin/sh\necho "$@" >> called\nexec {shlex.quote(sys.executable)} "$@"\n')
    (project.path / "python-here").chmod(0o755)
    made = here("init", "train.py", "--interpreter=./python-here")
    assert (project.path / "called").read_text() == "train.py --help\n"
    assert made.stdout.endswith("--interpreter=./python-here --dry_run\n")


def test_a_script_without_options_is_never_started(project: Project, here: Callable[..., Result]) -> None:
    project.write("train.py", "open('started', 'w')\nwhile True:\n    pass\n")
    made = here("init", "train.py")
    assert made.exit_status == 0
    assert not (project.path / "started").exists()


def refusals() -> list[tuple[list[str], str]]:
    return [
        (["missing.py"], "there is no such script"),
        (["train"], "; did you mean train.py?"),
        (["sims/trian.py"], "; did you mean sims/train.py?"),
        (["sims.train"], "; did you mean -m sims.train?"),
        (["sims"], "expected a script, found a folder; name the script in it: hpsearch init sims/train.py"),
        (["table.csv"], "this is no script"),
        (["image.png"], "this is not Python"),
        (["broken.py"], "broken.py, line 1: this is not Python"),
        (["-m", "pkg.nothing"], "there is no such module in the current folder"),
        ([""], "expected a script"),
        ([], "name one script, as in: hpsearch init train.py"),
        (["train.py", "-m", "train"], "name one script"),
        (["train.py", "--out=json.py"], "it would hide the module json (of Python's own)"),
        (["train.py", "--out=numpy"], "it would hide the module numpy"),
        (["train.py", "--out=hpsearch.py"], "it would hide the module hpsearch"),
        (["train.py", "--out=my-grid.py"], "take one such as my_grid.py"),
        (["train.py", "--out=class.py"], "take one such as grid_class.py"),
        (["train.py", "--out=grid.json"], "Python cannot import a module of this name"),
        (["train.py", "--out=nowhere/grid.py"], "there is no folder"),
        (["train.py", "--out=broken.py"], "this file exists and is not overwritten"),
        (["train.py", "--interpreter=nothing9"], "there is no command 'nothing9'"),
    ]


@pytest.mark.parametrize("words, message", refusals(), ids=lambda value: str(value)[:40])
def test_what_cannot_be_is_refused_and_nothing_written(
    project: Project, here: Callable[..., Result], words: list[str], message: str
) -> None:
    project.write("train.py", SCRIPT)
    project.write("sims/train.py", SCRIPT)
    project.write("table.csv", "a;b\n1;2\n")
    project.write("broken.py", "def f(:\n")
    (project.path / "image.png").write_bytes(b"\x89PNG\0\0")
    before = sorted(project.path.rglob("*"))
    result = here("init", *words)
    assert (result.exit_status, result.stdout) == (2, "")
    assert message in result.stderr
    assert sorted(project.path.rglob("*")) == before


def test_a_second_call_does_not_overwrite(project: Project, here: Callable[..., Result]) -> None:
    project.write("train.py", SCRIPT)
    assert [here("init", "train.py").exit_status for _ in range(2)] == [0, 2]


def test_a_link_that_leads_nowhere_is_not_written_through(project: Project, here: Callable[..., Result]) -> None:
    project.write("train.py", SCRIPT)
    (project.path / "grid_train.py").symlink_to("/nowhere/at/all")
    assert "this file exists and is not overwritten" in here("init", "train.py").stderr
