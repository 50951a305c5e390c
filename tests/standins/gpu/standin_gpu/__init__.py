"""A look-alike of nvidia-smi, on a machine that a JSON file describes.

The environment variable FAKE_NVIDIA_SMI names that file, the scenario. Beside it lies its state folder,
`<scenario>.state`: `calls.log` has one JSON object per call, `procs/<pid>` one file per process that says of itself
that it uses a GPU (see fake_train.py); files of dead processes are dropped.

Scenario, every key optional but `gpus`:
  gpus            list of GPUs, in PCI order, see below
  driver_version  text
  started_at      Unix time from which seconds are counted; default: the first call
  cuda_order      CUDA's own numbering (fastest first): CUDA's index i is GPU `cuda_order[i]`, for processes without
                  CUDA_DEVICE_ORDER=PCI_BUS_ID; default: same as PCI order
  others          processes of other people: {pid, gpu, memory_mb, load_percent, name}
  hide_processes  true: as in a container, no process is listed, though memory and load count
  before, after   text printed before and after the answer; `errors`: on standard error
  code            exit status of an answer, 0
  line_end        instead of a line break
  failures        list of {kind, calls, between_s, ...}, see below

A GPU: name, uuid, memory_total_mb, memory_used_mb, memory_reserved_mb, load_percent, mig ("Enabled", "Disabled"),
mig_devices (list of {profile, uuid}), compute_mode, bus_id, serial, temperature, display_active, display_mode, and
`fields`: query field -> text printed in its place ("[N/A]", "[GPU requires reset]").

Values. memory_*, load_percent and those in `fields` are a number or text, or change: {"by_call": [v1, v2, ...]} (the
last stays), {"by_time": [[seconds, value], ...]}. For `others`, a memory of null means "not there now".

A failure happens at the calls named by `calls` (3, "3-5", "3-", or a list of those; all calls count, from 1) or in the
time `between_s` [from, to]; without both, always. Kinds: no_driver, no_nvml, no_devices, version_mismatch, lost_gpu,
empty, crash (`signal`), hang (`seconds`, then the true answer), say (`stdout`, `stderr`, `code`).
"""

import sys

# For quick_json, which lies beside this folder: a stand-in is started with its own folder on the path only.
sys.path.append(__file__.rsplit("/", 3)[0])
