"""The nvidia-smi stand-in, called directly and through the real GPUtil."""

import math
import os
import signal
import subprocess
import sys
import time
import warnings

import pytest

from .worlds import FAKE_TRAIN, wait_until

QUERY = ("nvidia-smi", "--format=csv,noheader,nounits")
MEMORY = (*QUERY, "--query-gpu=index,memory.used,utilization.gpu")
DRIVER_TEXT = (
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. "
    "Make sure that the latest NVIDIA driver is installed and running.\n\n"
)


@pytest.fixture
def gputil(fake_gpus, monkeypatch):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports distutils
        module = pytest.importorskip("GPUtil")
    fake_gpus.install(monkeypatch)
    return module


@pytest.fixture
def start_training(fake_gpus, tmp_path):
    """Give a function that starts fake_train.py and returns it once it is registered; the file ends all of them."""
    children = []

    def start(*words, **variables):
        command = [sys.executable, str(FAKE_TRAIN), f"--until={tmp_path / 'finish'}", *words]
        child = subprocess.Popen(command, env={**fake_gpus.env(), **variables})
        children.append(child)
        wait_until(lambda: child.pid in fake_gpus.processes())
        return child

    yield start
    for child in children:
        child.kill()
        child.wait()


def answer(world, *words):
    return world.run(*words).stdout


def test_gputil_sees_the_gpus_of_the_scenario(gputil, fake_gpus):
    fake_gpus.write(
        {"name": "A100", "memory_total_mb": 40960, "memory_used_mb": 4096, "load_percent": 25, "uuid": "GPU-a"},
        {"name": "V100", "memory_total_mb": 16384, "memory_reserved_mb": 384, "uuid": "GPU-b"},
    )
    found = [(g.id, g.uuid, g.name, g.memoryTotal, g.memoryUsed, g.memoryFree, g.load) for g in gputil.getGPUs()]
    assert found == [(0, "GPU-a", "A100", 40960, 4096, 36864, 0.25), (1, "GPU-b", "V100", 16384, 0, 16000, 0.0)]


def test_gputil_finds_the_free_gpu(gputil, fake_gpus):
    fake_gpus.write({"load_percent": 90}, {"memory_used_mb": 16000}, {})
    assert gputil.getAvailable(limit=9) == [2]


def test_gputil_is_misled_by_a_comma_in_a_name(gputil, fake_gpus):
    fake_gpus.write({"name": "Card, big", "temperature": 77})
    assert math.isnan(gputil.getGPUs()[0].temperature)


def test_a_mig_parent_has_no_load(gputil, fake_gpus):
    fake_gpus.write({"mig": "Enabled"})
    assert math.isnan(gputil.getGPUs()[0].load)


def test_a_gpu_with_unified_memory_has_no_memory_figures(fake_gpus):
    fake_gpus.write({"memory_total_mb": "[N/A]", "memory_used_mb": "[N/A]"})
    assert answer(fake_gpus, *QUERY, "--query-gpu=memory.total,memory.used,memory.free") == "[N/A], [N/A], [N/A]\n"


def test_a_field_can_be_any_text(fake_gpus):
    fake_gpus.write({"fields": {"memory.used": "[GPU requires reset]"}})
    assert answer(fake_gpus, *MEMORY) == "0, [GPU requires reset], 0\n"


def test_values_change_from_call_to_call(fake_gpus):
    fake_gpus.write({"memory_used_mb": {"by_call": [100, 200]}})
    assert [answer(fake_gpus, *MEMORY) for _ in range(3)] == ["0, 100, 0\n", "0, 200, 0\n", "0, 200, 0\n"]


def test_values_change_with_time(fake_gpus):
    steps = {"by_time": [[0, 10], [60, 20], [7200, 30]]}
    fake_gpus.write({"load_percent": steps}, started_at=time.time() - 3600)
    assert answer(fake_gpus, *MEMORY) == "0, 0, 20\n"


def test_a_run_uses_the_gpu_it_was_given(fake_gpus, start_training):
    start_training("--memory_mb=5000", "--load_percent=30", CUDA_VISIBLE_DEVICES="1")
    assert answer(fake_gpus, *MEMORY) == "0, 0, 0\n1, 5000, 30\n"


def test_a_run_can_be_given_a_gpu_by_its_uuid(fake_gpus, start_training):
    fake_gpus.write({"uuid": "GPU-a"}, {"uuid": "GPU-b"})
    start_training("--memory_mb=5000", "--load_percent=30", CUDA_VISIBLE_DEVICES="GPU-b")
    assert answer(fake_gpus, *MEMORY) == "0, 0, 0\n1, 5000, 30\n"


@pytest.mark.parametrize(
    "order, answered", [("PCI_BUS_ID", "0, 5000, 30\n1, 0, 0\n"), ("FASTEST_FIRST", "0, 0, 0\n1, 5000, 30\n")]
)
def test_cuda_numbers_gpus_in_its_own_order_unless_told(fake_gpus, start_training, order, answered):
    fake_gpus.write({}, {}, cuda_order=[1, 0])
    start_training("--memory_mb=5000", "--load_percent=30", CUDA_VISIBLE_DEVICES="0", CUDA_DEVICE_ORDER=order)
    assert answer(fake_gpus, *MEMORY) == answered


def test_a_run_that_allocates_late_shows_late(fake_gpus, start_training):
    start_training("--memory_mb=5000", "--allocate_after_s=3600", CUDA_VISIBLE_DEVICES="0")
    assert answer(fake_gpus, *MEMORY) == "0, 0, 0\n1, 0, 0\n"


def test_a_killed_run_frees_its_gpu(fake_gpus, start_training):
    child = start_training(CUDA_VISIBLE_DEVICES="0")
    child.kill()
    child.wait()
    assert answer(fake_gpus, *MEMORY) == "0, 0, 0\n1, 0, 0\n"


def test_a_finished_run_frees_its_gpu_and_says_when_it_trained(fake_gpus, start_training, tmp_path):
    child = start_training("--memory_mb=5000", "--lr=0.1", CUDA_VISIBLE_DEVICES="1")
    (tmp_path / "finish").touch()
    child.wait()
    assert answer(fake_gpus, *MEMORY) == "0, 0, 0\n1, 0, 0\n"
    (run,) = fake_gpus.runs()
    assert (run.pid, run.visible_devices, run.argv[-1], run.start < run.end) == (child.pid, "1", "--lr=0.1", True)


def test_leaving_the_world_ends_what_trains(fake_gpus, start_training):
    child = start_training(CUDA_VISIBLE_DEVICES="0")
    fake_gpus.stop()
    assert child.wait() == -signal.SIGKILL


def test_compute_processes_are_listed_with_their_gpu(fake_gpus, start_training):
    fake_gpus.write({"uuid": "GPU-a"}, {"uuid": "GPU-b"}, others=[{"pid": 7, "gpu": 0, "memory_mb": 300}])
    child = start_training("--memory_mb=5000", CUDA_VISIBLE_DEVICES="1")
    listed = answer(fake_gpus, *QUERY, "--query-compute-apps=pid,gpu_uuid,used_memory,gpu_bus_id")
    assert listed == f"7, GPU-a, 300, 00000000:01:00.0\n{child.pid}, GPU-b, 5000, 00000000:02:00.0\n"


def test_in_a_container_no_process_is_listed(fake_gpus):
    fake_gpus.write({}, others=[{"pid": 7, "gpu": 0, "memory_mb": 300}], hide_processes=True)
    assert answer(fake_gpus, *QUERY, "--query-compute-apps=pid") == ""
    assert answer(fake_gpus, *MEMORY) == "0, 300, 0\n"


def test_the_list_of_gpus_names_mig_devices(fake_gpus):
    fake_gpus.write({"name": "A100", "uuid": "GPU-a", "mig_devices": [{"profile": "3g.20gb", "uuid": "MIG-a"}]})
    listed = "GPU 0: A100 (UUID: GPU-a)\n  MIG 3g.20gb      Device  0: (UUID: MIG-a)\n"
    assert answer(fake_gpus, "nvidia-smi", "-L") == listed


def test_a_header_and_units_appear_unless_switched_off(fake_gpus):
    fake_gpus.write({}, {})
    shown = answer(fake_gpus, "nvidia-smi", "--query-gpu=name,memory.total,utilization.gpu", "--format=csv", "-i", "1")
    assert shown == "name, memory.total [MiB], utilization.gpu [%]\nNVIDIA Stand-in, 16384 MiB, 0 %\n"


@pytest.mark.parametrize(
    "words, text",
    [
        (["--query-gpu=bogus", "--format=csv"], 'Field "bogus" is not a valid field to query.\n\n'),
        (["--query-gpu=index"], '"--format=" switch is missing.\n'),
        (["--bogus"], "Invalid combination of input arguments. Please run 'nvidia-smi -h' for help.\n\n"),
        (["-L", "-i", "7"], "No devices were found\n"),
    ],
)
def test_wrong_arguments_are_refused(fake_gpus, words, text):
    done = fake_gpus.run("nvidia-smi", *words)
    assert (done.stdout, done.returncode) == (text, 2)


@pytest.mark.parametrize(
    "kind, code, start",
    [
        ("no_driver", 9, DRIVER_TEXT),
        ("no_nvml", 12, "NVIDIA-SMI couldn't find libnvidia-ml.so library in your system. "),
        ("no_devices", 6, "No devices were found\n"),
        ("version_mismatch", 18, "Failed to initialize NVML: Driver/library version mismatch\n"),
        ("lost_gpu", 15, "Unable to determine the device handle for GPU0000:08:00.0: Unknown Error\n"),
    ],
)
def test_a_failure_has_its_text_on_stdout_and_stops_gputil(gputil, fake_gpus, kind, code, start):
    fake_gpus.write({}, failures=[{"kind": kind}])
    done = fake_gpus.run(*MEMORY)
    assert (done.returncode, done.stdout[: len(start)], done.stderr) == (code, start, "")
    with pytest.raises(ValueError, match="invalid literal"):
        gputil.getGPUs()


@pytest.mark.parametrize("failure", [{"kind": "empty"}, {"kind": "crash", "signal": 11}])
def test_gputil_takes_silence_for_no_gpus(gputil, fake_gpus, failure):
    fake_gpus.write({}, failures=[failure])
    assert gputil.getGPUs() == []


def test_any_other_answer_can_be_put_into_its_mouth(fake_gpus):
    fake_gpus.write({}, failures=[{"kind": "say", "stdout": "so\n", "stderr": "what\n", "code": 4}])
    done = fake_gpus.run(*MEMORY)
    assert (done.stdout, done.stderr, done.returncode) == ("so\n", "what\n", 4)


@pytest.mark.parametrize(
    "calls, codes", [(2, [0, 9, 0, 0]), ("2-3", [0, 9, 9, 0]), ("3-", [0, 0, 9, 9]), ([1, "4-"], [9, 0, 0, 9])]
)
def test_failures_come_at_the_calls_they_are_set_for(fake_gpus, calls, codes):
    fake_gpus.write({}, failures=[{"kind": "no_driver", "calls": calls}])
    assert [fake_gpus.run(*MEMORY).returncode for _ in codes] == codes


@pytest.mark.parametrize("between_s, code", [([0, 60], 0), ([60, 7200], 9)])
def test_failures_come_at_the_time_they_are_set_for(fake_gpus, between_s, code):
    failure = {"kind": "no_driver", "between_s": between_s}
    fake_gpus.write({}, failures=[failure], started_at=time.time() - 3600)
    assert fake_gpus.run(*MEMORY).returncode == code


def test_a_hang_outlasts_the_patience_of_its_caller(fake_gpus):
    fake_gpus.write({}, failures=[{"kind": "hang", "calls": 1}])
    with subprocess.Popen(MEMORY, env=fake_gpus.env()) as hanging:
        # Killed before it is counted, it would leave the hang to the next call.
        wait_until(lambda: fake_gpus.calls() != [])
        with pytest.raises(subprocess.TimeoutExpired):
            hanging.wait(timeout=0.3)
        hanging.kill()
    assert answer(fake_gpus, *MEMORY) == "0, 0, 0\n"


def test_a_short_hang_ends_with_the_true_answer(fake_gpus):
    fake_gpus.write({}, failures=[{"kind": "hang", "seconds": 0.1}])
    assert answer(fake_gpus, *MEMORY) == "0, 0, 0\n"


def test_calls_at_the_same_time_are_counted_once_each(fake_gpus):
    children = [subprocess.Popen(MEMORY, env=fake_gpus.env(), stdout=subprocess.DEVNULL) for _ in range(8)]
    assert [child.wait() for child in children] == [0] * 8
    assert [(call.number, call.argv) for call in fake_gpus.calls()] == [(n, MEMORY[1:]) for n in range(1, 9)]


def test_the_scripts_run_without_their_launcher(fake_gpus):
    script = FAKE_TRAIN.with_name("nvidia-smi")
    done = subprocess.run([script, "-L"], env={**os.environ, **fake_gpus.own_variables()}, capture_output=True)
    assert done.stdout.count(b"\n") == 2


def test_training_leaves_a_summary(fake_gpus, tmp_path):
    done = fake_gpus.run(sys.executable, str(FAKE_TRAIN), f"--out_dir={tmp_path / 'out'}", "--score=0.75", "--lr=3")
    assert (done.returncode, (tmp_path / "out" / "summary.txt").read_text()) == (0, "score 0.75\nfinished 1\n")


def test_training_refuses_a_folder_that_exists(fake_gpus, tmp_path):
    done = fake_gpus.run(sys.executable, str(FAKE_TRAIN), f"--out_dir={tmp_path}")
    assert (done.returncode, done.stderr) == (1, f"fake_train: the output folder {tmp_path} exists already\n")


def test_a_misspelt_key_is_refused(fake_gpus):
    with pytest.raises(ValueError, match="no such GPU: memory_used;"):
        fake_gpus.write({"memory_used": 3})
