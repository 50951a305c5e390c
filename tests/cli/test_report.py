"""`hpsearch report`: the page as a file, its content, and what is refused."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from older_tool import OlderSearch
from project import Project, journal_has, wait_until
from report_content import problems_of, unpacked

#: Leaves a number and a curve; fails where x is 3, waits where x is 4.
SCRIPT = """\
import os, sys, time
options = dict(word[2:].partition("=")[::2] for word in sys.argv[1:])
print("x is", options["x"], flush=True)
if options["x"] == "3":
    raise ValueError("three </script> \\u202e is odd")
while options["x"] == "4" and not os.path.exists("go"):
    time.sleep(0.005)
os.makedirs(options["out_dir"])
with open(options["out_dir"] + "/summary.txt", "w") as file:
    file.write("acc %s\\nloss 3 2 1\\nfinished 1\\n" % options["x"])
"""
KEYWORDS = ("acc", "loss", "finished")


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A search `out` with three finished runs and one that failed. Tests only read it."""
    project = Project(tmp_path_factory.mktemp("my project"))
    project.grid({"x": [0.5, 2, 3], "name": ["a b"]}, [({"x": [2]}, {"more": [1, 2]})], SCRIPT, keywords=KEYWORDS)
    assert project.run("--out_dir=out", "--force_out_dir").exit_status == 1
    return project


def content_in(path: Path) -> dict[str, Any]:
    """Return what a page shows."""
    found = re.search('<script type="application/json" id="content">(.*?)</script>', path.read_text(), re.DOTALL)
    assert found is not None
    content: dict[str, Any] = unpacked(json.loads(found[1]))
    return content


def content_of(project: Project, *words: str) -> dict[str, Any]:
    """Return what the page shows that a command writes."""
    result = project.ask("report", *words, "-o", "page.html")
    assert result.exit_status == 0, result.stderr
    return content_in(project.path / "page.html")


def column(content: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in content["columns"] if each["name"] == name)


def test_the_page_lies_in_the_current_folder_and_holds_everything(searched: Project) -> None:
    result = searched.ask("report", "out")
    assert (result.exit_status, result.stdout) == (0, "")
    assert re.fullmatch(r"report\.html: 4 runs of out \(\d\.\d MB\)\n", result.stderr)
    page = (searched.path / "report.html").read_text()
    assert "plotly.js" in page
    assert re.findall(r"""(?:src|href)=["']?(?:https?:|//)""", page.partition("plotly.js")[0]) == []


def test_the_content_tells_of_runs_options_and_results(searched: Project) -> None:
    content = content_of(searched, "out")
    assert [search["name"] for search in content["searches"]] == ["out"]
    assert content["searches"][0]["counts"] == {"finished": 3, "failed": 1}
    assert content["performance"] == {"key": "acc", "larger": True}
    assert [each["name"] for each in content["columns"]] == ["x", "name", "more", "acc", "loss"]
    assert column(content, "acc")["cells"] == [0.5, 2, 2, None]
    assert column(content, "loss")["cells"] == [[3, 2, 1], [3, 2, 1], [3, 2, 1], None]
    assert column(content, "more")["codes"] == [None, 0, 1, None]
    assert content["runs"]["number"] == [1, 2, 3, 4]
    assert content["states"] == ["finished", "failed"]


def test_the_content_is_what_the_page_expects(searched: Project, tmp_path: Path) -> None:
    OlderSearch(tmp_path / "older").run({"lr": 0.1, "flag": True}, summary="acc 0.9\nfinished 1\n")
    assert problems_of(content_of(searched, "out", str(tmp_path / "older"))) == []


def test_the_words_of_a_run_are_its_command(searched: Project) -> None:
    content = content_of(searched, "out")
    program = content["programs"][content["runs"]["program"][1]]
    options = [column(content, name) for name in ("x", "name", "more")]
    words = [option["words"][option["codes"][1]] for option in options]
    line = (searched.path / "out" / "commands.sh").read_text().splitlines()[-3]
    assert " ".join([program, *words, content["runs"]["out"][1]]) == line


def test_what_decides_about_the_performance_is_told_of_finished_runs(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.grid({"x": [0.5, 2, 5, 3], "y": ["a", "b", "c"]}, [], SCRIPT.replace('"3"', '"none"'), keywords=KEYWORDS)
    assert project.run("--out_dir=out", "--force_out_dir").exit_status == 0
    importance = content_of(project, "out")["importance"]
    assert (importance["key"], importance["runs"], importance["method"]) == ("acc", 12, "exact")
    assert importance["shares"] == [["x", 1.0], ["y", 0.0]]


def test_few_runs_do_not_tell_what_decides(searched: Project) -> None:
    importance = content_of(searched, "out")["importance"]
    assert (importance["runs"], importance["shares"]) == (3, [])


def test_equal_results_tell_nothing_of_what_decides(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.grid({"x": [1], "y": ["a", "b", "c", "d"], "z": [1, 2, 5]}, [], SCRIPT, keywords=KEYWORDS)
    assert project.run("--out_dir=out", "--force_out_dir").exit_status == 0
    importance = content_of(project, "out")["importance"]
    assert (importance["runs"], importance["shares"]) == (12, [])
    assert importance["text"].endswith(": all values are equal.")


def test_failures_have_their_cause_and_the_end_of_their_log(searched: Project) -> None:
    content = content_of(searched, "out")
    (failure,) = content["failures"]
    assert (failure["runs"], failure["log"]) == ([3], 3)
    assert failure["cause"] == "ValueError: three </script> is odd (train.py:5)"
    assert content["causes"][content["runs"]["cause"][3]] == failure["cause"]
    assert content["logs"]["3"].splitlines()[-1] == "ValueError: three </script>  is odd"
    assert content["logs"]["0"] == "x is 0.5"


def test_two_searches_share_a_page_and_are_told_apart(searched: Project, tmp_path: Path) -> None:
    OlderSearch(tmp_path / "older").run({"lr": 0.1}, summary="acc 0.9\nfinished 1\n")
    content = content_of(searched, "out", str(tmp_path / "older"))
    names = [search["name"] for search in content["searches"]]
    assert (len(set(names)), names[1].endswith("older")) == (2, True)
    assert content["runs"]["search"] == [0, 0, 0, 0, 1]
    assert column(content, "acc")["cells"] == [0.5, 2, 2, None, 0.9]
    assert column(content, "lr")["codes"] == [None, None, None, None, 0]


def test_runs_that_differ_in_an_option_named_with_over_are_told(searched: Project) -> None:
    assert content_of(searched, "out", "--over", "more")["seeds"] == ["more"]


def test_an_option_named_with_over_may_be_that_of_one_search(searched: Project, tmp_path: Path) -> None:
    other = Project(tmp_path)
    other.grid({"z": [1]}, [], SCRIPT.replace('"x"', '"z"'), keywords=KEYWORDS)
    assert other.run("--out_dir=other", "--force_out_dir").exit_status == 0
    assert content_of(searched, str(tmp_path / "other"), "out", "--over", "more")["seeds"] == ["more"]


def test_an_option_that_no_run_has_is_refused(searched: Project) -> None:
    result = searched.ask("report", "out", "--over", "mores", "-o", "page.html")
    assert result.exit_status == 2
    assert "did you mean 'more'?" in result.stderr


def test_only_an_earlier_report_is_overwritten_unasked(project: Project, searched: Project) -> None:
    own = project.write("report.html", "my own page")
    folder = str(searched.path / "out")
    refused = project.ask("report", folder)
    assert (refused.exit_status, own.read_text()) == (2, "my own page")
    assert refused.stderr == f"hpsearch: {own}: this file is no report, and stays; give another one with -o FILE\n"
    assert project.ask("report", folder, "-o", "report.html").exit_status == 0
    assert project.ask("report", folder).exit_status == 0


@pytest.mark.parametrize("name", ["out", "out/search_results.csv", "out/.hpsearch/journal.jsonl", "out/commands.sh"])
def test_a_folder_or_a_file_of_the_search_is_never_overwritten(searched: Project, name: str) -> None:
    before = (searched.path / "out" / "commands.sh").read_bytes()
    result = searched.ask("report", "out", "-o", name)
    assert (result.exit_status, result.stdout) == (2, "")
    assert f"hpsearch: -o {searched.path / name}: " in result.stderr
    assert (searched.path / "out" / "commands.sh").read_bytes() == before


def test_the_files_of_a_run_are_never_overwritten(searched: Project) -> None:
    summary = next((searched.path / "out").glob("*/summary.txt"))
    before = summary.read_bytes()
    result = searched.ask("report", "out", "-o", str(summary))
    told = f"hpsearch: -o {summary}: this is one of the search's own files; give another file\n"
    assert (result.exit_status, result.stderr, summary.read_bytes()) == (2, told, before)


def test_an_earlier_report_in_the_search_folder_is_written_again(searched: Project) -> None:
    results = [searched.ask("report", "out", "-o", "out/page.html") for _ in range(2)]
    assert [result.exit_status for result in results] == [0, 0]


def test_a_link_to_itself_is_told_in_one_line(searched: Project) -> None:
    link = searched.path / "link"
    link.symlink_to(link)
    result = searched.ask("report", "out", "-o", "link")
    told = f"hpsearch: -o {link}: expected a file, found a link that leads back to itself\n"
    assert (result.exit_status, result.stderr) == (2, told)


def test_failures_without_a_cause_are_named_by_their_state(project: Project, tmp_path: Path) -> None:
    OlderSearch(tmp_path / "older").run({"lr": 0.1}, summary="acc 0.9\nfinished 0\n")
    content = content_of(project, str(tmp_path / "older"))
    assert [failure["cause"] for failure in content["failures"]] == ["unfinished"]


def test_a_machine_without_a_browser_is_no_error(project: Project, searched: Project) -> None:
    project.environment |= {"PATH": "/nowhere", "BROWSER": "", "DISPLAY": ""}
    result = project.ask("report", str(searched.path / "out"), "--open")
    page = project.path / "report.html"
    assert (result.exit_status, result.stderr.splitlines()[1:]) == (0, [f"there is no browser here; the page: {page}"])


def test_without_plotly_one_line_says_how_to_install_it(project: Project, searched: Project) -> None:
    hidden = "import sys; sys.modules['plotly'] = None; from hpsearch.__main__ import main; sys.exit(main())"
    result = project.end(project.start_python(hidden, "report", str(searched.path / "out")))
    told = 'hpsearch: the report needs plotly, which is not installed: pip install "hpsearch[report]"\n'
    assert (result.exit_status, result.stderr) == (2, told)
    assert not (project.path / "report.html").exists()


def test_watching_goes_on_until_the_search_ends(project: Project) -> None:
    project.grid({"x": [1, 4]}, script=SCRIPT, keywords=KEYWORDS)
    search = project.start("--out_dir=out", "--force_out_dir")
    wait_until(lambda: journal_has(project.path / "out", "submitted", 2), "the second run has started")
    watching = project.start_command([*project.argv()[:2], "hpsearch", "report", "out", "--watch", "1"])
    page = project.path / "report.html"
    wait_until(page.exists, "the first page is there")
    first = content_in(page)
    project.go()
    project.end(search)
    result = project.end(watching)
    assert result.exit_status == 0, result.stderr
    last = content_in(page)
    assert (first["searches"][0]["counts"], first["watch_s"]) == ({"finished": 1, "running": 1}, 1)
    assert (last["searches"][0]["counts"], last["watch_s"]) == ({"finished": 2}, None)


def test_ctrl_c_ends_watching_quietly(project: Project) -> None:
    project.grid({"x": [4]}, script=SCRIPT, keywords=KEYWORDS)
    search = project.start("--out_dir=out", "--force_out_dir")
    wait_until(lambda: journal_has(project.path / "out", "submitted", 1), "the run has started")
    watching = project.start_command([*project.argv()[:2], "hpsearch", "report", "out", "--watch"])
    wait_until((project.path / "report.html").exists, "the first page is there")
    os.kill(watching.pid, signal.SIGINT)
    result = project.end(watching)
    project.go()
    project.end(search)
    # Ctrl-C may come before it says what it has written.
    assert (result.exit_status, re.sub(r"\Areport\.html: .*\n", "", result.stderr)) == (0, "")
