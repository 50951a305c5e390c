"""A damaged journal becomes usable again: what is kept, what is dropped, what other files give back."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_search import planned_search

from hpsearch.core.errors import FolderError
from hpsearch.core.model import RunState
from hpsearch.journal.events import AttemptEnded, AttemptIntended, Event, RunPlanned, RunReused
from hpsearch.journal.lines import to_line
from hpsearch.journal.record import SearchRecord
from hpsearch.store.layout import SearchFolder
from hpsearch.store.repair import JournalRepair, fill_in, journal_repair, set_aside_foreign, write_repair

RUNS = 3
OF_UNKNOWN_RUN = to_line(AttemptIntended(9, "sim_9.1.aaaaaa", 0.0)).rstrip()


@pytest.fixture
def folder(tmp_path: Path) -> SearchFolder:
    """A search with three planned runs; its journal has a line for each, and one with the settings."""
    search = planned_search(tmp_path, RUNS)
    search.write_commands()
    search.close()
    return SearchFolder(tmp_path)


def accept(event: Event) -> None:
    """Find nothing wrong with an event."""


def repair_of(
    folder: SearchFolder,
    change: Callable[[list[bytes]], object] = len,
    lives: Callable[[str], bool] = lambda token: False,
) -> JournalRepair:
    """Return the repair of a journal whose lines were changed."""
    lines = folder.journal.read_bytes().splitlines()
    change(lines)
    folder.journal.write_bytes(b"".join(line + b"\n" for line in lines))
    return journal_repair(folder, accept, lives)


def record_after(repair: JournalRepair) -> SearchRecord:
    return SearchRecord.of([event for _, event in repair.events])


def finish(folder: SearchFolder, *numbers: int) -> None:
    """Write rows of finished runs into the table; the journal knows nothing of them."""
    rows = [f"{number};{folder.path}/sim_{number};0.{number};1\n" for number in numbers]
    folder.results.write_text("".join(["x;out_dir;acc;finished\n", *rows]))


def test_a_whole_journal_needs_no_repair(folder: SearchFolder) -> None:
    repair = repair_of(folder)
    assert (repair.is_needed, repair.found, [number for number, _ in repair.events]) == (False, 4, [1, 2, 3, 4])


def test_a_line_that_is_no_event_is_dropped(folder: SearchFolder) -> None:
    repair = repair_of(folder, lambda lines: lines.insert(2, b"torn"))
    assert (repair.is_needed, repair.found, len(repair.dropped), repair.put_back) == (True, 5, 1, [])
    assert repair.dropped[0].startswith("line 3: ")
    assert [number for number, _ in repair.events] == [1, 2, 4, 5]


def test_an_event_behind_a_torn_one_on_the_same_line_is_kept(folder: SearchFolder) -> None:
    folder.commands_pickle.unlink()

    def tear(lines: list[bytes]) -> None:
        lines[1:3] = [lines[1][:20] + lines[2]]

    repair = repair_of(folder, tear)
    assert repair.dropped[0].startswith("line 2: ")
    assert repair.dropped[0].endswith(" (only its end is whole, and is kept)")
    assert [event.run for _, event in repair.events if isinstance(event, RunPlanned)] == [1, 3]


def test_an_event_that_later_readers_would_refuse_is_dropped(folder: SearchFolder) -> None:
    folder.commands_pickle.unlink()

    def refuse(event: Event) -> None:
        if isinstance(event, RunPlanned) and event.run == 2:
            raise ValueError("not this one")

    repair = journal_repair(folder, refuse, lambda token: False)
    assert (repair.dropped, len(repair.events)) == (["line 2: not this one"], 3)


def test_an_event_that_does_not_fit_the_others_is_dropped(folder: SearchFolder) -> None:
    repair = repair_of(folder, lambda lines: lines.append(OF_UNKNOWN_RUN))
    assert (len(repair.dropped), len(repair.events)) == (1, 4)
    assert repair.dropped[0].startswith("line 5: it does not fit the lines before it (")


def test_lost_settings_come_from_their_copy_behind_the_plan(folder: SearchFolder) -> None:
    repair = repair_of(folder, lambda lines: lines.pop())
    assert repair.put_back == [f"the settings of the search, from {folder.settings_copy}"]
    assert [number for number, _ in repair.events] == [1, 2, 3, 0]
    assert record_after(repair).known_settings().out_arg == "out_dir"


def test_a_journal_without_any_settings_is_repaired_as_far_as_that_goes(folder: SearchFolder) -> None:
    folder.settings_copy.unlink()
    repair = repair_of(folder, lambda lines: lines.__setitem__(3, b"torn"))
    assert (len(repair.dropped), repair.put_back, [number for number, _ in repair.events]) == (1, [], [1, 2, 3])


@pytest.mark.parametrize(
    ("lost", "told"), [(slice(1, 2), "run 2"), (slice(0, 2), "2 runs, 1 to 2")], ids=["one", "several"]
)
def test_lost_plans_come_from_the_pickle_of_commands_each_in_its_place(
    folder: SearchFolder, lost: slice, told: str
) -> None:
    repair = repair_of(folder, lambda lines: lines.__delitem__(lost))
    assert repair.put_back == [f"{told}, from {folder.commands_pickle}"]
    assert [event.run for _, event in repair.events if isinstance(event, RunPlanned)] == [1, 2, 3]
    assert [entry.run.configuration.as_dict() for entry in record_after(repair)] == [{"x": 1}, {"x": 2}, {"x": 3}]


def test_lost_results_come_from_the_table_with_rows_that_no_run_has(folder: SearchFolder) -> None:
    finish(folder, 2, 7)
    repair = repair_of(folder, lambda lines: lines.append(b"torn"))
    record = record_after(repair)
    assert repair.put_back == [
        f"the result of run 2, from {folder.results}",
        f"a row of an earlier search, from {folder.results}",
    ]
    assert [entry.state for entry in record] == [RunState.PLANNED, RunState.FINISHED, RunState.PLANNED]
    assert (record.runs[2].summary, len(record.carried)) == ({"acc": ["0.2"], "finished": ["1"]}, 1)


def test_a_lost_result_comes_back_with_an_attempt_whose_exit_status_is_unknown(folder: SearchFolder) -> None:
    finish(folder, 2)
    repair = repair_of(folder, lambda lines: lines.append(b"torn"))
    ends = [event for _, event in repair.events if isinstance(event, AttemptEnded)]
    assert ends == [AttemptEnded(2, "sim_2.1.000000", None, 0.0)]


def test_rows_of_reused_runs_are_passed_over_and_later_ones_used(folder: SearchFolder) -> None:
    elsewhere = f"{folder.path}/elsewhere/sim_7"
    row = f"1;{elsewhere};0.7;1\n2;{folder.path}/sim_2;0.2;1\n"
    folder.results.write_text(f"x;out_dir;acc;finished\n{row}")
    reused = to_line(RunReused(1, elsewhere, 1.0, {"acc": ["0.7"], "finished": ["1"]})).rstrip()
    repair = repair_of(folder, lambda lines: lines.extend([reused, b"torn"]))
    assert repair.put_back == [f"the result of run 2, from {folder.results}"]


def test_a_run_of_another_name_with_the_number_of_a_known_one_is_not_put_back(folder: SearchFolder) -> None:
    commands = [{"x": number, "out_dir": f"{folder.path}/{name}"} for number, name in enumerate(("other_1", "sim_2"))]
    folder.commands_pickle.write_bytes(pickle.dumps(commands))
    repair = repair_of(folder, lambda lines: lines.append(b"torn"))
    assert (repair.put_back, len(repair.dropped)) == ([], 1)


def test_a_row_of_a_run_that_did_not_finish_is_no_result(folder: SearchFolder) -> None:
    folder.results.write_text(f"x;out_dir;acc;finished\n1;{folder.path}/sim_1;0.1;0\n2;{folder.path}/sim_2;0.2;\n")
    assert repair_of(folder, lambda lines: lines.append(b"torn")).put_back == []


def test_nothing_is_put_back_from_the_table_of_a_whole_journal(folder: SearchFolder) -> None:
    finish(folder, 2)
    assert not repair_of(folder).is_needed


def test_attempts_that_left_files_come_back_the_newest_of_each_run(folder: SearchFolder) -> None:
    for name in ("sim_1.1.aaaaaa.out", "sim_1.2.bbbbbb.out", "sim_9.1.cccccc.out", "notes.txt"):
        (folder.logs / name).write_text("printed")
    (folder.exits / "sim_2.1.dddddd").write_text("0")
    (folder.logs / "sim_3.1.eeeeee.out").write_text("")
    repair = repair_of(folder, lambda lines: lines.append(b"torn"))
    found = {event.run: event.token for _, event in repair.events if isinstance(event, AttemptIntended)}
    assert found == {1: "sim_1.2.bbbbbb", 2: "sim_2.1.dddddd"}
    assert repair.put_back == [f"attempt {token}, from its files" for token in found.values()]


def test_an_attempt_that_has_printed_nothing_comes_back_if_it_lives(folder: SearchFolder) -> None:
    (folder.logs / "sim_3.1.eeeeee.out").write_text("")
    repair = repair_of(folder, lambda lines: lines.append(b"torn"), lives=lambda token: token == "sim_3.1.eeeeee")
    assert repair.put_back == ["attempt sim_3.1.eeeeee, from its files"]


def test_a_repaired_journal_takes_the_place_of_the_old_one_which_is_kept(folder: SearchFolder) -> None:
    whole = folder.journal.read_bytes()
    repair = repair_of(folder, lambda lines: lines.append(b"torn"))
    old = write_repair(folder, repair)
    assert old == folder.journal.with_name("journal.jsonl.damaged")
    assert (old.read_bytes(), folder.journal.read_bytes()) == (whole + b"torn\n", whole)
    assert write_repair(folder, repair) == folder.journal.with_name("journal.jsonl.damaged.2")


def test_a_journal_that_is_lost_is_written_from_other_files(folder: SearchFolder) -> None:
    finish(folder, 1)
    folder.journal.unlink()
    repair = journal_repair(folder, accept, lambda token: False)
    assert (repair.found, len(repair.put_back), write_repair(folder, repair)) == (0, 3, None)
    assert [entry.state for entry in record_after(repair)][:2] == [RunState.FINISHED, RunState.PLANNED]


def test_a_journal_that_cannot_be_read_is_told(folder: SearchFolder) -> None:
    folder.journal.unlink()
    folder.journal.mkdir()
    with pytest.raises(FolderError, match=r"journal\.jsonl: cannot be read \(Is a directory\)"):
        journal_repair(folder, accept, lambda token: False)


def test_what_blocks_the_paths_of_a_search_is_renamed(folder: SearchFolder) -> None:
    folder.logs.rmdir()
    folder.logs.write_text("")
    os.mkfifo(folder.exits / "sim_1.1.aaaaaa")
    folder.cancel_request.mkdir()
    assert set_aside_foreign(folder) == [
        f"{folder.logs}: expected a folder, found something else; renamed it to logs.damaged",
        f"{folder.cancel_request}: expected a file, found something else; renamed it to cancel-requested.damaged",
        f"{folder.exits}/sim_1.1.aaaaaa: expected a file, found something else; renamed it to sim_1.1.aaaaaa.damaged",
    ]
    assert not folder.logs.exists()


def test_readers_complete_what_a_journal_has_lost_and_write_nothing(folder: SearchFolder) -> None:
    finish(folder, 3)
    record = SearchRecord()
    fill_in(record, folder)
    assert [entry.state for entry in record] == [RunState.PLANNED, RunState.PLANNED, RunState.FINISHED]
    assert record.known_settings().performance_key == "acc"


@pytest.mark.parametrize("content", [b"", b"no event\n", OF_UNKNOWN_RUN])
def test_a_copy_of_the_settings_that_is_none_gives_nothing(folder: SearchFolder, content: bytes) -> None:
    folder.settings_copy.write_bytes(content)
    record = SearchRecord()
    fill_in(record, folder)
    assert (record.settings, len(record.runs)) == (None, 0)
