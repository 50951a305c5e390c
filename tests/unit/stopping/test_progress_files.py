"""Values in tables, JSON and event files that scripts and frameworks write."""

import json
import math
import shutil
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from project import ROOT

from hpsearch.stopping.curves import Point
from hpsearch.stopping.event_files import EventReader
from hpsearch.stopping.progress_files import ProgressReader

EVENTS = ROOT / "tests/fixtures/tensorboard"
#: As PyTorch Lightning's CSVLogger writes them: training and validation in rows of their own, a header that grows.
LIGHTNING = "epoch,step,train_loss\n0,49,0.9\n"
LIGHTNING_LATER = "epoch,step,train_loss,val_acc\n0,49,0.9,\n0,50,,0.5\n1,99,0.4,\n1,100,,0.7\n"
#: As a Hugging Face trainer writes its trainer_state.json.
HISTORY = [
    {"epoch": 0.5, "loss": 0.9, "step": 50},
    {"epoch": 1.0, "eval_acc": 0.5, "step": 100},
    {"epoch": 1.5, "loss": 0.4, "step": 150},
    {"epoch": 2.0, "eval_acc": 0.7, "step": 200},
]
FOUND = [Point(1, 0.5), Point(2, 0.7)]


def read(folder: Path, name: str, *texts: str, key: str = "acc", step: str = "") -> list[list[Point]]:
    """Return the points after each text that is written to a file."""
    reader, found = ProgressReader([folder], name, key, step), []
    for text in texts:
        (folder / name).write_text(text)
        found.append(list(reader.update()[0].points))
    return found


def problem_of(folder: Path, name: str, text: str | None = None, step: str = "") -> str:
    """Return why there are no values in a file."""
    if text is not None:
        (folder / name).write_text(text)
    reader = ProgressReader([folder], name, "acc", step)
    reader.update(is_last=True)
    return reader.problem


def test_a_table_whose_header_grows_is_read_anew(tmp_path: Path) -> None:
    found = read(tmp_path, "metrics.csv", LIGHTNING, LIGHTNING_LATER, key="val_acc")
    assert found == [[], [Point(0, 0.5), Point(1, 0.7)]]


def test_the_key_of_steps_may_be_given(tmp_path: Path) -> None:
    found = read(tmp_path, "metrics.csv", LIGHTNING_LATER, key="val_acc", step="step")
    assert found == [[Point(50, 0.5), Point(100, 0.7)]]


@pytest.mark.parametrize(
    "text, found",
    [
        ("acc\n0.5\n0.7\n", FOUND),
        ("epoch;acc\n1;0.5\n2;0.7\n", FOUND),
        ("epoch\tacc\n1\t0.5\n2\t0.7\n", FOUND),
        ('"epoch", "acc"\n"1", "0.5"\n2, 0.7\n', FOUND),
        ("step,global_step,acc\n1,10,0.5\n2,20,0.7\n", FOUND),
        ("epoch,acc\n1,0.5\nepoch,acc\n2,0.7\n", FOUND),
        ("epoch,acc\n1,0.5\nepoch,loss,acc\n2,9,0.7\n", FOUND),
        ("epoch,acc\n1,0.5\n,0.6\nx,0.6\n2,0.7\n3", FOUND),
        ("epoch,acc\n1,0.5\n2,none\n2,\n2\n\n2,0.7\n", FOUND),
        ("epoch,acc\n1,0.4\n1,0.5\n2,0.7\n", FOUND),
        ("epoch,acc\r\n1,0.5\r\n2,0.7\r\n", FOUND),
        ("epoch,acc\n1,0.5\n\0\0\0\n2,0.7\n", FOUND),
        ("epoch,acc\n1,5e-1\n2,inf\n", [Point(1, 0.5), Point(2, math.inf)]),
    ],
)
def test_a_table_tells_values(tmp_path: Path, text: str, found: list[Point]) -> None:
    assert read(tmp_path, "progress.csv", text) == [found]


def test_a_file_with_any_name_is_known_by_its_beginning(tmp_path: Path) -> None:
    assert read(tmp_path, "log.txt", "", "epoch,acc\n1,0.5\n2,0.7\n")[-1] == FOUND
    assert read(tmp_path, "log", '{"acc": 0.5}\n{"acc": 0.7}\n')[-1] == FOUND
    assert read(tmp_path, "state", '{\n"h": [{"acc": 0.5}, {"acc": 0.7}]}')[-1] == FOUND


def test_lines_of_json_are_read_as_they_come(tmp_path: Path) -> None:
    lines = '{"epoch": 1, "acc": 0.5}\nno json\n[1]\n{"epoch": 2, "loss": 1}\n'
    texts = [lines, f'{lines}{{"epoch": 2, "ac', f'{lines}{{"epoch": 2, "acc": 0.7}}\n']
    assert read(tmp_path, "log.jsonl", *texts) == [FOUND[:1], FOUND[:1], FOUND]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"best_metric": None, "log_history": HISTORY, "max_steps": 500}, indent=2),
        json.dumps(HISTORY),
        json.dumps({"epoch": [1, 2], "eval_acc": [0.5, 0.7], "lr": [1]}),
        "\n".join(map(json.dumps, HISTORY)),
    ],
    ids=["log_history", "list", "lists", "lines"],
)
def test_json_tells_values(tmp_path: Path, content: str) -> None:
    assert read(tmp_path, "trainer_state.json", content, key="eval_acc") == [FOUND]


def test_half_of_a_json_file_keeps_what_it_told_before(tmp_path: Path) -> None:
    first, second = json.dumps({"log_history": HISTORY[:2]}), json.dumps({"log_history": HISTORY})
    found = read(tmp_path, "trainer_state.json", first, second[:60], "", "[" * 99999, second, key="eval_acc")
    assert found == [FOUND[:1], FOUND[:1], FOUND[:1], FOUND[:1], FOUND]


def test_an_object_with_the_newest_values_only_adds_them(tmp_path: Path) -> None:
    texts = ['{"epoch": 1, "acc": 0.5}', '{"epoch": 1, "acc": 0.5, "eta": 3}', '{"epoch": 2, "acc": 0.7}']
    assert read(tmp_path, "now.json", *texts) == [FOUND[:1], FOUND[:1], FOUND]


def test_files_that_fit_a_pattern_are_one_curve_in_order_of_their_numbers(tmp_path: Path) -> None:
    reader = ProgressReader([tmp_path], "logs/version_*/metrics.csv", "acc")
    found = [reader.update()[0].points]
    for version, text in [(9, "epoch,acc\n1,0.5\n2,0.6\n"), (10, "epoch,acc\n2,0.7\n")]:
        (tmp_path / f"logs/version_{version}").mkdir(parents=True)
        (tmp_path / f"logs/version_{version}/metrics.csv").write_text(text)
        found.append(reader.update()[0].points)
    assert found == [(), (Point(1, 0.5), Point(2, 0.6)), tuple(FOUND)]


def test_what_a_removed_file_told_stays(tmp_path: Path) -> None:
    for step, value in [(1, 0.5), (2, 0.7)]:
        (tmp_path / f"checkpoint-{step}").mkdir()
        (tmp_path / f"checkpoint-{step}/state.json").write_text(f'[{{"acc": {value}, "step": {step}}}]')
    reader = ProgressReader([tmp_path], "checkpoint-*/state.json", "acc")
    reader.update()
    shutil.rmtree(tmp_path / "checkpoint-1")
    assert list(reader.update()[0].points) == FOUND


def test_of_very_many_files_the_newest_are_read_and_the_others_stay(tmp_path: Path) -> None:
    reader, steps = ProgressReader([tmp_path], "checkpoint-*.jsonl", "acc"), 50
    for step in range(1, steps + 1):
        (tmp_path / f"checkpoint-{step}.jsonl").write_text(f'{{"acc": {step}, "step": {step}}}\n')
        curve = reader.update()[0]
    assert [point.step for point in curve.points] == list(range(1, steps + 1))


@pytest.mark.parametrize("file", ["m.csv", "*.csv"])
def test_earlier_attempts_come_first(tmp_path: Path, file: str) -> None:
    for name, text in [("b", "epoch,acc\n1,0.5\n2,0.6\n"), ("a", "epoch,acc\n2,0.7\n")]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "m.csv").write_text(text)
    reader = ProgressReader([tmp_path / "b", tmp_path / "a"], file, "acc")
    assert list(reader.update()[0].points) == FOUND


@pytest.mark.parametrize("name", ["m.csv", "m.jsonl", "m.json", "m", "events.out.tfevents.1"])
@settings(max_examples=25)
@given(content=st.binary(max_size=300))
def test_nothing_that_a_script_writes_raises(tmp_path_factory, name: str, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("run")
    reader = ProgressReader([folder], name, "acc")
    for part in (content[:100], content):
        (folder / name).write_bytes(part)
        reader.update()
    reader.update(is_last=True)
    assert isinstance(reader.problem, str)


@pytest.mark.parametrize(
    "name, text, problem",
    [
        ("m.csv", None, "there is no m.csv"),
        ("*/m.csv", None, "there is no */m.csv"),
        ("m.csv", "epoch,loss\n1,2\n", "m.csv has no 'acc' but epoch, loss"),
        ("m.csv", "epoch,acc\n1,bad\n", "m.csv has no number under 'acc'"),
        ("m.json", "[1]", "m.json is not JSON with objects that hold 'acc'"),
        (
            "m.json",
            '{"acc": 0.5}',
            "m.json holds the newest value only, and does not say at which step (epoch, step or global_step)",
        ),
        ("m.jsonl", '{"loss": 1}\n', "m.jsonl has no 'acc' but loss"),
        ("tfevents", "no events at all", "tfevents is not an event file of TensorBoard (a record of "),
    ],
)
def test_a_reader_says_why_there_are_no_values(tmp_path: Path, name: str, text: str | None, problem: str) -> None:
    found = problem_of(tmp_path, name, text)
    assert found == problem or (problem.endswith(" ") and found.startswith(problem))


def test_a_reader_says_that_the_steps_are_missing(tmp_path: Path) -> None:
    problem = problem_of(tmp_path, "m.csv", "epoch,acc\n1,0.5\n", step="iteration")
    assert problem == "m.csv has no 'iteration' but epoch, acc"


@pytest.mark.parametrize("writer", ["tensorboard", "tensorboardX"])
def test_event_files_of_real_writers_are_read(writer: str) -> None:
    reader = EventReader(EVENTS / f"events.out.tfevents.1.{writer}", "val/acc")
    found = [(point.step, round(point.value, 6)) for point in reader.update()[0].points]
    assert str(found) == str([(10.0, 0.5), (20.0, 0.6), (30.0, 0.65), (40.0, math.nan), (50.0, 0.7)])


def test_an_event_file_says_what_it_has() -> None:
    reader = EventReader(EVENTS / "events.out.tfevents.1.tensorboardX", "acc")
    reader.update()
    assert reader.problem == "events.out.tfevents.1.tensorboardX has no scalar 'acc' but train/loss, val/acc"


@pytest.mark.parametrize("writer", ["tensorboard", "tensorboardX"])
def test_an_event_file_that_grows_byte_by_byte_tells_the_same(tmp_path: Path, writer: str) -> None:
    source = EVENTS / f"events.out.tfevents.1.{writer}"
    whole = EventReader(source, "val/acc").update()[0]
    path = tmp_path / "events.out.tfevents.2"
    reader = EventReader(path, "val/acc")
    for byte in source.read_bytes():
        with path.open("ab") as file:
            file.write(bytes([byte]))
        reader.update()
    assert str(reader.update()[0]) == str(whole)


def test_records_too_long_for_a_scalar_are_skipped(tmp_path: Path) -> None:
    content = (EVENTS / "events.out.tfevents.1.tensorboardX").read_bytes()
    picture = struct.pack("<QI", 3_000_000, 0) + bytes(3_000_004)
    path = tmp_path / "events.out.tfevents.2"
    path.write_bytes(picture + content)
    reader = EventReader(path, "val/acc")
    looks = [len(reader.update()[0]) for _ in range(4)]
    assert looks == [0, 0, 5, 5]
