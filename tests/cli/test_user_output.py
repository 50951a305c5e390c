"""Whatever the user's own code prints never gets between our results on standard output."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from project import Project, rows

#: Ways to print: Python's, child processes, a C library (which writes its buffer late), an older reference, a number.
PRINTS = """
import ctypes, os, subprocess, sys
def noise(kept=sys.stdout):
    print("noise of python")
    os.system("echo noise of a child")
    subprocess.run(["echo", "noise of another child"])
    ctypes.CDLL(None).printf(b"noise of C\\n")
    print("noise by an older reference", file=kept)
    os.write(1, b"noise by number\\n")
"""
WAYS = ["python", "a child", "another child", "C", "an older reference", "number"]
PARSER = """
def parser(out_dir, number):
    noise()
    return {"acc": ["1"], "finished": ["1"]}
_SUMMARY_PARSER_HANDLE = parser
_PERFORMANCE_EVAL_HANDLE = lambda summary, criterion: noise() or True
"""


@pytest.fixture
def noisy(project: Project) -> Project:
    """A project whose grid module prints when it is imported, and whenever one of its functions is called."""
    project.grid({"x": [1]}, more=PRINTS + PARSER + "noise()\n")
    return project


def told_by(text: str) -> list[str]:
    return [way for way in WAYS if f"noise of {way}\n" in text or f"noise by {way}\n" in text]


def test_a_search_prints_only_its_table(noisy: Project) -> None:
    result = noisy.search("--out_dir=out", "--force_out_dir")
    assert result.stdout == f"{noisy.path / 'out' / 'search_results.csv'}\n"
    assert told_by(result.stderr) == WAYS


def test_what_is_printed_at_the_end_of_the_process_is_no_result(project: Project) -> None:
    more = "import atexit, os\natexit.register(print, 'noise')\natexit.register(os.system, 'echo more noise')\n"
    project.grid({"x": [1]}, more=more)
    result = project.search("--out_dir=out", "--force_out_dir")
    assert result.stdout == f"{project.path / 'out' / 'search_results.csv'}\n"
    assert result.stderr.endswith("more noise\nnoise\n")


#: An open file that only its owner, a circle of objects, holds.
LOG = """\
class Log:
    def __init__(self):
        self.file, self.write = open("log.txt", "w"), self._write
    def _write(self, text):
        self.file.write(text)
LOG = Log()
LOG.write("imported")
"""


def test_what_a_grid_module_has_written_to_a_file_of_its_own_is_not_lost(project: Project) -> None:
    project.grid({"x": [1]}, more=LOG)
    # A new process, because Python's own end counts.
    program = "import sys; from hpsearch.__main__ import main; sys.exit(main())"
    project.command([sys.executable, "-c", program, "run", "--grid_module=config", "--dry_run"])
    assert (project.path / "log.txt").read_text() == "imported"


def test_a_dry_run_prints_only_commands(noisy: Project) -> None:
    result = noisy.search("--dry_run")
    assert ["./train.sh --x=1 " in line for line in result.stdout.splitlines()] == [True]


def test_a_resumed_search_prints_only_its_table(noisy: Project) -> None:
    noisy.search("--out_dir=out", "--force_out_dir")
    result = noisy.ask("retry", "out", "--run=1")
    assert result.stdout == f"{noisy.path / 'out' / 'search_results.csv'}\n"


def test_postprocessing_prints_only_its_table(noisy: Project) -> None:
    noisy.search("--out_dir=out", "--force_out_dir")
    result = noisy.ask("postprocess", "out", "--performance_criteria=1")
    assert result.stdout == f"{noisy.path / 'out' / 'postprocessing_results.csv'}\n", result.stderr


def test_seeds_print_only_what_pipes_take(noisy: Project) -> None:
    noisy.search("--out_dir=out", "--force_out_dir")
    result = noisy.ask("seeds", "--run_dir=out", "--num_seeds=2")
    assert len(result.stdout.splitlines()) == 2, result.stdout
    assert result.stdout.splitlines()[-1].startswith("config ")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_ends_no_search(noisy: Project, closed: str) -> None:
    words = " ".join(f"'{word}'" for word in noisy.argv("--out_dir=out", "--force_out_dir"))
    result = noisy.command(["bash", "-c", f"{words} {closed}"])
    assert result.exit_status == 0, result.stderr
    assert len(rows(noisy.path / "out")) == 1
    files = [path for path in (noisy.path / "out").rglob("*") if path.is_file()]
    assert [path.name for path in files if b"noise" in path.read_bytes()] == ["config.py"]


def test_a_program_that_captures_its_output_gets_only_the_results(noisy: Project) -> None:
    noisy.write(
        "notebook.py",
        "import io, sys\nfrom hpsearch import hpsearch\nreal = sys.stdout\nsys.stdout = io.StringIO()\n"
        "hpsearch.run(['--grid_module=config', '--visible_gpus=-1'])\n"
        "text, sys.stdout = sys.stdout.getvalue(), real\nprint('captured', text)\n",
    )
    result = noisy.command([sys.executable, "notebook.py"])
    assert result.exit_status == 0, result.stderr
    [line, _] = result.stdout.splitlines()
    assert Path(line.removeprefix("captured ")).name == "search_results.csv"


@pytest.mark.parametrize("error", ["class Odd(BaseException): pass", "Odd = GeneratorExit", "Odd = SystemExit"])
def test_a_judge_that_raises_anything_concerns_that_run_only(project: Project, error: str) -> None:
    project.grid({"x": [1]}, more=f"{error}\ndef judge(*_): raise Odd('boom')\n_PERFORMANCE_EVAL_HANDLE = judge\n")
    project.search("--out_dir=out", "--force_out_dir")
    result = project.ask("postprocess", "out", "--performance_criteria=1")
    assert (result.exit_status, "Traceback" in result.stderr) == (1, False), result.stderr
    assert "stays: _PERFORMANCE_EVAL_HANDLE: " in result.stderr


def test_a_copy_of_a_grid_module_that_raises_anything_is_one_line(project: Project) -> None:
    project.grid({"x": [1]})
    project.search("--out_dir=out", "--force_out_dir")
    (project.path / "config.py").unlink()
    (project.path / "out" / "config.py").write_text("class Odd(BaseException): pass\nraise Odd('boom')\n")
    (project.path / "out" / ".hpsearch" / "journal.jsonl").unlink()
    result = project.ask("postprocess", "out")
    assert result.exit_status == 2
    assert "config.py, line 2: Odd: boom; name the module itself with --grid_module=MODULE" in result.stderr
