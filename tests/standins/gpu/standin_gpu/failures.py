"""The ways in which nvidia-smi fails, and when."""

import os
import sys
import time

FAILURES = {
    "no_driver": (
        "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. "
        "Make sure that the latest NVIDIA driver is installed and running.\n\n",
        9,
    ),
    "no_nvml": (
        "NVIDIA-SMI couldn't find libnvidia-ml.so library in your system. "
        "Please make sure that the NVIDIA Display Driver is properly installed and present in your system.\n"
        "Please also try adding directory that contains libnvidia-ml.so to your system PATH.\n",
        12,
    ),
    "no_devices": ("No devices were found\n", 6),
    "version_mismatch": (
        "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 535.161\n",
        18,
    ),
    "lost_gpu": ("Unable to determine the device handle for GPU0000:08:00.0: Unknown Error\n", 15),
    "empty": ("", 0),
}


def failure_now(failures, call, seconds):
    """Return the first failure that is due, or None."""
    for failure in failures:
        calls, between = failure.get("calls"), failure.get("between_s")
        if (calls is None or named(calls, call)) and (between is None or between[0] <= seconds < between[1]):
            return failure
    return None


def named(calls, number):
    """Say whether `calls` (3, "3-5", "3-", or a list of those) names this number."""
    if isinstance(calls, list):
        return any(named(item, number) for item in calls)
    first, dash, last = str(calls).partition("-")
    if not dash:
        return number == int(first)
    return int(first) <= number and (not last or number <= int(last))


def fail(failure):
    """Fail in the given way; return the exit status, or None where the true answer follows."""
    kind = failure["kind"]
    if kind == "hang":
        time.sleep(failure.get("seconds", 3600))
        return None
    if kind == "crash":
        import signal  # what it imports takes longer than most calls

        os.kill(os.getpid(), failure.get("signal", signal.SIGKILL))
    if kind == "say":
        sys.stderr.write(failure.get("stderr", ""))
        sys.stdout.write(failure.get("stdout", ""))
        return failure.get("code", 0)
    text, code = FAILURES[kind]
    sys.stdout.write(text)
    return code
