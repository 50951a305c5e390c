"""Readings by the real GPUtil, of a look-alike nvidia-smi."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from conformance import wait_for_file
from standins.fixtures import fake_gpus
from standins.worlds import FakeGpus

from hpsearch.backends.gpu_readings import GpuReader

__all__ = ["fake_gpus"]


@pytest.fixture
def gpus(fake_gpus: FakeGpus, monkeypatch: pytest.MonkeyPatch) -> FakeGpus:
    """Two idle GPUs, whose nvidia-smi comes first on this process's PATH."""
    fake_gpus.install(monkeypatch)
    return fake_gpus


@pytest.fixture
def reader() -> Iterator[GpuReader]:
    made = GpuReader()
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
    reader = GpuReader(patience_s=1.0)
    started = time.monotonic()
    readings = reader.read_now()
    reader.close()
    assert (readings, reader.problem, time.monotonic() - started < 60) == ([], "nvidia-smi gave no answer", True)


def test_closing_breaks_off_a_question(gpus: FakeGpus) -> None:
    gpus.write({}, failures=[{"kind": "hang", "seconds": 600}])
    reader = GpuReader()
    reader.ask()
    wait_for_file(gpus.log_file())
    started = time.monotonic()
    reader.close()
    assert time.monotonic() - started < 30
