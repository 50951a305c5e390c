"""Mistakes of users: exit status 2, one message that says what, where and what to do, and nothing is written."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from project import Project, Result, rows, wait_until

from hpsearch.search.command import main

MODULE = """\
grid = {"x": [1, 2]}
conditions = []
_SCRIPT_NAME = "train.py"
_SUMMARY_FILENAME = "summary.txt"
_SUMMARY_KEYWORDS = ["acc", "finished"]
"""


def refused(project: Project, *options: str) -> str:
    """Run a search that has to be refused; return the message."""
    return message_of(lambda: project.run(*options), project)


def message_of(run: Callable[[], Result], project: Project) -> str:
    """Make a call that has to be refused and to leave nothing; return its message."""
    before = sorted(project.path.rglob("*"))
    result = run()
    assert result.exit_status == 2, result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert sorted(path for path in project.path.rglob("*") if "__pycache__" not in path.parts) == before
    return result.stderr


@pytest.fixture
def refused_here(
    project: Project, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., str]]:
    """Like `refused`, but within this process: for tables of mistakes that are found before anything is started."""
    monkeypatch.chdir(project.path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "argv", ["hpsearch.py"])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def run(options: Sequence[str]) -> Result:
        try:
            status = main(project.argv(*options)[3:])
        except SystemExit as end:
            status = end.code
        return Result(int(str(status)), *capfd.readouterr())

    yield lambda *options: message_of(lambda: run(options), project)
    sys.modules.pop("config", None)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("grid = {}", "grid is empty; expected at least one option with a list of values"),
        ("del grid", "grid is missing; expected a dict: option -> list of values"),
        ("grid = [1]", "grid is [1]; expected a dict: option -> list of values"),
        ("grid = {'x': []}", "grid: 'x' has an empty list; expected at least one value"),
        ("grid = {'x': 3}", "grid: 'x' is 3; expected a list of values, as in [3]"),
        ("grid = {'x': 'abc'}", "grid: 'x' is 'abc'; expected a list of values, as in ['abc']"),
        ("grid = {'--x': [1]}", "grid: '--x' is no option name"),
        ("grid = {3: [1]}", "grid: 3 is no option name"),
        ("grid = {'x,y': [(1, 2)]}", "grid: 'x,y' is no option name; expected a text such as 'lr', without dashes in"),
        ("grid = {'x': ['a\\0b']}", "grid: 'x' has a value with a NUL character"),
        ("grid = {'out_dir': ['a']}", "grid: 'out_dir' is the output option (_OUT_ARG)"),
        ("conditions = [({'x': [1]}, {'out_dir': ['a']})]", "condition 1, second dict: 'out_dir' is the output option"),
        ("del conditions", "conditions is missing; expected a list of pairs of dicts"),
        ("conditions = {}", "conditions is {}; expected a list of pairs of dicts"),
        ("conditions = [({'x': [1]},)]", "condition 1 is ({'x': [1]},); expected a pair of dicts"),
        ("conditions = [({'x': [1]}, {'y': 2})]", "condition 1, second dict: 'y' is 2; expected a list of values"),
        ("conditions = [({'x': 1}, {'y': [2]})]", "condition 1, first dict: 'x' is 1; expected a list of values"),
        ("conditions = [({'x': [1]}, {})]", "condition 1: the second dict is empty"),
        ("del _SCRIPT_NAME", "_SCRIPT_NAME is missing; expected the script to run, as in 'train.py'"),
        ("_SCRIPT_NAME = 3", "_SCRIPT_NAME is 3; expected a text that is not empty"),
        ("_SCRIPT_NAME = 'no.py'", "_SCRIPT_NAME is 'no.py', but there is no file"),
        ("_SUMMARY_FILENAME = ''", "_SUMMARY_FILENAME is ''; expected a text that is not empty"),
        ("_SUMMARY_KEYWORDS = ['acc']", "_SUMMARY_KEYWORDS lacks 'finished'; it has acc"),
        ("_SUMMARY_KEYWORDS = 'finished'", "_SUMMARY_KEYWORDS is 'finished'; expected a list of texts"),
        ("_PERFORMANCE_KEY = 3", "_PERFORMANCE_KEY is 3; expected one of _SUMMARY_KEYWORDS"),
        ("_PERFORMANCE_KEY = 'ac'", "has only acc, finished; did you mean 'acc'?"),
        ("_SCRIPT_NAME = 'trian.py'", "trian.py; did you mean 'train.py'?"),
        ("_SUMMARY_KEYWORDS = ['acc', 'Finished']", "it has acc, Finished; write 'finished' instead of 'Finished'"),
        ("gird = grid\ndel grid", "config.py, line 6: gird means nothing here; did you mean grid? That is missing;"),
        ("conditions = ({'x': [1]}, {'y': [2]})", "conditions is one pair of dicts; expected a list of pairs: [({'a'"),
        ("grid = {\n  'x': [1],\n  'y': 3}", "config.py, line 8: grid: 'y' is 3; expected a list of values"),
        ("grid['y'] = 3", "config.py, line 6: grid: 'y' is 3; expected a list of values"),
        ("conditions = [\n  ({}, {'y': [1]}),\n  3]", "config.py, line 8: condition 2 is 3; expected a pair of dicts"),
        ("_PERFORMANCE_KEY = 'loss'", "_PERFORMANCE_KEY is 'loss', but _SUMMARY_KEYWORDS has only acc, finished"),
        ("_SUMMARY_PARSER_HANDLE = 'f'", "_SUMMARY_PARSER_HANDLE is 'f'; expected a function or None"),
        ("import no_such_module", "config.py, line 6: ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise RuntimeError('boom')", "config.py, line 6: RuntimeError: boom"),
        ("grid = {", "config.py, line 6: '{' was never closed"),
        ("import sys; sys.exit(3)", "config.py, line 6: SystemExit: 3"),
        ("class Odd(BaseException): pass\nraise Odd('boom')", "config.py, line 7: Odd: boom"),
        ("def __getattr__(name): raise ValueError('boom')", "config.py, line 6: ValueError: boom"),
        ("import sys; sys.modules[__name__] = 3", "grid is missing; expected a dict"),
        (
            "class Odd(list):\n  def __iter__(s): raise OSError('boom')\ngrid = {'x': Odd([1])}",
            "line 7: OSError: boom",
        ),
        ("class Odd(dict):\n  def items(self): raise OSError('boom')\ngrid = Odd(x=[1])", "line 7: OSError: boom"),
        ("class Odd:\n  def __getattr__(self, name): 1 / 0\ngrid = {'x': Odd()}", "line 7: ZeroDivisionError: "),
        ("class Odd:\n  def __getattr__(self, name): 1 / 0\ngrid = {'x': [Odd()]}", "line 7: ZeroDivisionError: "),
        ("grid = []", "grid is []; expected a dict: option -> list of values, or a list of such dicts"),
        ("grid = [\n  {'x': [1]},\n  {'y': 3}]", "config.py, line 8: grid 2: 'y' is 3; expected a list of values"),
        ("grid = [{'x': [1]}, 5]", "line 6: grid 2 is 5; expected a dict: option -> list of values"),
        ("grid = [{'x': [1]}, {}]", "line 6: grid 2 is empty; expected at least one option"),
        ("grid = {\n  ('x',): [(1,)]}", "line 7: grid: ('x',) ties nothing together; expected two names or more"),
        ("grid = {('x', 'x'): [(1, 2)]}", "grid: ('x', 'x') names 'x' again; an option can stand there only once"),
        ("grid = {'x': [1], ('y', 'x'): [(1, 2)]}", "grid: ('y', 'x') names 'x' again"),
        ("grid = {('x', 3): [(1, 2)]}", "grid: 3 is no option name"),
        ("grid = {('x', 'out_dir'): [(1, 2)]}", "grid: 'out_dir' is the output option (_OUT_ARG)"),
        ("grid = {('x', 'y'): []}", "grid: ('x', 'y') has an empty list; expected at least one value"),
        ("grid = {('x', 'y'): [(1, 2), (3,)]}", "grid: ('x', 'y') has (3,); expected tuples of 2 values, one for each"),
        ("grid = {('x', 'y'): ['ab']}", "grid: ('x', 'y') has 'ab'; expected tuples of 2 values, one for each"),
        ("grid = {('x', 'y'): zip([1], [2])}", "; expected a list of values, as in list(...)"),
        ("grid = {('x', 'y'): [(1, max)]}", "grid: ('x', 'y') has a value with <built-in function max>"),
        ("conditions = [({('x', 'y'): [(1, 2)]}, {'y': [1]})]", "condition 1, first dict: ('x', 'y') is a tie; name"),
        ("conditions = [({}, {('x', 'y'): [1]})]", "condition 1, second dict: ('x', 'y') has 1; expected tuples"),
        ("constraints = max", "constraints is <built-in function max>; expected a list of functions, f(configuration)"),
        ("constraints = [\n  max,\n  3]", "line 8: constraint 2 is 3; expected a function, f(configuration) -> True"),
        ("constraint = [max]\ndel grid", "line 6: constraint means nothing here; did you mean constraints?"),
        (
            "constraints = [lambda o: None]",
            "config.py: constraint 1 returned None; expected True (keep) or False (for",
        ),
        ("constraints = [\n  lambda o: o['y']]", "config.py, line 7: KeyError: 'y' (for x="),
        ("import os\nconstraints = [lambda o: os._exit(3)]", "the process that called it ended with status 3 (for x="),
        ("constraints = [lambda o: False]", "the constraints leave out every configuration"),
    ],
)
def test_a_mistake_in_the_grid_module_is_named(
    project: Project, refused_here: Callable[..., str], line: str, message: str
) -> None:
    project.write("train.py", "")
    project.write("config.py", MODULE + line + "\n")
    assert message in refused_here()


MANY_MISTAKES = """grid = {
    'x': 3,
    '-y': [],
}
_SUMMARY_KEYWORDS = ['acc']
_PERFORMANCE_KEY = 'loss'
_SCRIPT_NAME = 'no.py'
_PERFORMANCE_SORT_ASCENDING = True
"""


def test_several_mistakes_in_one_module_are_all_listed(project: Project) -> None:
    project.write("config.py", MANY_MISTAKES)
    message = refused(project).partition("config.py: ")[2]
    assert message.splitlines() == [
        "9 mistakes:",
        "  - conditions is missing; expected a list of pairs of dicts (may be empty: conditions = [])",
        "  - _SUMMARY_FILENAME is missing; expected the file with a run's results, as in 'summary.txt'",
        "  - line 2: grid: 'x' is 3; expected a list of values, as in [3]",
        "  - line 3: grid: '-y' is no option name; expected a text such as 'lr', without dashes in front, or for a tie "
        "a tuple of such texts",
        "  - line 3: grid: '-y' has an empty list; expected at least one value",
        "  - line 5: _SUMMARY_KEYWORDS lacks 'finished'; it has acc",
        "  - line 6: _PERFORMANCE_KEY is 'loss', but _SUMMARY_KEYWORDS has only acc",
        f"  - line 7: _SCRIPT_NAME is 'no.py', but there is no file {project.path / 'no.py'}; is --run_cwd right?",
        "  - line 8: _PERFORMANCE_SORT_ASCENDING means nothing here; did you mean _PERFORMANCE_SORT_ASC?",
    ]


def test_what_a_misspelled_name_holds_is_checked_too(project: Project) -> None:
    project.write("train.py", "")
    project.write(
        "config.py", MODULE + "gird = {\n  'x': 3}\n_SUMARY_KEYWORDS = ['acc']\ndel grid, _SUMMARY_KEYWORDS\n"
    )
    assert [line.partition(";")[0] for line in refused(project).splitlines()[1:]] == [
        "  - line 6: gird means nothing here",
        "  - line 7: grid: 'x' is 3",
        "  - line 8: _SUMARY_KEYWORDS means nothing here",
        "  - line 8: _SUMMARY_KEYWORDS lacks 'finished'",
    ]


def test_all_mistakes_of_a_condition_are_listed(project: Project) -> None:
    conditions = [({"x": 1}, {}), ({"x": [1]}, {"y": [], "z": 3})]
    project.grid({"x": [1]}, conditions=conditions)
    assert [line.partition("condition ")[2] for line in refused(project).splitlines()[1:]] == [
        "1: the second dict is empty; expected at least one option with a list of values",
        "1, first dict: 'x' is 1; expected a list of values, as in [1]",
        "2, second dict: 'y' has an empty list; expected at least one value",
        "2, second dict: 'z' is 3; expected a list of values, as in [3]",
    ]


def test_a_mistake_in_the_grid_config_is_named_with_that_file(project: Project) -> None:
    project.grid({"x": [1]}, more="\n_PERFORMANCE_KEY = 'loss'\n")
    file = project.write("g.json", '{"grid": {"x": 1}}')
    lines = refused(project, "--grid_config=g.json").splitlines()
    assert lines[1] == f"  - --grid_config={file}: grid: 'x' is 1; expected a list of values, as in [1]"
    assert "_PERFORMANCE_KEY is 'loss'" in lines[2]


def test_a_name_that_is_nearly_right_is_a_warning(project: Project) -> None:
    project.grid({"x": [1]}, more="\n_PERFORMANCE_SORT_ASCENDING = True\n")
    result = project.search("--dry_run")
    assert result.exit_status == 0
    assert "_PERFORMANCE_SORT_ASCENDING means nothing here; did you mean _PERFORMANCE_SORT_ASC?" in result.stderr


def test_a_search_that_ranks_by_finished_says_so(project: Project) -> None:
    project.grid({"x": [1]}, keywords=("finished", "acc"))
    told = project.ask("run", "--grid_module=config", "--dry_run").stderr
    assert "warning: runs are ranked by 'finished', which is 1 for all of them: let _SUMMARY_KEYWORDS begin" in told
    project.grid({"x": [1]}, keywords=("finished", "acc"), more='_PERFORMANCE_KEY = "acc"')
    assert "warning" not in project.ask("run", "--grid_module=config", "--dry_run").stderr


def test_fault_15_an_empty_then_is_an_error_at_once(project: Project) -> None:
    project.grid({"x": [1]}, conditions=[({"x": [1]}, {})])
    assert "condition 1: the second dict is empty; expected at least one option" in refused(project)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--grid_module=no.such"], "there is no module 'no'"),
        (["--grid_module=cnofig"], "there is no module 'cnofig'; did you mean config?"),
        (["--grid_module=numbers"], "--grid_module=numbers: this name belongs to a module of Python's own ("),
        (["--grid_module=sys"], "--grid_module=sys: this name belongs to a module of Python's own;"),
        (["--grid_module=iniconfig"], "5 mistakes:\n  - _SUMMARY_KEYWORDS is missing"),
        (["--grid_module=.config"], "--grid_module=.config: expected a dotted module name, as in --grid_module=config"),
        (["--grid_module=sims/config.py"], "expected a dotted module name, as in --grid_module=sims.config"),
        (["--run_cwd=nowhere"], "--run_cwd=nowhere: there is no such folder"),
        (["--grid_config=nothing.json"], "nothing.json: cannot be read (No such file or directory)"),
        (["--set=x"], "argument --set: expected NAME=V1,V2, as in lr=0.1,0.2, found 'x'"),
        (["--set=x=1", "--set=x=2"], "--set x: given twice; write all its values in one, as in --set x=1,2"),
        (["--set=--x=1"], "hpsearch: --set: '--x' is no option name; expected a text such as 'lr', without dashes in"),
        (["--set=out_dir=1"], "hpsearch: --set: 'out_dir' is the output option (_OUT_ARG), which hpsearch sets"),
        (["--num_searches=0"], "expected a positive number, or -1 for no limit, found 0"),
        (["--num_searches=-2"], "expected a positive number, or -1 for no limit, found -2"),
        (["--num_searches=ten"], "expected a whole number, found 'ten'"),
        (["--num_jobs=0"], "expected a whole number of at least 1, found 0"),
        (["--num_cpu_jobs=0"], "expected a whole number of at least 1, found 0"),
        (["--num_hours=0"], "expected a positive number of hours (24, 0.5) or H:MM, found '0'"),
        (["--num_hours=1:75"], "expected a positive number of hours (24, 0.5) or H:MM, found '1:75'"),
        (["--allowed_load=1.5"], "expected a number between 0 and 1, found '1.5'"),
        (["--allowed_memory=nan"], "expected a number between 0 and 1, found 'nan'"),
        (["--visible_gpus=a"], "expected GPU indices such as 0,1,3 (each once), or -1, found 'a'"),
        (["--visible_gpus=0,0"], "expected GPU indices such as 0,1,3 (each once), or -1, found '0,0'"),
        (["--sim_startup_time=-1"], "expected a whole number of at least 0, found -1"),
        (["--retries=-1"], "expected a whole number of at least 0, found -1"),
        (["--random_seed=-1"], "expected a whole number from 0 to 4294967295, found -1"),
        (["--scheduler=pbs"], "expected lsf, slurm, or MODULE:NAME of a scheduler's module, found 'pbs'"),
        (["--dont_generate_full_grid"], "say how many with --num_searches=N"),
        (["--num_seeds=0"], "expected a whole number of at least 1, found 0"),
        (["--seeds_list=,"], "expected whole numbers such as 42,43,44, found ','"),
        (["--num_seeds=2", "--seed_option=--s"], "expected an option's name such as seed, without dashes in front"),
        (["--num_seeds=2", "--seed_option=out_dir"], "--seed_option=out_dir: that is the output option (_OUT_ARG)"),
        (["--num_seeds=2", "--seed_option=w"], "config.py: the grid has w=1 or 2, but --num_seeds gives every"),
        (["--num_seeds=2", "--seed_option=y"], "config.py: condition 1 names y, but every configuration is run under"),
        (["--num_seeds=2", "--seed_option=z"], "config.py: condition 2 names z, but every configuration is run under"),
        (["--resume=nowhere"], "--resume=nowhere: there is no such folder; give the one that holds"),
        (["--no_such_option"], "unrecognized arguments: --no_such_option"),
    ],
)
def test_a_mistake_on_the_command_line_is_named(
    project: Project, refused_here: Callable[..., str], options: list[str], message: str
) -> None:
    project.grid({"x": [1], "w": [1, 2]}, [({"x": [1]}, {"y": [5]}), ({"z": [1]}, {"x": [1]})])
    assert message in refused_here(*options)


def test_no_grid_module_at_all_says_how_to_give_one(project: Project) -> None:
    assert "say what to search: --grid_module=NAME" in refused(project, "--grid_module=")


def test_an_existing_folder_is_refused(project: Project) -> None:
    project.grid({"x": [1]})
    (project.path / "out").mkdir()
    assert "--out_dir=out: the folder exists already" in refused(project, "--out_dir=out", "--force_out_dir")


def test_options_that_shape_the_plan_are_refused_when_resuming(project: Project) -> None:
    project.grid({"x": [1]})
    folder = project.search().folder
    assert "--num_searches cannot be given with --resume" in refused(project, f"--resume={folder}", "--num_searches=3")


def test_fault_11_a_pickle_that_would_run_code_is_refused_and_runs_none(project: Project) -> None:
    project.grid({"x": [1]})

    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch '{project.path}/owned'",)

    (project.path / "bad.pickle").write_bytes(pickle.dumps({"grid": Hostile()}))
    message = refused(project, "--grid_config=bad.pickle")
    assert "expected a pickle of plain data, but it holds an object of the class posix.system" in message


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("c.json", b"{", "expected JSON, but "),
        ("c.json", b"[1]", "expected a dict with 'grid' and/or 'conditions'"),
        ("c.pickle", b"nonsense", "expected a pickle of plain data, but "),
        ("c.pickle", pickle.dumps({"a": 1}), "expected a dict with 'grid' and/or 'conditions'"),
    ],
)
def test_a_broken_grid_config_is_named(project: Project, name: str, content: bytes, message: str) -> None:
    project.grid({"x": [1]})
    (project.path / name).write_bytes(content)
    assert message in refused(project, f"--grid_config={name}")


def test_an_unwritable_place_is_named(project: Project) -> None:
    project.grid({"x": [1]})
    project.write("file", "")
    message = refused(project, "--out_dir=file/out")
    assert "cannot be made (Not a directory" in message
    assert "give another --out_dir" in message


@pytest.fixture
def small_disk(tmp_path: Path) -> object:
    """A file system of one megabyte."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    mounted = shutil.which("mount") and os.geteuid() == 0
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], check=False) if mounted else None
    if done is None or done.returncode:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_disk_that_is_full_at_the_start_leaves_no_folder(project: Project, small_disk: Path) -> None:
    project.grid({"x": [1]})
    (small_disk / "ballast").write_bytes(b"x" * (1024 * 1024 - 8192))
    result = project.run(f"--out_dir={small_disk}/out")
    assert result.exit_status == 2
    assert "No space left on device" in result.stderr
    assert "Traceback" not in result.stderr
    assert [path.name for path in small_disk.iterdir()] == ["ballast"]


def test_a_search_that_is_stopped_on_a_full_disk_loses_nothing(project: Project, small_disk: Path) -> None:
    fill = "open(os.path.join(out_dir, '../../ballast'), 'ab').write(b'x' * 2**20) if options['x'] == '3' else 0\n"
    script = (
        "import os, sys\noptions = dict(word[2:].partition('=')[::2] for word in sys.argv[1:])\n"
        "out_dir = options['out_dir']\nos.makedirs(out_dir)\n"
        "open(out_dir + '/summary.txt', 'w').write('acc %s\\nfinished 1\\n' % options['x'])\n"
        "try:\n    " + fill + "except OSError:\n    pass\n"
    )
    project.grid({"x": [1, 2, 3, 4]}, script=script)
    out = small_disk / "out"
    with (project.path / "said").open("w") as said:
        argv = project.argv(f"--out_dir={out}", "--force_out_dir", "--deterministic_search")
        with subprocess.Popen(
            argv, cwd=project.path, env=project.environ(), stdout=subprocess.DEVNULL, stderr=said
        ) as search:
            wait_until(lambda: "No space left" in (project.path / "said").read_text(), "the search has no room")
            search.send_signal(signal.SIGINT)
            assert search.wait(timeout=60) in (1, 130)
    (small_disk / "ballast").unlink(missing_ok=True)
    told = (project.path / "said").read_text()
    assert "Traceback" not in told
    assert "--resume" in told
    resumed = project.run(f"--resume={out}")
    assert resumed.exit_status == 0, resumed.stderr
    assert sorted(row["acc"] for row in rows(out)) == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("value", "error"),
    [(repr("\ud800"), "UnicodeEncodeError"), ("10**5000", "ValueError"), ("__import__('bad').Bad()", "RuntimeError")],
)
def test_a_value_that_is_no_text_is_named(project: Project, value: str, error: str) -> None:
    project.write("bad.py", "class Bad:\n    def __str__(self):\n        raise RuntimeError('no text')\n")
    project.write("train.py", "")
    project.write("config.py", MODULE + f"grid = {{'x': [{value}]}}\n")
    assert f"grid: 'x' has a value that cannot be written as text ({error}: " in refused(project)


@pytest.mark.parametrize("interpreter", ["python3 'x", "no-such-python"])
def test_an_interpreter_that_cannot_be_started_is_named(project: Project, interpreter: str) -> None:
    project.grid({"x": [1]})
    assert f"--interpreter={interpreter}: " in refused(project, f"--interpreter={interpreter}")


def test_searches_that_start_in_one_second_take_two_folders(project: Project) -> None:
    project.grid({"x": [1, 2]})
    starts = [project.start() for _ in range(4)]
    ends = [(start.communicate()[0], start.returncode) for start in starts]
    assert [status for _, status in ends] == [0] * 4
    assert len({Path(printed.splitlines()[-1]).parent for printed, _ in ends}) == 4
    assert all(len(rows(Path(printed.splitlines()[-1]).parent)) == 2 for printed, _ in ends)


def test_another_script_in_the_same_folder_is_refused(project: Project) -> None:
    project.grid({"x": [1]})
    options = ("--out_dir=out", "--force_out_dir", "--dont_force_new_dir")
    project.search(*options)
    project.grid({"x": [2]}, script_name="other.sh")
    assert "the search there has program" in refused(project, *options)


@pytest.mark.parametrize("words", ["run --grid_module=config", "postprocess out", "seeds --run_dir=out"])
def test_a_current_folder_that_is_gone_is_said_in_one_line(project: Project, words: str) -> None:
    line = f'mkdir gone && cd gone && rmdir ../gone && "{sys.executable}" -m hpsearch {words}'
    result = project.command(["bash", "-c", line])
    assert (result.exit_status, result.stdout) == (2, "")
    assert result.stderr == "hpsearch: the current folder does not exist any more: start this from another one\n"


def test_a_subcommand_with_a_typo_gets_one_line(project: Project) -> None:
    result = project.ask("statsu")
    assert (result.exit_status, result.stdout) == (2, "")
    assert result.stderr == (
        "hpsearch: there is no command 'statsu'; did you mean status? (hpsearch --help lists them)\n"
    )


def test_an_option_without_a_subcommand_is_told_where_it_belongs(project: Project) -> None:
    result = project.ask("--grid_module=config")
    assert (result.exit_status, result.stdout) == (2, "")
    assert result.stderr == (
        "hpsearch: a command is missing before '--grid_module=config'; "
        "for a search: hpsearch run --grid_module=config ...\n"
    )


@pytest.mark.parametrize("words", ["run --nosuch", "resume out --nosuch", "retry out --nosuch", "retry out --run x"])
def test_a_mistake_in_an_option_is_not_buried_under_all_options(project: Project, words: str) -> None:
    result = project.ask(*words.split())
    assert (result.exit_status, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 2


def test_the_help_names_the_current_folder_in_words(project: Project) -> None:
    assert "Default: the current folder." in " ".join(project.ask("run", "--help").stdout.split())


@pytest.mark.parametrize(
    "options, message",
    [
        (["--scheduler=slurm", "--slurm_options=--output=x"], "--slurm_options: --output=x cannot be given"),
        (["--lsf_options=-o x"], "--lsf_options: -o cannot be given"),
        (["--job_setup=none.sh"], "none.sh: cannot be read"),
    ],
)
def test_a_dry_run_refuses_options_for_a_cluster_that_the_search_would_refuse(
    project: Project, options: list[str], message: str
) -> None:
    project.write("config.py", MODULE)
    project.write("train.py", "")
    assert message in refused(project, "--dry_run", "--run_cluster", *options)
