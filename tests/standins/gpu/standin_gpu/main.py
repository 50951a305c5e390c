"""One call of the nvidia-smi stand-in, from its arguments to its exit status."""

import fcntl
import os
import sys
import time

import quick_json as json

from .answers import Refusal, answer
from .failures import fail, failure_now
from .machine import Moment, gpu_now, living_processes


def main(argv):
    path = os.environ.get("FAKE_NVIDIA_SMI")
    if not path:
        sys.stderr.write("nvidia-smi stand-in: FAKE_NVIDIA_SMI must name the scenario file\n")
        return 2
    with open(path, encoding="utf-8") as file:
        scenario = json.load(file)
    call, first_call_at = log_call(path + ".state", argv)
    started_at = scenario.get("started_at", first_call_at)
    failure = failure_now(scenario.get("failures", []), call, time.time() - started_at)
    if failure is not None:
        code = fail(failure)
        if code is not None:
            return code
    moment = Moment(call, time.time())
    processes = living_processes(path + ".state", scenario, moment, started_at)
    gpus = [gpu_now(i, gpu, scenario, processes, moment, started_at) for i, gpu in enumerate(scenario["gpus"])]
    try:
        text = answer(argv, gpus, [] if scenario.get("hide_processes") else processes)
    except Refusal as refusal:
        sys.stdout.write(str(refusal))
        return 2
    text = scenario.get("before", "") + text + scenario.get("after", "")
    sys.stdout.write(text.replace("\n", scenario.get("line_end", "\n")))
    sys.stderr.write(scenario.get("errors", ""))
    return scenario.get("code", 0)


def log_call(state, argv):
    """Append this call to the log; return its number and the time of the first call."""
    os.makedirs(os.path.join(state, "procs"), exist_ok=True)
    with open(os.path.join(state, "calls.log"), "a+", encoding="utf-8") as log:
        fcntl.flock(log, fcntl.LOCK_EX)
        log.seek(0)
        lines = log.readlines()
        entry = {"call": len(lines) + 1, "time": time.time(), "pid": os.getpid(), "argv": argv}
        log.write(json.dumps(entry) + "\n")
    first = json.loads(lines[0]) if lines else entry
    return entry["call"], first["time"]
