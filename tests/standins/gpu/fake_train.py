#!/usr/bin/env python3
"""Stand for a user's training script: use a GPU as told, then write a summary.

It registers itself with the nvidia-smi stand-in (where FAKE_NVIDIA_SMI is set), creates its output folder, which must
not exist, trains for `--seconds` and until the file `--until` exists, and leaves `keyword value` lines in the summary.
Where FAKE_TRAIN_LOG is set, one JSON line each is added to that file at the start and at the end.
Options it does not know are hyperparameters and accepted.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path


def main():
    options = read_options()
    note("start")
    proc_file = register(options)
    try:
        if options.out_dir is not None:
            make_folder(options.out_dir)
        train(options)
        if options.out_dir is not None:
            (options.out_dir / options.summary_name).write_text(
                f"score {options.score}\nfinished {options.finished}\n", encoding="utf-8"
            )
    finally:
        if proc_file is not None:
            proc_file.unlink(missing_ok=True)
        note("end")
    return options.exit_code


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--out_dir", type=Path)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--until", type=Path, help="train on until this file exists")
    parser.add_argument("--memory_mb", type=float, default=1000)
    parser.add_argument("--load_percent", type=float, default=50)
    parser.add_argument("--allocate_after_s", type=float, default=0.0, help="memory and load show only this much later")
    parser.add_argument("--score", default="0.5")
    parser.add_argument("--finished", default="1")
    parser.add_argument("--summary_name", default="summary.txt")
    parser.add_argument("--exit_code", type=int, default=0)
    return parser.parse_known_args()[0]


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
        "memory_mb": {"by_time": [[0, 0], [options.allocate_after_s, options.memory_mb]]},
        "load_percent": {"by_time": [[0, 0], [options.allocate_after_s, options.load_percent]]},
        "name": sys.executable,
    }
    folder = Path(scenario + ".state", "procs")
    folder.mkdir(parents=True, exist_ok=True)
    half_written = folder / f"{os.getpid()}.new"
    half_written.write_text(json.dumps(record), encoding="utf-8")
    return half_written.replace(folder / str(os.getpid()))


def own_start_ticks():
    """Return when this process started, in kernel ticks; 0 where there is no /proc."""
    try:
        return int(Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()[19])
    except FileNotFoundError:
        return 0


def make_folder(folder):
    if folder.exists():
        sys.exit(f"fake_train: the output folder {folder} exists already")
    folder.mkdir(parents=True)


def train(options):
    time.sleep(options.seconds)
    while options.until is not None and not options.until.exists():
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
        os.write(descriptor, (json.dumps(entry) + "\n").encode())
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main())
