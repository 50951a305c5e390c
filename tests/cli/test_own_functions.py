"""Functions of a grid module that never return, or raise unusual exceptions: only their own run is affected."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from project import Project, is_alive, rows, wait_until

#: Reads the summary of the script of `Project.grid`; the code for the run x = 2 follows.
PARSER = """\
import os, re, signal, sys, time
def parse(out_dir, ident):
    open(os.environ["CALLS"], "a").write("%d %d\\n" % (ident, os.getpid()))
    words = dict(line.split() for line in open(os.path.join(out_dir, "summary.txt")))
    if words["acc"] == "2":
        {odd}
    return {{"acc": float(words["acc"]), "finished": 1}}
_SUMMARY_PARSER_HANDLE = parse
def judge(summary, criterion):
    if float(summary["acc"][0]) == 3:
        time.sleep(1000)
    return float(summary["acc"][0]) >= criterion
_PERFORMANCE_EVAL_HANDLE = judge
"""
HANG = "time.sleep(1000)"


@pytest.fixture
def calls(project: Project, tmp_path: Path) -> Path:
    """The file in which the parser notes its calls: the run, counted from 0, and the process."""
    project.environment["CALLS"] = str(tmp_path / "calls")
    return tmp_path / "calls"


def search_with(project: Project, odd: str, *options: str) -> tuple[int, str]:
    project.grid({"x": [1, 2, 3]}, more=PARSER.format(odd=odd))
    result = project.run("--out_dir=out", "--force_out_dir", "--deterministic_search", *options)
    assert "Traceback" not in result.stderr
    return result.exit_status, result.stderr


@pytest.mark.parametrize("odd", [HANG, "re.match('(a+)+$', 'a' * 60 + 'b')"])
def test_a_parser_that_hangs_is_ended_told_of_and_tried_once_more_at_the_end(
    project: Project, calls: Path, odd: str
) -> None:
    status, said = search_with(project, odd, "--parser_timeout=1")
    assert status == 1
    assert sorted(row["acc"] for row in rows(project.path / "out")) == ["1.0", "3.0"]
    assert said.count("run 2 has ended, and its results cannot be read yet: _SUMMARY_PARSER_HANDLE for ") == 1
    assert "no answer within 1 s, which --parser_timeout sets\n" in said
    called = [line.split() for line in calls.read_text().splitlines()]
    assert [number for number, _ in called] == ["0", "1", "2", "1"]
    assert not any(is_alive(int(pid)) for _, pid in called)


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ("sys.exit(5)", "SystemExit: 5"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt: "),
        ("raise GeneratorExit('x')", "GeneratorExit: x"),
        ("os._exit(4)", "ProcessEnded: the process that called it ended with status 4"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "ProcessEnded: the process that called it ended by signal 11"),
        ("return {'acc': 'a\\0b', 'finished': 1}", "ValueError: a NUL character under 'acc'"),
    ],
)
def test_a_parser_that_ends_in_any_way_concerns_its_own_run(
    project: Project, calls: Path, odd: str, reason: str
) -> None:
    status, said = search_with(project, odd)
    assert status == 1
    assert sorted(row["acc"] for row in rows(project.path / "out")) == ["1.0", "3.0"]
    assert reason in said


def test_ctrl_c_ends_a_search_whose_parser_hangs(project: Project, calls: Path) -> None:
    project.grid({"x": [1, 2, 3]}, more=PARSER.format(odd=HANG))
    search = project.start("--out_dir=out", "--force_out_dir", "--deterministic_search")
    wait_until(lambda: calls.exists() and calls.read_text().count("\n") == 2, "the parser hangs")
    begun = time.monotonic()
    search.send_signal(signal.SIGINT)
    _, said = search.communicate(timeout=60)
    assert time.monotonic() - begun < 30
    assert (search.returncode, "Traceback" in said) == (130, False)
    assert not any(is_alive(int(line.split()[1])) for line in calls.read_text().splitlines())


def test_a_parser_that_hangs_ends_with_a_killed_controller_and_holds_no_lock(project: Project, calls: Path) -> None:
    project.grid({"x": [1, 2, 3]}, more=PARSER.format(odd="os.environ.get('SOUND') or time.sleep(1000)"))
    search = project.start("--out_dir=out", "--force_out_dir", "--deterministic_search")
    wait_until(lambda: calls.exists() and calls.read_text().count("\n") == 2, "the parser hangs")
    search.kill()
    search.communicate()
    parser = int(calls.read_text().split()[-1])
    wait_until(lambda: not is_alive(parser), "the parser has ended")
    project.environment["SOUND"] = "1"
    resumed = project.run(f"--resume={project.path / 'out'}")
    assert resumed.exit_status == 0, resumed.stderr
    assert sorted(row["acc"] for row in rows(project.path / "out")) == ["1.0", "2.0", "3.0"]


def test_a_judge_that_hangs_leaves_its_run_where_it_is(project: Project, calls: Path) -> None:
    status, _ = search_with(project, "pass")
    assert status == 0
    result = project.ask("postprocess", "out", "--performance_criteria=2", "--parser_timeout=1")
    assert result.exit_status == 1
    assert "stays: _PERFORMANCE_EVAL_HANDLE: ParserTimeout: no answer within 1 s" in result.stderr
    assert len(list((project.path / "out" / "TO_BE_DELETED").iterdir())) == 1
    assert os.path.lexists(project.path / "out" / ".hpsearch")
