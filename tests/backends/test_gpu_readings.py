"""Readings by the real GPUtil, of a look-alike nvidia-smi."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conformance import wait_for_file
from standins.fixtures import fake_gpus
from standins.worlds import FakeGpus

from hpsearch.backends.gpu.cards import gpus_by_driver, query_cards
from hpsearch.backends.gpu.nvidia_smi import GpuReader, Remarks, query_processes
from hpsearch.backends.gpu.slots import GpuReading
from hpsearch.backends.shell import Conversation
from hpsearch.core.errors import BackendError

__all__ = ["fake_gpus"]


@pytest.fixture
def gpus(fake_gpus: FakeGpus, monkeypatch: pytest.MonkeyPatch) -> FakeGpus:
    """Two idle GPUs, whose nvidia-smi comes first on this process's PATH."""
    fake_gpus.install(monkeypatch)
    return fake_gpus


@pytest.fixture
def reader() -> Iterator[GpuReader]:
    made = GpuReader(Conversation())
    yield made
    made.close()


def test_a_reading_has_all_gpus(gpus: FakeGpus, reader: GpuReader) -> None:
    gpus.write({"load_percent": 25, "memory_used_mb": 4096}, {})
    assert [(r.index, r.load, r.memory, r.memory_free_mb) for r in reader.read_now()] == [
        (0, 0.25, 0.25, 12288),
        (1, 0, 0, 16384),
    ]


def test_what_the_driver_does_not_say_is_not_known(gpus: FakeGpus, reader: GpuReader) -> None:
    gpus.write({"fields": dict.fromkeys(("utilization.gpu", "memory.used", "memory.free"), "[N/A]")})
    (reading,) = reader.read_now()
    assert (reading.load, reading.memory, reading.memory_free_mb) == (None, None, None)


@pytest.mark.parametrize("kind", ["no_driver", "no_devices", "lost_gpu", "empty", "crash"])
def test_a_failure_of_the_driver_is_no_reading(gpus: FakeGpus, reader: GpuReader, kind: str) -> None:
    gpus.write({}, failures=[{"kind": kind}])
    assert (reader.read_now(), reader.problem.startswith("nvidia-smi gave no ")) == ([], True)


def test_a_driver_that_hangs_is_broken_off(gpus: FakeGpus) -> None:
    gpus.write({}, failures=[{"kind": "hang", "seconds": 600}])
    reader = GpuReader(Conversation())
    reader.patience_s = 1.0
    started = time.monotonic()
    readings = reader.read_now()
    reader.close()
    assert (readings, reader.problem, time.monotonic() - started < 60) == ([], "nvidia-smi gave no answer", True)


def test_closing_breaks_off_a_question(gpus: FakeGpus) -> None:
    gpus.write({}, failures=[{"kind": "hang", "seconds": 600}])
    reader = GpuReader(Conversation())
    reader.ask()
    wait_for_file(gpus.log_file())
    started = time.monotonic()
    reader.close()
    assert time.monotonic() - started < 30


WORN = "WARNING: infoROM is corrupted at gpu 0000:0B:00.0\n"
LOST = "Unable to determine the device handle for GPU0000:08:00.0: Unknown Error\n"
#: What an nvidia-smi says besides the rows of its GPUs, which are all there.
TALK: dict[str, dict[str, Any]] = {
    "a worn info ROM": {"after": WORN, "code": 14},
    "a worn info ROM, status 0": {"after": WORN},
    "a worn info ROM, first": {"before": WORN, "code": 14},
    "a worn info ROM, apart": {"errors": WORN, "code": 14},
    "two worn info ROMs": {"after": WORN + WORN.replace("0B", "0C"), "code": 14},
    "a lost card beside good ones": {"before": LOST, "code": 15},
    "words of a wrapper": {"before": "Loading driver 535, please wait\n", "after": "Done.\n"},
    "empty lines": {"before": "\n", "after": "\n\n"},
    "line ends of Windows": {"line_end": "\r\n", "after": "\n"},
}


@pytest.mark.parametrize("talk", TALK.values(), ids=TALK.keys())
def test_rows_count_whatever_else_is_said(gpus: FakeGpus, reader: GpuReader, talk: dict[str, Any]) -> None:
    gpus.write({"load_percent": 25, "memory_used_mb": 4096}, {}, **talk)
    readings = [(r.index, r.load, r.memory, r.memory_free_mb) for r in reader.read_now()]
    assert readings == [(0, 0.25, 0.25, 12288), (1, 0, 0, 16384)]


@pytest.mark.parametrize("talk", TALK.values(), ids=TALK.keys())
def test_the_list_of_cards_is_read_whatever_else_is_said(gpus: FakeGpus, talk: dict[str, Any]) -> None:
    gpus.write({"name": "NVIDIA Card, with a comma"}, {}, **talk)
    cards, remarks = query_cards(Conversation())
    said = talk.get("before", "") + talk.get("after", "") + talk.get("errors", "")
    assert [card.name for card in cards] == ["NVIDIA Card, with a comma", "NVIDIA Stand-in"]
    assert list(remarks) == said.split("\n")[:-1] if said.strip() else not remarks


DRIVER_FAILURES = {
    "no_driver": "nvidia-smi fails: NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make "
    "sure that the latest NVIDIA driver is installed and running. Remedy: install the driver or load it (after an "
    "update: reboot)",
    "no_nvml": "nvidia-smi fails: NVIDIA-SMI couldn't find libnvidia-ml.so library in your system. Please make sure "
    "that the NVIDIA Display Driver is properly installed and present in your system. Please also try adding "
    "directory that contains libnvidia-ml.so to your system PATH. Remedy: install the driver's library "
    "libnvidia-ml, of the same version as the driver",
    "version_mismatch": "nvidia-smi fails: Failed to initialize NVML: Driver/library version mismatch NVML library "
    "version: 535.161. Remedy: reboot, so that the driver that was installed last is the one that is loaded",
    "lost_gpu": "nvidia-smi fails: Unable to determine the device handle for GPU0000:08:00.0: Unknown Error. Remedy: "
    "reset the GPU named here, or reboot",
    "crash": "nvidia-smi said nothing (exit status -9): call it by hand to see whether the driver works",
}


@pytest.mark.parametrize("kind", DRIVER_FAILURES)
def test_a_driver_that_cannot_list_the_cards_is_told_with_the_remedy(gpus: FakeGpus, kind: str) -> None:
    gpus.write({}, failures=[{"kind": kind}])
    with pytest.raises(BackendError) as failed:
        query_cards(Conversation())
    assert str(failed.value) == f"{DRIVER_FAILURES[kind]}. Or give --visible_gpus=-1 to run without assigning GPUs"


@pytest.mark.parametrize("talk", TALK.values(), ids=TALK.keys())
def test_processes_are_read_whatever_else_is_said(gpus: FakeGpus, talk: dict[str, Any]) -> None:
    gpus.write({}, {}, others=[{"pid": 4999999, "gpu": 0, "memory_mb": 10}], **talk)
    assert query_processes(Conversation(), 20.0) == {"GPU-00000000-0000-0000-0000-000000000000": {4999999}}


@pytest.mark.parametrize("talk", [TALK["a worn info ROM"], TALK["a lost card beside good ones"]])
def test_a_warning_about_a_card_means_no_process(gpus: FakeGpus, talk: dict[str, Any]) -> None:
    gpus.write({}, {}, **talk)
    assert query_processes(Conversation(), 20.0) == {}


def test_a_driver_that_fails_says_nothing_about_processes(gpus: FakeGpus) -> None:
    gpus.write({}, failures=[{"kind": "no_driver"}])
    assert query_processes(Conversation(), 20.0) is None


@pytest.mark.parametrize("figure", ["ERR!", "[Unknown Error]", "[GPU is lost]", "[N/A]", "\u00b2", "nan"])
def test_a_card_with_a_broken_figure_leaves_the_others_theirs(gpus: FakeGpus, reader: GpuReader, figure: str) -> None:
    gpus.write({"fields": {"utilization.gpu": figure}}, {"load_percent": 50}, after=WORN, code=14)
    assert [reading.load for reading in reader.read_now()] == [None, 0.5]


def test_what_else_is_said_costs_no_second_question(gpus: FakeGpus, reader: GpuReader) -> None:
    gpus.write({}, after=WORN, code=14)
    reader.read_now()
    reader.read_now()
    assert (len(gpus.calls()), reader.remarks) == (2, [WORN.strip()])


def test_a_card_without_memory_is_read(gpus: FakeGpus, reader: GpuReader) -> None:
    gpus.write({"fields": dict.fromkeys(("memory.total", "memory.used", "memory.free"), "0")}, {})
    assert [reading.memory for reading in reader.read_now()] == [None, 0]


#: Knows less than GPUtil asks for.
OLD_DRIVER = """\
#!/bin/sh
echo "$1" >>"$0.calls"
case $1 in *display_mode*) printf 'Field "display_mode" is not a valid field to query.\\n\\n' && exit 2 ;; esac
echo '0, GPU-a, 25, 16384, 0, 16384'
"""


def test_a_driver_that_knows_less_than_gputil_asks_for_is_asked_for_less(
    tmp_path: Path, reader: GpuReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = tmp_path / "nvidia-smi"
    command.write_text(OLD_DRIVER)
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    expected = [GpuReading(0, "GPU-a", 0.25, 0, 16384, 16384)]
    assert (reader.read_now(), reader.read_now()) == (expected, expected)
    assert len((tmp_path / "nvidia-smi.calls").read_text().splitlines()) == 3


def test_a_remark_is_told_once_for_each_card() -> None:
    remarks = Remarks()
    first = remarks.news([WORN.strip(), "12 hosts"])
    second = remarks.news([WORN.strip(), "14 hosts", WORN.strip().replace("0B", "0C")])
    assert (len(first), second) == (
        2,
        [
            "nvidia-smi says: WARNING: infoROM is corrupted at gpu 0000:0C:00.0; the GPUs that it lists are used all "
            "the same"
        ],
    )


@pytest.mark.parametrize(
    "version",
    [
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\nGCC version: 9.4\n",
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  535.104.05  Release Build  (root@lab)\n",
    ],
)
def test_the_driver_names_gpus_without_a_program(version: str, tmp_path: Path) -> None:
    assert gpus_by_driver(tmp_path) == []
    (tmp_path / "version").write_text(version)
    for name in ("0000:0b:00.0", "0000:1b:00.0"):
        (tmp_path / "gpus" / name).mkdir(parents=True)
        (tmp_path / "gpus" / name / "information").write_text("Model: \t\t NVIDIA H100 80GB HBM3\nIRQ:   \t\t 18\n")
    assert gpus_by_driver(tmp_path) == [("NVIDIA H100 80GB HBM3", "535.104.05")] * 2
