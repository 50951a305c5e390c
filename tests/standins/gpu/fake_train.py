#!/usr/bin/env python3
"""A stand-in for a user's training script: use a GPU as the options say, then write a summary.

It registers itself with the nvidia-smi stand-in (where FAKE_NVIDIA_SMI is set), creates its output folder, which must
not exist, trains for `--seconds` and until the file `--until` exists, and leaves `keyword value` lines in the summary.
Where FAKE_TRAIN_LOG is set, one JSON line each is added to that file at the start and at the end.
Options it does not know are hyperparameters and accepted.
"""

import os
import sys
import time
from _json import encode_basestring_ascii, make_encoder

#: Options with their defaults; argparse and pathlib would take longer to import than most of these runs.
DEFAULTS = {
    "out_dir": "",
    "seconds": 0.0,
    "until": "",  # train on until this file exists
    "memory_mb": 1000.0,
    "load_percent": 50.0,
    "allocate_after_s": 0.0,  # memory and load show only this much later
    "score": "0.5",
    "finished": "1",
    "summary_name": "summary.txt",
    "exit_code": 0,
}


def main():
    options = read_options(sys.argv[1:])
    note("start")
    proc_file = register(options)
    try:
        if options["out_dir"]:
            make_folder(options["out_dir"])
        train(options)
        if options["out_dir"]:
            with open(os.path.join(options["out_dir"], options["summary_name"]), "w", encoding="utf-8") as summary:
                summary.write(f"score {options['score']}\nfinished {options['finished']}\n")
    finally:
        if proc_file is not None and os.path.exists(proc_file):
            os.unlink(proc_file)
        note("end")
    return options["exit_code"]


def read_options(words):
    """Return the options that are known, each given as ``--name=value``; all other words are hyperparameters."""
    given = (word[2:].partition("=")[::2] for word in words if word.startswith("--"))
    return {**DEFAULTS, **{name: type(DEFAULTS[name])(value) for name, value in given if name in DEFAULTS}}


def register(options):
    """Write this process's file for the nvidia-smi stand-in; return it, or None without a scenario."""
    scenario = os.environ.get("FAKE_NVIDIA_SMI")
    if not scenario:
        return None
    record = {
        "start_ticks": own_start_ticks(),
        "started_at": time.time(),
        "visible_devices": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "device_order": os.environ.get("CUDA_DEVICE_ORDER", "FASTEST_FIRST"),
        "memory_mb": {"by_time": [[0, 0], [options["allocate_after_s"], options["memory_mb"]]]},
        "load_percent": {"by_time": [[0, 0], [options["allocate_after_s"], options["load_percent"]]]},
        "name": sys.executable,
    }
    folder = os.path.join(scenario + ".state", "procs")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, str(os.getpid()))
    with open(path + ".new", "w", encoding="utf-8") as half_written:
        half_written.write(json_text(record))
    os.replace(path + ".new", path)
    return path


def json_text(value):
    """Return a value as JSON; importing `json` itself takes longer than most of these runs."""
    encode = make_encoder(None, None, encode_basestring_ascii, None, ": ", ", ", False, False, True)
    return "".join(encode(value, 0))


def own_start_ticks():
    """Return when this process started, in kernel ticks; 0 where there is no /proc."""
    try:
        with open("/proc/self/stat", "rb") as stat:
            return int(stat.read().rpartition(b")")[2].split()[19])
    except FileNotFoundError:
        return 0


def make_folder(folder):
    if os.path.exists(folder):
        sys.exit(f"fake_train: the output folder {folder} exists already")
    os.makedirs(folder)


def train(options):
    time.sleep(options["seconds"])
    while options["until"] and not os.path.exists(options["until"]):
        time.sleep(0.02)


def note(event):
    """Add one line to the log that FAKE_TRAIN_LOG names, in one write, so that lines of several processes never mix."""
    path = os.environ.get("FAKE_TRAIN_LOG")
    if not path:
        return
    entry = {
        "event": event,
        "time": time.time(),
        "pid": os.getpid(),
        "visible_devices": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "device_order": os.environ.get("CUDA_DEVICE_ORDER"),
        "cwd": os.getcwd(),
        "argv": sys.argv[1:],
    }
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, (json_text(entry) + "\n").encode())
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main())
