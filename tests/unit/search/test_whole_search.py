"""A whole search in this process: planned, run on the fake backend, resumed, extended, retried and cancelled."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from whole_searches import Searches, told

from hpsearch.config.grid_module import config_for
from hpsearch.config.options import SearchOptions
from hpsearch.config.program import resume_hint
from hpsearch.core.errors import ConfigError, ControllerPresent, StoreError, SubmissionRefused, UsageError
from hpsearch.core.model import CodeTree, Configuration
from hpsearch.folder.liveness import this_controller
from hpsearch.journal.events import RunReused
from hpsearch.search import command
from hpsearch.search.plan import make_plan, plan_lines
from hpsearch.search.resume import RunChoice, check_is_free
from hpsearch.search.search import SearchEnd
from hpsearch.store.journal_file import JournalReader
from hpsearch.store.live import LiveSearch
from hpsearch.store.lock import Holder


def test_a_search_whose_runs_all_finish_ends_with_its_table_and_status_0(searches: Searches) -> None:
    assert searches.run() == SearchEnd(searches.here / "out" / "search_results.csv", 0)
    assert searches.states() == {1: "finished", 2: "finished"}


def test_a_search_with_a_failed_run_ends_with_status_1(searches: Searches) -> None:
    searches.backend.exit_statuses = {1: 3}
    assert searches.run().exit_status == 1
    assert searches.states() == {1: "failed", 2: "finished"}


def test_a_search_tells_of_each_start_and_end_and_of_the_best_runs(
    searches: Searches, capsys: pytest.CaptureFixture[str]
) -> None:
    searches.backend.exit_statuses = {2: 3}
    searches.run(retries=1)
    lines = [re.sub(r"after \d.*? s|\([\d.]+ s\)", "TIME", line) for line in told(capsys)]
    assert [line for line in lines if line.startswith("run ")] == [
        "run 1/2 started: x=1",
        "run 1/2 finished TIME (x=1): acc 1.1 [1 of 2 done]",
        "run 2/2 started: x=2",
        "run 2/2 failed TIME (x=2): exit status 3; running it again",
        "run 2/2 started, attempt 2: x=2",
        "run 2/2 failed TIME (x=2): exit status 3 [2 of 2 done]",
        "run 2 failed: exit status 3",
    ]
    assert [line for line in lines if line.startswith("2 runs")] == ["2 runs: 1 finished, 1 failed TIME"]


def test_a_working_folder_that_is_missing_is_refused_by_the_name_of_its_option(searches: Searches) -> None:
    with pytest.raises(UsageError, match=r"^--run_cwd=nowhere: "):
        searches.run(run_cwd="nowhere")


def test_an_empty_out_dir_is_refused(searches: Searches) -> None:
    with pytest.raises(UsageError, match=r"^--out_dir: expected a folder, found an empty text$"):
        searches.run("")


def test_the_output_option_cannot_hold_the_seed(searches: Searches) -> None:
    with pytest.raises(ConfigError, match=r"^--seed_option=out_dir: that is the output option"):
        searches.run(num_seeds=2, seed_option="out_dir")


def test_a_race_begins_with_as_many_seeds_as_its_test_needs(searches: Searches) -> None:
    assert searches.run(num_seeds=4, seed_option="seed", race=True, max_runs=5).exit_status in (0, 1)
    runs = [entry.run.configuration.as_dict() for entry in searches.read().record]
    assert [(run["x"], run["seed"] is not None) for run in runs[:4]] == [(1, True), (2, True)] * 2
    assert len(runs) == 5


def test_a_resumed_search_runs_what_is_left_and_says_so(searches: Searches, capsys: pytest.CaptureFixture[str]) -> None:
    searches.backend.exit_statuses = {1: 3}
    searches.run()
    searches.backend.exit_statuses = {}
    told(capsys)
    assert searches.resume().exit_status == 0
    assert told(capsys)[:2] == [
        f"Resuming {searches.here / 'out'}",
        "1 of 2 runs already finished; running the other 1",
    ]
    assert searches.states() == {1: "finished", 2: "finished"}


def test_an_extension_runs_what_is_new_in_the_grid(searches: Searches) -> None:
    searches.run()
    assert searches.extend(set=("x=2,3,4",)).exit_status == 0
    runs = {entry.run.number: entry.run.configuration.as_dict()["x"] for entry in searches.read().record}
    assert (runs, searches.backend.started) == ({1: 1, 2: 2, 3: 3, 4: 4}, [1, 2, 3, 4])


def test_a_later_set_keeps_what_an_earlier_one_said_of_other_options(searches: Searches) -> None:
    searches.write_grid(x=[1], y=[1])
    searches.run(set=("y=7",))
    searches.extend(set=("x=1,2",))
    assert [entry.run.configuration.as_dict() for entry in searches.read().record] == [
        {"x": 1, "y": 7},
        {"x": 2, "y": 7},
    ]


def test_what_a_search_was_started_with_cannot_be_given_to_extend(searches: Searches) -> None:
    searches.run()
    with pytest.raises(UsageError, match=r"^--out_dir cannot be given to extend"):
        searches.extend(out_dir="other")


def test_an_extension_keeps_the_interpreter_of_the_search(searches: Searches, monkeypatch: pytest.MonkeyPatch) -> None:
    searches.run()
    before = searches.read().record.known_settings().program
    link = searches.here / "python3"
    link.symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(link))
    searches.extend(set=("x=1,2,3",))
    assert searches.read().record.known_settings().program == before


def test_an_extension_whose_runs_are_all_refused_leaves_the_search_as_it_was(searches: Searches) -> None:
    searches.run()
    searches.backend.is_scheduler = True
    searches.backend.answers = [SubmissionRefused("no such account")] * 9
    with pytest.raises(SubmissionRefused, match="no such account"):
        searches.extend(set=("x=1,2,3",))
    assert searches.states() == {1: "finished", 2: "finished"}


def test_an_extension_takes_the_result_of_an_unfinished_run_from_another_search(searches: Searches) -> None:
    searches.run("other")
    searches.backend.exit_statuses = {1: 3}
    searches.run()
    assert searches.extend(reuse=(str(searches.here / "other"),)).exit_status == 0
    events = JournalReader(searches.folder().journal).new_events()
    assert [event.run for event in events if isinstance(event, RunReused)] == [1]
    assert searches.backend.started == [1, 2, 1, 2]


def test_configurations_can_be_added_without_a_grid(searches: Searches) -> None:
    searches.run()
    added = [Configuration((("x", 9),))]
    assert searches.resume(choice=RunChoice(numbers=(), added=added, over=("x",))).exit_status == 0
    assert searches.read().record.runs[3].run.configuration.as_dict() == {"x": 9}
    assert searches.states() == {1: "finished", 2: "finished", 3: "finished"}


def test_a_search_under_a_live_controller_is_not_free(searches: Searches) -> None:
    searches.run()
    with LiveSearch(searches.folder(), this_controller()):
        with pytest.raises(ControllerPresent, match=r"this search is already running .* stop it first"):
            check_is_free(searches.read())


def test_a_resume_says_how_many_runs_results_still_choose(
    searches: Searches, capsys: pytest.CaptureFixture[str]
) -> None:
    searches.backend.exit_statuses = {1: 3}
    searches.run(sampler="bayes", num_searches=2, deterministic_search=False, max_failures=1)
    searches.backend.exit_statuses = {}
    told(capsys)
    assert searches.resume().exit_status == 0
    assert told(capsys)[2] == "1 more run to be chosen by results"


def test_a_folder_with_finished_runs_of_the_same_grid_warns_that_they_run_again(
    searches: Searches, capsys: pytest.CaptureFixture[str]
) -> None:
    searches.run()
    told(capsys)
    searches.write_grid(x=[2, 3])
    searches.run(dont_force_new_dir=True)
    warnings = [line for line in told(capsys) if "run again" in line]
    assert [line.partition(";")[0] for line in warnings] == [
        "warning: 1 of 2 configurations finished here before and will run again"
    ]


def test_a_retry_runs_failed_runs_and_those_that_are_named(
    searches: Searches, capsys: pytest.CaptureFixture[str]
) -> None:
    searches.backend.exit_statuses = {1: 3}
    searches.run()
    searches.backend.started.clear()
    searches.backend.exit_statuses = {}
    assert command.retry(["out", "--failed", "--run", "2"]) == 0
    assert searches.backend.started == [1, 2]
    told(capsys)
    assert command.retry(["out", "--failed"]) == 0
    assert told(capsys) == ["no run of this search failed, so there is nothing to retry"]


def test_nothing_is_to_stop_in_a_finished_search(searches: Searches, capsys: pytest.CaptureFixture[str]) -> None:
    searches.run()
    told(capsys)
    assert command.cancel(["out", "--timeout", "5", "--controller_is_gone"]) == 0
    assert told(capsys) == ["Nothing to stop: 2 finished"]


def test_a_stopped_search_tells_how_to_go_on(searches: Searches, capsys: pytest.CaptureFixture[str]) -> None:
    searches.backend.exit_statuses = dict.fromkeys((1, 2), 3)
    searches.run(max_failures=1)
    told(capsys)
    assert command.cancel(["out"]) == 0
    assert [line.partition(" ")[0] for line in told(capsys)] == ["Nothing", "resume"]


@pytest.mark.parametrize(
    ("show", "usage", "about"),
    [
        (lambda: command.main(["--help"], prog="hpsearch run"), "run --grid_module=NAME [options]", "Run a script"),
        (lambda: command.extend(["--help"]), "extend [options] [DIR]", "Read the edited grid module"),
        (lambda: command.retry(["--help"]), "retry [options] [DIR]", "Run failed runs again"),
    ],
)
def test_the_help_begins_with_one_line_of_usage_and_what_the_command_does(
    show: Callable[[], int], usage: str, about: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        show()
    first, _, third = capsys.readouterr().out.splitlines()[:3]
    assert (first, third[: len(about)]) == (f"usage: hpsearch {usage}   (--help lists them)", about)


@pytest.mark.parametrize(("number", "remedy"), [(errno.EIO, "fix that"), (errno.ENOSPC, "make room")])
def test_an_error_of_the_system_that_ends_a_search_says_how_to_go_on(
    searches: Searches, number: int, remedy: str
) -> None:
    def fail() -> None:
        raise OSError(number, os.strerror(number), "disk")

    searches.backend.while_waiting = fail
    with pytest.raises(StoreError) as raised:
        searches.run()
    what = f"disk: {os.strerror(number)}; nothing written is lost: {remedy}, then resume with: "
    assert str(raised.value) == what + resume_hint(searches.here / "out")


def test_a_folder_that_cannot_be_looked_at_does_not_count_as_deleted(
    searches: Searches, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stale(path: Path) -> bool:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), str(path))

    def fail() -> None:
        monkeypatch.setattr(Path, "exists", stale)
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), "disk")

    searches.backend.while_waiting = fail
    with pytest.raises(StoreError, match="nothing written is lost"):
        searches.run()


def test_a_snapshot_is_told_with_the_first_five_folders_that_are_linked(
    searches: Searches, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = [*(f"{letter}/" for letter in "abcdef"), "large.bin"]
    monkeypatch.setattr("hpsearch.search.plan.code_around", lambda _: CodeTree(searches.here, ["train.py"], links))
    options = SearchOptions(grid_module="fake_grid", out_dir="out", force_out_dir=True, snapshot=True, run_cwd=".")
    plan = make_plan(config_for(options, None, searches.here), options, (), lambda: 0.0)
    (line,) = (line for line in plan_lines(plan) if line.startswith("snapshot"))
    assert line == f"snapshot: 1 file of {searches.here}, 0.0 kB; linked: a/, b/, c/, d/, e/, ..."
    # A path relative to the folder of the search would lead into the copy.
    assert (plan.options.run_cwd, plan.options.out_dir) == (str(searches.here), str(searches.here / "out"))


ELSEWHERE = Holder("elsewhere", 4194399, 5.0, "4194399@1@boot", takes_signals=True)


def test_a_controller_on_another_machine_that_does_not_answer_is_asked_through_the_folder(
    searches: Searches, capsys: pytest.CaptureFixture[str]
) -> None:
    searches.run()
    told(capsys)
    with LiveSearch(searches.folder(), ELSEWHERE) as search:
        assert command.cancel(["out", "--timeout", "0"]) == 1
        assert search.who_asked_to_cancel() is not None
    first, second = told(capsys)
    how = "(asked process 4194399 on elsewhere through the search folder, which can take a minute)"
    assert first == f"Stopping... {how}"
    assert second.startswith(f"hpsearch: the controller ({ELSEWHERE}) has not answered within 0 s. If it is alive, ")


def test_a_controller_that_has_seen_the_request_is_still_stopping(
    searches: Searches, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    searches.run()
    told(capsys)
    monkeypatch.setattr("hpsearch.search.cancel.leave_request", lambda *_: None)
    with LiveSearch(searches.folder(), ELSEWHERE):
        assert command.cancel(["out", "--timeout", "0"]) == 1
    log = searches.folder().log
    still = f"hpsearch: the search is still stopping after 0 s; see {log}, or cancel it again"
    assert told(capsys)[1] == still
