"""Searches on the GPUs of one machine, from the command line; a look-alike nvidia-smi answers the real GPUtil."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import termios
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from project import Project, Result, journal_events, wait_until
from standins.worlds import FAKE_TRAIN, FakeGpus, TrainRun
from suggested import check_each_prefix, suggested

UUIDS = [f"GPU-{index:08}-0000-0000-0000-000000000000" for index in range(4)]
GO = "go"
#: Runs that train until the test says so.
HELD = {"until": [GO]}
NO_STARTUP = "--sim_startup_time=0"
#: One reading is enough: for tests that are not about readings.
QUICK = "--gpu_samples=1"
IDLE: dict[str, Any] = {}


@dataclass
class Box:
    """A machine with look-alike GPUs and a project whose script is the look-alike training."""

    project: Project
    gpus: FakeGpus
    controllers: list[subprocess.Popen[str]] = field(default_factory=list)

    def describe(self, *gpus: dict[str, Any], **scenario: Any) -> None:
        """Describe the machine from now on."""
        self.gpus.write(*gpus, **scenario)

    def grid(self, count: int, script: str | None = None, **more: list[object]) -> None:
        """Search over `count` values of x, and other options."""
        script = FAKE_TRAIN.read_text(encoding="utf-8") if script is None else script
        self.project.grid({"x": list(range(count)), **more}, script=script, keywords=("score", "finished"))

    def options(self, *options: str, out: str = "out") -> list[str]:
        gpus = [] if any(option.startswith("--visible_gpus") for option in options) else ["--visible_gpus="]
        return [*gpus, "--deterministic_search", f"--out_dir={out}", "--force_out_dir", *options]

    def run(self, *options: str) -> Result:
        """Run a search to its end."""
        return self.project.run(*self.options(*options))

    def search(self, *options: str) -> Result:
        """Run a search in which all runs finish."""
        return self.project.search(*self.options(*options))

    def start(self, *options: str, out: str = "out", **popen: Any) -> subprocess.Popen[str]:
        """Start a search in the background."""
        return self.launch(self.options(*options, out=out), **popen)

    def resume(self, *options: str) -> subprocess.Popen[str]:
        """Resume the search in `out` in the background."""
        return self.launch([f"--resume={self.project.path / 'out'}", *options])

    def launch(self, options: list[str], **popen: Any) -> subprocess.Popen[str]:
        self.controllers.append(self.project.start(*options, **popen))
        return self.controllers[-1]

    def go(self) -> None:
        """Let held runs end."""
        (self.project.path / GO).touch()

    def finish(self, controller: subprocess.Popen[str]) -> Result:
        """Wait for the end of a search in the background."""
        stdout, stderr = controller.communicate(timeout=60)
        return Result(controller.returncode, stdout, stderr)

    def await_runs(self, count: int) -> list[TrainRun]:
        """Wait until `count` runs have started; return all."""
        wait_until(lambda: len(self.gpus.runs()) >= count, f"{count} runs started")
        return self.gpus.runs()

    def await_log(self, text: str, out: str = "out") -> str:
        """Wait until a search in the background has printed a text; return all that it printed."""
        log = self.project.path / out / ".hpsearch" / "controller.log"
        wait_until(lambda: log.exists() and text in log.read_text(), text)
        return log.read_text()

    def used(self) -> list[str | None]:
        """Return the GPUs of all runs so far, in order of their start."""
        return [run.visible_devices for run in self.gpus.runs()]

    def most_at_once(self) -> dict[str | None, int]:
        """Return for each GPU how many runs were there at once at most."""
        return {
            gpu: max(sum(r.start <= at.start < (r.end or r.start) for r in runs) for at in runs)
            for gpu, runs in self._by_gpu().items()
        }

    def _by_gpu(self) -> dict[str | None, list[TrainRun]]:
        runs = self.gpus.runs()
        return {gpu: [run for run in runs if run.visible_devices == gpu] for gpu in self.used()}

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Return the journal's events of one kind."""
        return journal_events(self.project.path / "out", kind)

    def held_locks(self) -> int:
        """Return for how many GPUs a search holds the lock that says that its run starts up."""
        return sum(map(is_locked, Path(self.project.environment["HPSEARCH_GPU_LOCKS"]).iterdir()))

    def states(self) -> list[str]:
        """Return the states of all attempts, in order of their end."""
        return [event["state"] for event in self.events("collected")]


def is_locked(path: Path) -> bool:
    """Return whether someone holds a lock on a file."""
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


@pytest.fixture
def box(project: Project, tmp_path: Path) -> Iterator[Box]:
    """Two idle GPUs of 16384 MiB, unless a test describes others."""
    with FakeGpus(tmp_path / "gpus") as gpus:
        gpus.write(IDLE, IDLE)
        project.environment.update(gpus.own_variables())
        project.environment.update(PATH=gpus.env()["PATH"], HPSEARCH_GPU_LOCKS=str(tmp_path / "locks"))
        made = Box(project, gpus)
        yield made
        for controller in made.controllers:
            if controller.poll() is None:
                controller.kill()
            controller.communicate()


def test_runs_go_to_all_gpus_at_once(box: Box) -> None:
    box.grid(2, **HELD)
    controller = box.start()
    runs = box.await_runs(2)
    box.go()
    assert {run.visible_devices for run in runs} == {"0", "1"}
    assert box.finish(controller).exit_status == 0


def test_a_runs_numbers_mean_the_same_to_cuda_as_to_the_drivers_tool(box: Box) -> None:
    box.describe({"load_percent": 100}, IDLE, cuda_order=[1, 0])
    box.grid(1, **HELD)
    controller = box.start()
    (run,) = box.await_runs(1)
    wait_until(lambda: bool(box.gpus.processes()), "the run's process on a GPU")
    apps = box.gpus.run("nvidia-smi", "--query-compute-apps=pid,gpu_uuid", "--format=csv,noheader").stdout
    box.go()
    box.finish(controller)
    assert (run.visible_devices, run.device_order, apps) == ("1", "PCI_BUS_ID", f"{run.pid}, {UUIDS[1]}\n")


def test_fault_2_the_end_of_a_run_frees_its_slot_at_once_even_in_its_start_up_time(box: Box) -> None:
    box.describe(IDLE)
    box.grid(3)
    box.search("--sim_startup_time=600")
    first, second, third = box.gpus.runs()
    pauses = [second.start - (first.end or 0), third.start - (second.end or 0)]
    # If the slot waited for a timer, this would take ten seconds.
    assert max(pauses) < 8


def test_a_gpu_takes_no_second_run_in_the_start_up_time_of_the_first(box: Box) -> None:
    box.describe(IDLE)
    box.grid(2, **HELD, memory_mb=[0], load_percent=[0])
    controller = box.start(QUICK, "--max_num_jobs_per_gpu=2", "--sim_startup_time=1")
    first, second = box.await_runs(2)
    box.go()
    box.finish(controller)
    submitted = [event["at"] for event in box.events("submitted")]
    assert first.end is None and second.end is None
    assert submitted[1] - submitted[0] >= 1


def test_several_runs_share_a_gpu_the_emptier_one_first(box: Box) -> None:
    box.grid(5, **HELD, memory_mb=[0], load_percent=[0])
    controller = box.start(NO_STARTUP, "--max_num_jobs_per_gpu=2")
    used = [run.visible_devices for run in box.await_runs(4)]
    box.go()
    assert box.finish(controller).exit_status == 0
    places = [event["place"] for event in box.events("submitted")]
    assert Counter(used) == {"0": 2, "1": 2}
    assert places[:4] == ["GPU 0", "GPU 1", "GPU 0", "GPU 1"]


def test_a_gpu_never_has_more_runs_than_allowed(box: Box) -> None:
    box.grid(9, seconds=[0.1], memory_mb=[0], load_percent=[0])
    box.search(QUICK, NO_STARTUP, "--max_num_jobs_per_gpu=2")
    assert all(count <= 2 for count in box.most_at_once().values())


def test_listed_gpus_are_the_only_ones_and_the_first_is_preferred(box: Box) -> None:
    box.describe(IDLE, IDLE, IDLE, IDLE)
    box.grid(4)
    box.search(QUICK, "--visible_gpus=3,1")
    places = [event["place"] for event in box.events("submitted")]
    assert (places[:2], set(places)) == (["GPU 3", "GPU 1"], {"GPU 3", "GPU 1"})


def test_the_emptiest_gpu_comes_first(box: Box) -> None:
    box.describe({"load_percent": 40}, {"memory_used_mb": 4000}, IDLE)
    box.grid(1)
    box.search()
    assert box.used() == ["2"]


def test_the_callers_own_variable_restricts_all_gpus(box: Box) -> None:
    box.describe(IDLE, IDLE, IDLE)
    box.grid(2, seconds=[0.2])
    box.project.environment["CUDA_VISIBLE_DEVICES"] = "2,1"
    box.search(QUICK)
    assert (box.events("submitted")[0]["place"], set(box.used()) <= {"2", "1"}) == ("GPU 2", True)


def test_without_gpus_the_callers_own_variable_reaches_the_run_untouched(box: Box) -> None:
    box.grid(1)
    box.project.environment["CUDA_VISIBLE_DEVICES"] = "MIG-5"
    box.search("--visible_gpus=-1")
    (run,) = box.gpus.runs()
    assert (run.visible_devices, run.device_order, box.gpus.calls()) == ("MIG-5", None, [])


@pytest.mark.parametrize(
    ("at_limit", "beyond", "options"),
    [
        ({"load_percent": 29}, {"load_percent": 30}, ["--allowed_load=0.29"]),
        ({"memory_used_mb": 8384}, {"memory_used_mb": 8385}, ["--allowed_memory=1", "--min_free_memory=8000"]),
        (IDLE, {"load_percent": 1}, ["--allowed_load=0", "--allowed_memory=0"]),
    ],
)
def test_a_gpu_exactly_at_a_limit_is_allowed_and_one_beyond_it_is_not(
    box: Box, at_limit: dict[str, Any], beyond: dict[str, Any], options: list[str]
) -> None:
    box.describe(beyond, at_limit)
    box.grid(1)
    box.search(QUICK, *options)
    assert box.used() == ["1"]


def test_a_limit_of_one_allows_everything(box: Box) -> None:
    box.describe({"load_percent": 100, "memory_used_mb": 16384})
    box.grid(1)
    box.search(QUICK, "--allowed_load=1", "--allowed_memory=1")
    assert box.used() == ["0"]


def test_a_search_that_waits_says_for_what_and_goes_on(box: Box) -> None:
    box.describe({"load_percent": 93}, {"memory_used_mb": 12288})
    box.grid(1)
    controller = box.start(QUICK)
    told = box.await_log("waiting")
    box.describe(IDLE, IDLE)
    assert box.finish(controller).exit_status == 0
    assert told.count("waiting") == 1
    assert (
        "waiting, no run can start now: GPU 0: load 0.93, --allowed_load=0.5; "
        "GPU 1: memory in use 0.75, --allowed_memory=0.5\n"
    ) in told


def test_the_driver_is_asked_only_while_a_slot_could_be_filled(box: Box) -> None:
    box.describe(IDLE)
    box.grid(3, seconds=[0.3])
    box.search()
    runs = box.gpus.runs()
    asked = [call.time for call in box.gpus.calls()]
    assert not any(run.start < time < (run.end or 0) for run in runs for time in asked)


def test_the_gpus_and_their_driver_are_recorded_without_another_question(box: Box) -> None:
    box.describe(IDLE, IDLE)
    box.grid(1)
    box.search("--gpu_samples=1")
    found = json.loads((box.project.path / "out/.hpsearch/provenance/1.json").read_text())
    assert (found["gpus"], found["driver"]) == (["NVIDIA Stand-in"] * 2, "535.161.08")
    assert len(box.gpus.calls()) == 2


def test_a_gpu_counts_as_free_after_the_asked_number_of_readings(box: Box) -> None:
    box.describe(IDLE)
    box.grid(1)
    box.search("--gpu_samples=5")
    (run,) = box.gpus.runs()
    readings = [call for call in box.gpus.calls() if "mig.mode.current" not in call.argv[0] and call.time < run.start]
    assert len(readings) == 5


def test_one_bad_reading_among_good_ones_starts_the_count_anew(box: Box) -> None:
    # The first two calls list the cards and take the first reading, in any order.
    box.describe({"load_percent": {"by_call": [0, 0, 90, 0]}})
    box.grid(1)
    box.search("--gpu_samples=2")
    (run,) = box.gpus.runs()
    assert len([call for call in box.gpus.calls() if call.time < run.start]) == 5


@pytest.mark.slow
def test_a_full_gpu_that_dips_for_a_moment_is_not_taken(box: Box) -> None:
    box.describe({"load_percent": {"by_call": [90, 90, 0, 90, 0]}})
    box.grid(1)
    box.search("--gpu_samples=2")
    (run,) = box.gpus.runs()
    before = [call.time for call in box.gpus.calls() if call.time < run.start]
    assert (len(before), before[5] - before[4] > 0.9) == (6, True)


def test_a_slow_driver_only_makes_the_start_slower(box: Box) -> None:
    box.describe(IDLE, failures=[{"kind": "hang", "seconds": 1.2}])
    box.grid(1)
    box.search("--gpu_samples=2")
    assert box.used() == ["0"]


OTHERS = [{"pid": 4999999, "gpu": 0, "memory_mb": 10}]


@pytest.mark.parametrize(("options", "used"), [([], "0"), (["--exclusive_gpus"], "1")])
def test_a_gpu_on_which_someone_else_computes_is_left_alone_if_wished(box: Box, options: list[str], used: str) -> None:
    box.describe(IDLE, IDLE, others=OTHERS)
    box.grid(1)
    box.search(*options)
    assert box.used() == [used]


def test_runs_of_the_search_are_not_someone_elses_processes(box: Box) -> None:
    box.describe(IDLE)
    box.grid(2, **HELD, load_percent=[0])
    controller = box.start(QUICK, NO_STARTUP, "--exclusive_gpus", "--max_num_jobs_per_gpu=2")
    box.await_runs(2)
    box.go()
    assert box.finish(controller).exit_status == 0


def test_what_a_run_of_the_search_has_left_behind_is_not_someone_elses_process(box: Box) -> None:
    box.describe(IDLE)
    service = [str(FAKE_TRAIN), "--until=leave", "--load_percent=0"]
    leaves_a_service = (
        "import subprocess, sys\n"
        f"train = [sys.executable, {str(FAKE_TRAIN)!r}]\n"
        "if '--x=0' in sys.argv:\n"
        f"    subprocess.Popen([sys.executable, *{service!r}], start_new_session=True)\n"
        "sys.exit(subprocess.call([*train, *sys.argv[1:]]))\n"
    )
    box.grid(2, script=leaves_a_service, **HELD)
    controller = box.start(QUICK, NO_STARTUP, "--exclusive_gpus")
    wait_until(lambda: len(box.gpus.processes()) == 2, "the run and its service on the card")
    box.go()
    try:
        assert box.finish(controller).exit_status == 0
        assert len(box.gpus.processes()) == 1
    finally:
        (box.project.path / "leave").touch()
    wait_until(lambda: not box.gpus.processes(), "the end of the service")


def test_foreign_processes_are_looked_for_before_every_start_and_waited_for(box: Box) -> None:
    box.describe(IDLE)
    box.grid(2, **HELD)
    controller = box.start(QUICK, "--exclusive_gpus")
    box.await_runs(1)
    box.describe(IDLE, others=OTHERS)
    box.go()
    told = box.await_log("waiting")
    count = len(box.gpus.runs())
    box.describe(IDLE)
    assert (box.finish(controller).exit_status, count) == (0, 1)
    assert "GPU 0: a process of someone else computes there, --exclusive_gpus\n" in told


def test_a_run_may_have_several_gpus(box: Box) -> None:
    box.describe(IDLE, IDLE, IDLE, IDLE)
    box.grid(2, **HELD)
    controller = box.start("--num_gpus_per_run=2", "--visible_gpus=3,1,0,2")
    used = [run.visible_devices for run in box.await_runs(2)]
    box.go()
    result = box.finish(controller)
    assert sorted(used, key=str) == ["0,2", "3,1"]
    assert re.search(r"GPUs 3,1: run 1 \(waited \d+\.\d s\)\n", result.stderr)


def test_runs_with_several_gpus_never_share_one_beyond_the_limit_and_none_starves(box: Box) -> None:
    box.describe(IDLE, IDLE, IDLE)
    box.grid(4, seconds=[0.1])
    box.search(QUICK, NO_STARTUP, "--num_gpus_per_run=2")
    runs = box.gpus.runs()
    overlaps = [
        (one.visible_devices, other.visible_devices)
        for one in runs
        for other in runs
        if one.start < other.start < (one.end or 0)
    ]
    assert (len(runs), overlaps) == (4, [])


def test_runs_adopted_with_one_gpu_do_not_starve_those_that_want_two(box: Box) -> None:
    box.grid(4, **HELD)
    controller = box.start()
    box.await_runs(2)
    controller.kill()
    controller.communicate()
    resumed = box.resume("--num_gpus_per_run=2")
    wait_until(lambda: len(box.events("controller")) == 2, "the second controller")
    box.go()
    assert box.finish(resumed).exit_status == 0
    assert Counter(box.used()) == {"0": 1, "1": 1, "0,1": 2}


def test_a_search_waits_while_another_ones_run_starts_up_and_a_killed_search_blocks_none(box: Box) -> None:
    box.describe(IDLE)
    box.grid(1, **HELD, memory_mb=[0], load_percent=[0])
    first = box.start(QUICK, "--sim_startup_time=600", out="first")
    box.await_runs(1)
    second = box.start(QUICK, "--sim_startup_time=600", out="second")
    told = box.await_log("waiting", out="second")
    count = len(box.gpus.runs())
    first.kill()
    box.await_runs(2)
    box.go()
    assert (box.finish(second).exit_status, count) == (0, 1)
    assert "GPU 0: a run of another search starts up there\n" in told


def test_a_run_that_has_started_up_keeps_no_other_search_away(box: Box) -> None:
    box.describe(IDLE)
    box.grid(1, **HELD, memory_mb=[0], load_percent=[0])
    both = [box.start(QUICK, NO_STARTUP, out=out) for out in ("first", "second")]
    box.await_runs(2)
    box.go()
    assert [box.finish(controller).exit_status for controller in both] == [0, 0]


def test_two_searches_at_once_never_both_take_the_last_slot(box: Box) -> None:
    box.describe(IDLE)
    box.grid(2, seconds=[0.1], memory_mb=[0], load_percent=[0])
    both = [box.start(QUICK, "--sim_startup_time=600", out=out) for out in ("first", "second")]
    assert [box.finish(controller).exit_status for controller in both] == [0, 0]
    assert (len(box.gpus.runs()), box.most_at_once()) == (4, {"0": 1})


WITHOUT = "Or give --visible_gpus=-1 to run without assigning GPUs"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--visible_gpus=7", "--visible_gpus: there is no GPU 7 (this machine has 0)"),
        (
            "--min_free_memory=20000",
            "GPU 0 (NVIDIA Stand-in) has 16384 MiB in all, less than --min_free_memory=20000",
        ),
    ],
)
def test_a_card_that_an_option_shuts_out_ends_the_search_before_anything_is_written(
    box: Box, option: str, message: str
) -> None:
    box.describe(IDLE)
    box.grid(1)
    result = box.run(option)
    assert (result.exit_status, result.stdout) == (2, "")
    assert result.stderr == f"hpsearch: no GPU can be used: {message}. {WITHOUT}\n"
    assert not (box.project.path / "out").exists()


#: Odd cards, and how the message about each begins.
ODD_CARDS: list[tuple[dict[str, Any], str]] = [
    ({"mig": "Enabled", "name": "NVIDIA A100"}, "(NVIDIA A100) is divided by MIG"),
    (
        {"name": "NVIDIA GB10", "fields": dict.fromkeys(("memory.total", "memory.used", "memory.free"), "[N/A]")},
        "(NVIDIA GB10) does not say how much of its memory is in use ([N/A])",
    ),
    ({"fields": {"utilization.gpu": "[Not Supported]"}}, "(NVIDIA Stand-in) does not say its load ([Not Supported])"),
    (
        {"fields": dict.fromkeys(("utilization.gpu", "memory.used", "memory.total"), "[GPU requires reset]")},
        "(NVIDIA Stand-in) needs a reset",
    ),
    ({"compute_mode": "Prohibited"}, "(NVIDIA Stand-in) lets no process compute"),
]


def test_odd_cards_beside_a_good_one_are_a_warning_each(box: Box) -> None:
    box.describe(*(gpu for gpu, _ in ODD_CARDS), IDLE)
    box.grid(2)
    result = box.search(QUICK)
    told = [f"warning: GPU {index} {message}" for index, (_, message) in enumerate(ODD_CARDS)]
    assert [result.stderr.count(line) for line in told] == [1] * 5
    assert set(box.used()) == {"5"}


def test_a_driver_that_fails_ends_the_search_with_the_remedy(box: Box) -> None:
    box.describe(IDLE, failures=[{"kind": "version_mismatch"}])
    box.grid(1)
    result = box.run()
    assert (result.exit_status, result.stderr) == (
        2,
        "hpsearch: nvidia-smi fails: Failed to initialize NVML: Driver/library version mismatch NVML library version: "
        f"535.161. Remedy: reboot, so that the driver that was installed last is the one that is loaded. {WITHOUT}\n",
    )


@pytest.mark.parametrize(
    ("callers", "failures", "reason"),
    [
        (None, [{"kind": "no_devices"}], "no GPU found (nvidia-smi: No devices were found)"),
        ("", [], "CUDA_VISIBLE_DEVICES= hides all GPUs"),
    ],
)
def test_fault_20_a_machine_without_gpus_is_said_once_and_runs_go_on_in_the_foreground(
    box: Box, callers: str | None, failures: list[dict[str, Any]], reason: str
) -> None:
    box.describe(IDLE, failures=failures)
    box.grid(2)
    if callers is not None:
        box.project.environment["CUDA_VISIBLE_DEVICES"] = callers
    result = box.search()
    lines = [line[20:] for line in result.stderr.splitlines() if "GPU" in line]
    assert lines == [f"{reason}: one run at a time (see --num_cpu_jobs)"]


def test_a_machine_without_gpus_is_said_to_run_as_many_at_once_as_was_asked_for(box: Box) -> None:
    box.describe(IDLE, failures=[{"kind": "no_devices"}])
    box.grid(1)
    assert "no GPU found (nvidia-smi: No devices were found): 2 runs at once\n" in box.search("--num_cpu_jobs=2").stderr


def test_listed_gpus_on_a_machine_without_any_are_an_error(box: Box) -> None:
    box.describe(IDLE, failures=[{"kind": "no_devices"}])
    box.grid(1)
    result = box.run("--visible_gpus=0")
    assert (result.exit_status, "nvidia-smi: No devices were found" in result.stderr) == (2, True)


def test_a_comma_in_a_cards_name_does_no_harm(box: Box) -> None:
    box.describe({"name": "NVIDIA, Inc. Card"})
    box.grid(1)
    box.search()
    assert box.used() == ["0"]


def test_a_gpu_that_takes_one_process_gets_one_run(box: Box) -> None:
    box.describe({"compute_mode": "Exclusive_Process"})
    box.grid(3, memory_mb=[0], load_percent=[0], seconds=[0.1])
    box.search(QUICK, NO_STARTUP, "--max_num_jobs_per_gpu=3")
    assert box.most_at_once() == {"0": 1}


@pytest.mark.slow
def test_a_driver_failure_in_mid_search_is_one_warning_and_then_it_goes_on(box: Box) -> None:
    box.describe(IDLE)
    box.grid(3, **HELD)
    controller = box.start(QUICK)
    box.await_runs(1)
    box.describe(IDLE, failures=[{"kind": "no_driver"}])
    wait_until(lambda: time.time() - box.gpus.calls()[-1].time > 1.2, "the latest reading is too old to be used")
    box.go()
    calls = len(box.gpus.calls())
    box.await_log("warning: ")
    wait_until(lambda: len(box.gpus.calls()) >= calls + 2, "another question to the driver")
    started = len(box.gpus.runs())
    box.describe(IDLE)
    result = box.finish(controller)
    assert (result.exit_status, started, len(box.gpus.runs())) == (0, 1, 3)
    assert [line[20:] for line in result.stderr.splitlines() if "warning" in line] == [
        "warning: nvidia-smi gave no readings (NVIDIA-SMI has failed because "
        "it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver is installed and "
        "running.): running runs go on, no new one is started until it answers again"
    ]
    assert result.stderr.count("nvidia-smi answers again") == 1


#: Runs out of memory on GPU 0.
OUT_OF_MEMORY = """\
import os, sys
options = dict(word[2:].partition("=")[::2] for word in sys.argv[1:])
os.makedirs(options["out_dir"])
if os.environ["CUDA_VISIBLE_DEVICES"] == "0":
    print("epoch 1", file=sys.stderr)
    sys.exit("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.")
open(options["out_dir"] + "/summary.txt", "w").write("score 1\\nfinished 1\\n")
"""


def test_a_run_out_of_gpu_memory_is_called_so(box: Box) -> None:
    box.describe(IDLE)
    box.grid(1, script=OUT_OF_MEMORY)
    result = box.run()
    assert (result.exit_status, box.states()) == (1, ["out of memory"])
    message = r" run 1 out of memory on GPU 0: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."
    assert re.search(message + r"\n.* hpsearch logs .* 1 --err\n", result.stderr)


def test_a_run_out_of_memory_is_tried_again_on_a_gpu_with_more(box: Box) -> None:
    box.describe(IDLE, {"memory_total_mb": 40960})
    box.grid(1, script=OUT_OF_MEMORY)
    box.search(QUICK, "--retries=1")
    assert box.states() == ["out of memory", "finished"]
    assert [event["place"] for event in box.events("submitted")] == ["GPU 0", "GPU 1"]


@pytest.mark.parametrize("others", [[], [{"memory_total_mb": 40960}]])
def test_a_run_out_of_memory_is_not_tried_again_where_no_allowed_gpu_has_more(
    box: Box, others: list[dict[str, Any]]
) -> None:
    box.describe(IDLE, *others)
    box.grid(1, script=OUT_OF_MEMORY)
    result = box.run(QUICK, "--retries=3", "--visible_gpus=0")
    assert (result.exit_status, box.states()) == (1, ["out of memory"])


#: The run x=0 runs out of memory beside another one, and finishes when it is alone.
OUT_OF_MEMORY_BESIDE_ANOTHER = """\
import os, sys, time
options = dict(word[2:].partition("=")[::2] for word in sys.argv[1:])
os.makedirs(options["out_dir"])
x = options["x"]
is_first = not os.path.exists("tried-" + x)
open("tried-" + x, "w").close()
while x == "1" and not os.path.exists("go") or x == "0" and is_first and not os.path.exists("tried-1"):
    time.sleep(0.02)
time.sleep(0.1)
if x == "0" and is_first:
    sys.exit("RuntimeError: CUDA error: out of memory")
open(options["out_dir"] + "/summary.txt", "w").write("score 1\\nfinished 1\\n")
"""


def test_a_run_out_of_memory_beside_another_is_tried_again_alone(box: Box) -> None:
    box.describe(IDLE)
    box.grid(2, script=OUT_OF_MEMORY_BESIDE_ANOTHER)
    controller = box.start(QUICK, NO_STARTUP, "--max_num_jobs_per_gpu=2", "--retries=1")
    box.await_log("running it again")
    box.go()
    assert box.finish(controller).exit_status == 0
    assert box.states() == ["out of memory", "finished", "finished"]
    assert [event["run"] for event in box.events("collected")] == [1, 2, 1]


#: A run with a child of its own that uses the GPU, as data loaders do.
WITH_CHILD = f"""\
import subprocess, sys
subprocess.run([sys.executable, "-S", {str(FAKE_TRAIN)!r}, "--seconds=600"])
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=str)
def test_fault_7_no_child_of_a_run_keeps_a_gpu_after_a_stop(box: Box, number: signal.Signals) -> None:
    box.grid(2, script=WITH_CHILD)
    controller = box.start()
    wait_until(lambda: len(box.gpus.processes()) == 2, "two children that use GPUs")
    controller.send_signal(number)
    result = box.finish(controller)
    assert (result.exit_status, box.gpus.processes()) == (128 + number, [])
    assert box.states() == ["cancelled", "cancelled"]


def test_fault_6_a_resumed_search_adopts_live_runs_with_their_gpus(box: Box) -> None:
    box.grid(4, **HELD)
    controller = box.start(QUICK, "--sim_startup_time=600")
    box.await_runs(2)
    controller.kill()
    controller.communicate()
    resumed = box.resume()
    wait_until(lambda: box.held_locks() == 2, "the adopted runs' slots")
    live = len(box.gpus.runs())
    box.go()
    assert (box.finish(resumed).exit_status, live) == (0, 2)
    assert (len(box.gpus.runs()), box.most_at_once()) == (4, {"0": 1, "1": 1})


def test_the_closing_table_says_which_gpu_each_run_had_and_how_long_it_waited(box: Box) -> None:
    box.grid(3)
    result = box.search(QUICK)
    lines = [line[20:] for line in result.stderr.splitlines()]
    closing = lines[next(index for index, line in enumerate(lines) if line.startswith("3 runs: 3 finished")) :]
    assert any(re.fullmatch(r"GPU 0: runs? 1(, 3)? \(waited [\d.]+( to [\d.]+)? s\)", line) for line in closing)
    assert any(re.fullmatch(r"GPU 1: runs? 2(-3)? \(waited [\d.]+( to [\d.]+)? s\)", line) for line in closing)
    header = next(index for index, line in enumerate(closing) if line.split() == ["score", "run", "on", "waited", "x"])
    assert re.fullmatch(r"  0\.5 +1 +GPU 0 +[\d.]+ s +0", closing[header + 1])


def test_the_journal_says_which_gpu_each_run_had_and_how_long_it_waited(box: Box) -> None:
    box.describe(IDLE)
    box.grid(2, seconds=[0.5])
    box.search(QUICK)
    first, second = box.events("submitted")
    assert [first["place"], second["place"]] == ["GPU 0", "GPU 0"]
    assert first["environment"]["CUDA_VISIBLE_DEVICES"] == "0"
    assert 0 <= first["waited_s"] < second["waited_s"] and second["waited_s"] >= 0.5


def test_lines_of_progress_say_which_gpu_a_run_has(box: Box) -> None:
    box.describe(IDLE)
    box.grid(1)
    lines = [line[20:] for line in box.search(QUICK).stderr.splitlines()]
    assert "run 1/1 started on GPU 0" in lines
    assert any(
        re.fullmatch(r"run 1/1 finished after .* s on GPU 0: score 0\.5 \[1 of 1 done\]", line) for line in lines
    )


def test_the_bar_on_a_terminal_shows_the_slots_in_use_on_each_gpu(box: Box) -> None:
    box.grid(3, **HELD, memory_mb=[0], load_percent=[0])
    terminal, slave = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))
    read = bytearray()
    options = box.options(QUICK, NO_STARTUP, "--max_num_jobs_per_gpu=2")
    controller = subprocess.Popen(
        box.project.argv(*options),
        cwd=box.project.path,
        env=box.project.environ(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=slave,
        text=True,
    )
    box.controllers.append(controller)
    os.close(slave)
    os.set_blocking(terminal, False)

    def has_shown(text: bytes) -> bool:
        try:
            read.extend(os.read(terminal, 65536))
        except (BlockingIOError, OSError):
            pass
        return text in read

    try:
        wait_until(lambda: has_shown(b"3 running, GPU 0: 2, GPU 1: 1"), "the bar")
        box.go()
        wait_until(lambda: has_shown(b"3 runs: 3 finished") or controller.poll() is not None, "the end")
    finally:
        os.close(terminal)


WORN = "WARNING: infoROM is corrupted at gpu 0000:0B:00.0\n"


@pytest.mark.parametrize("where, options", [("after", [QUICK]), ("errors", [QUICK, "--exclusive_gpus"])])
def test_a_worn_info_rom_is_told_once_and_its_card_is_used(box: Box, where: str, options: list[str]) -> None:
    box.describe(IDLE, code=14, **{where: WORN})
    box.grid(2)
    result = box.search(*options)
    assert (box.used(), result.stderr.count("infoROM is corrupted at gpu 0000:0B:00.0")) == (["0", "0"], 1)


def test_a_warning_that_comes_in_mid_search_ends_no_search(box: Box) -> None:
    box.describe(IDLE)
    # Readings are used for a second: those from before the first run are too old after it.
    box.grid(2, seconds=[1.2])
    controller = box.start(QUICK)
    box.await_runs(1)
    box.describe(IDLE, code=14, after=WORN)
    result = box.finish(controller)
    told = [line[20:] for line in result.stderr.splitlines() if "infoROM is corrupted" in line]
    assert (result.exit_status, [line[:29] for line in told]) == (0, ["warning: nvidia-smi says: WAR"])


def test_what_was_asked_of_the_driver_is_kept(box: Box) -> None:
    box.describe(IDLE, after=WORN, code=14)
    box.grid(1)
    box.search(QUICK)
    kept = (box.project.path / "out" / ".hpsearch" / "conversation.jsonl").read_text().splitlines()
    asked = [json.loads(line) for line in kept]
    (listed,) = [entry for entry in asked if "mig.mode" in entry["asked"]]
    assert (listed["status"], listed["output"].endswith(WORN)) == (14, True)


def test_no_nvidia_smi_at_all_is_said_once(box: Box) -> None:
    bare = box.project.path / "bin"
    bare.mkdir()
    for name in ("sh", "env", "mkdir", "sleep"):
        (bare / name).symlink_to(str(shutil.which(name)))
    box.grid(2)
    box.project.environment["PATH"] = str(bare)
    result = box.search()
    assert result.stderr.count("no GPU found (no nvidia-smi on PATH): one run at a time (see --num_cpu_jobs)\n") == 1
    assert [run.visible_devices for run in box.gpus.runs()] == [None, None]


@pytest.mark.parametrize(
    ("distutils", "remedy"),
    [
        ("local", "python -m pip install GPUtil setuptools"),
        ("stdlib", "unset SETUPTOOLS_USE_DISTUTILS"),
    ],
)
def test_a_gputil_that_cannot_be_imported_is_said_with_the_remedy(box: Box, distutils: str, remedy: str) -> None:
    message = "No module named 'distutils'"
    box.project.write("GPUtil.py", f'raise ModuleNotFoundError("{message}", name="distutils")\n')
    box.project.environment["SETUPTOOLS_USE_DISTUTILS"] = distutils
    box.grid(1)
    result = box.run()
    assert (result.exit_status, result.stderr) == (
        2,
        f"hpsearch: the package GPUtil cannot be imported ({message}): {remedy}; or give --visible_gpus=-1 to run "
        "without GPUs\n",
    )


def test_eight_places_on_gpus_are_never_empty_while_a_sampler_has_more_to_suggest(box: Box) -> None:
    box.describe(IDLE, IDLE, IDLE, IDLE)
    box.grid(40, seconds=[1.5, 2.0, 2.5], memory_mb=[0], load_percent=[0])
    options = ["--sampler=bayes", "--num_searches=24", "--max_num_jobs_per_gpu=2", NO_STARTUP, QUICK]
    result = box.project.run(*options, "--visible_gpus=", "--out_dir=out", "--force_out_dir")
    assert result.exit_status == 0, result.stderr
    folder = box.project.path / "out"
    assert len(set(suggested(folder))) == len(box.gpus.runs()) == 24
    assert set(box.most_at_once().values()) == {2}
    ends, starts = ([event["at"] for event in box.events(kind)] for kind in ("ended", "submitted"))
    pauses = [start - end for start, end in zip(starts[8:], sorted(ends))]
    # If a place waited for a timer, this would take ten seconds.
    assert max(pauses) < 5
    assert check_each_prefix(folder) == 24
