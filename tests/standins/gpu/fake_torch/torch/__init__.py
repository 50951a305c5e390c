"""The part of PyTorch that script/gpu-check uses, on the card that the look-alike nvidia-smi describes.

Allocating memory registers this process with the look-alike; there is no memory and no computation. Tests with it say
nothing about a real card.
"""

import contextlib
import io
import json
import os
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))
from standin_gpu.main import main as nvidia_smi

__version__ = "0 (a look-alike)"
uint8 = "uint8"


class version:
    cuda = "none"


class Block:
    """A tensor without content."""

    def fill_(self, value):
        return self

    def clamp(self, low, high):
        return self

    def __matmul__(self, other):
        return self


class cuda:
    """The part of torch.cuda that is used."""

    class OutOfMemoryError(RuntimeError):
        pass

    @staticmethod
    def mem_get_info():
        free, total, _ = _card()
        return int(free) * 2**20, int(total) * 2**20

    @staticmethod
    def device_count():
        return len(os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(","))

    @staticmethod
    def get_device_properties(device):
        class Properties:
            uuid = _card()[2].removeprefix("GPU-")

        return Properties

    @staticmethod
    def synchronize():
        pass


def empty(size, dtype=None, device=None):
    megabytes = size // 2**20
    if megabytes > float(_card()[0]):
        raise cuda.OutOfMemoryError(f"CUDA out of memory. Tried to allocate {megabytes} MiB.")
    _register(megabytes)
    return Block()


def ones(*size, device=None):
    return Block()


def zeros(*size, device=None):
    return Block()


def _card():
    """Return free and total memory and the UUID of this process's card."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0")
    query = [f"--id={visible}", "--query-gpu=memory.free,memory.total,uuid"]
    # In this process: each run asks three times, and a process takes 30 ms.
    with contextlib.redirect_stdout(io.StringIO()) as said:
        nvidia_smi([*query, "--format=csv,noheader,nounits"])
    return said.getvalue().strip().split(", ")


def _register(megabytes):
    folder = Path(os.environ["FAKE_NVIDIA_SMI"] + ".state", "procs")
    ticks = int(Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()[19])
    record = {
        "start_ticks": ticks,
        "started_at": time.time(),
        "visible_devices": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "device_order": os.environ.get("CUDA_DEVICE_ORDER", "FASTEST_FIRST"),
        "memory_mb": megabytes,
        "load_percent": 50,
        "name": "python",
    }
    half_written = folder / f"{os.getpid()}.new"
    half_written.write_text(json.dumps(record), encoding="utf-8")
    half_written.replace(folder / str(os.getpid()))
