"""script/gpu-check: its messages where there is no card, and its own logic on a look-alike card and PyTorch."""

from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from project import ROOT, is_alive, wait_until
from standins.worlds import FakeGpus

SCRIPT = ROOT / "script" / "gpu-check"
FAKE_TORCH = ROOT / "tests" / "standins" / "gpu" / "fake_torch"


@pytest.fixture
def gpus(tmp_path: Path) -> Iterator[FakeGpus]:
    with FakeGpus(tmp_path / "gpus") as made:
        yield made.write({}, {})


def check(*words: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, str(SCRIPT), *words]
    return subprocess.run(argv, env=env, capture_output=True, text=True, timeout=250, check=False)


def with_torch(gpus: FakeGpus, tmp_path: Path) -> dict[str, str]:
    return {**gpus.env(), "PYTHONPATH": str(FAKE_TORCH), "TMPDIR": str(tmp_path)}


def test_a_machine_without_a_card_is_told_in_one_line(tmp_path: Path) -> None:
    result = check(env={**os.environ, "PATH": str(tmp_path)})
    assert (result.returncode, result.stdout, result.stderr) == (
        2,
        "",
        "gpu-check: nothing was checked: there is no nvidia-smi on PATH; this needs a machine with an NVIDIA card\n",
    )


@pytest.mark.parametrize(
    "words, message",
    [
        ([], "cannot compute on a card with PyTorch (ModuleNotFoundError: No module named 'torch')"),
        (["--gpu=7"], "nvidia-smi lists no GPU 7 (it lists 0, 1)"),
    ],
)
def test_what_is_missing_is_told_in_one_line(gpus: FakeGpus, tmp_path: Path, words: list[str], message: str) -> None:
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\")\n")
    result = check(*words, env={**gpus.env(), "PYTHONPATH": str(tmp_path)})
    assert (result.returncode, result.stdout, message in result.stderr) == (2, "", True)
    assert len(result.stderr.splitlines()) == 1


def test_a_wheel_that_is_none_is_told_in_one_line(gpus: FakeGpus, tmp_path: Path) -> None:
    (tmp_path / "broken.whl").write_text("no zip file")
    result = check(f"--wheels={tmp_path}", env=with_torch(gpus, tmp_path))
    assert (result.returncode, result.stderr) == (2, "gpu-check: nothing was checked: File is not a zip file\n")


@pytest.mark.slow
def test_all_checks_pass_on_a_look_alike_and_leave_nothing(gpus: FakeGpus, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    result = check(env=with_torch(gpus, scratch))
    assert result.returncode == 0, result.stdout + result.stderr
    assert [line.split()[:2] for line in result.stdout.splitlines()[1:]] == [
        ["ok", name]
        for name in ("readings", "slots", "out_of_memory", "foreign_process", "uuid", "resume", "nothing_left")
    ]
    assert (list(scratch.iterdir()), gpus.processes()) == ([], [])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_checks_and_all_that_they_started(
    gpus: FakeGpus, tmp_path: Path, number: signal.Signals
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    argv = [sys.executable, str(SCRIPT), "slots"]
    checks = subprocess.Popen(argv, env=with_torch(gpus, scratch), stderr=subprocess.PIPE, text=True)
    wait_until(gpus.processes, "runs on the card")
    checks.send_signal(number)
    _, stderr = checks.communicate(timeout=30)
    assert (checks.returncode, stderr) == (128 + number, "")
    assert (list(scratch.iterdir()), gpus.processes()) == ([], [])


def test_what_was_started_ends_though_a_signal_came_while_a_lock_was_taken(tmp_path: Path) -> None:
    """Popen.wait() would wait forever then."""
    checks = runpy.run_path(str(SCRIPT))
    bench = checks["Bench"](tmp_path, None, {}, 0.0)
    sleeper = bench.process(["sleep", "600"])
    sleeper._waitpid_lock.acquire()
    bench.end()
    sleeper._waitpid_lock.release()
    assert not is_alive(sleeper.pid)


def test_a_card_that_hides_its_memory_is_told_in_one_line(gpus: FakeGpus, tmp_path: Path) -> None:
    gpus.write({"fields": {"memory.used": "[N/A]"}})
    result = check(env=with_torch(gpus, tmp_path))
    said = "GPU 0 does not say how much memory it has (16384, [N/A], 16384)"
    assert (result.returncode, result.stderr) == (2, f"gpu-check: nothing was checked: {said}\n")


def test_a_check_that_fails_is_told_and_is_the_exit_status(gpus: FakeGpus, tmp_path: Path) -> None:
    gpus.write({"memory_total_mb": {"by_call": [16384, 8192]}})
    result = check("readings", env=with_torch(gpus, tmp_path))
    (line,) = result.stdout.splitlines()[1:]
    assert (result.returncode, line.split()[:2]) == (1, ["FAILED", "readings"])


def test_a_check_that_cannot_be_made_is_no_failure(gpus: FakeGpus, tmp_path: Path) -> None:
    gpus.write({}, hide_processes=True)
    result = check("foreign_process", env=with_torch(gpus, tmp_path))
    (line,) = result.stdout.splitlines()[1:]
    assert (result.returncode, line.split()[:2]) == (0, ["skipped", "foreign_process"])
