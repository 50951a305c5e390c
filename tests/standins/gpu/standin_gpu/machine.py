"""The GPUs of a scenario at one moment: values that change, and the processes that use them."""

import os

import quick_json as json


class Moment:
    """When a call is made: its number, from 1, and its Unix time."""

    def __init__(self, call, now):
        self.call = call
        self.now = now


def value_at(value, moment, started_at):
    """Return what a constant or changing value is at this moment."""
    if not isinstance(value, dict):
        return value
    if "by_call" in value:
        values = value["by_call"]
        return values[min(moment.call, len(values)) - 1]
    steps = value["by_time"]
    past = [step for step in steps if step[0] <= moment.now - started_at]
    return (past or steps)[-1 if past else 0][1]


def living_processes(state, scenario, moment, started_at):
    """Return {pid, gpu, memory_mb, load_percent, name} of every process on every GPU it can see."""
    found = []
    for other in scenario.get("others", []):
        memory_mb = value_at(other.get("memory_mb", 0), moment, started_at)
        if memory_mb is not None:
            load = value_at(other.get("load_percent", 0), moment, started_at)
            found.append({"name": "other", **other, "memory_mb": memory_mb, "load_percent": load})
    folder = os.path.join(state, "procs")
    for file_name in sorted(os.listdir(folder)):
        if file_name.isdigit():
            found.extend(registered_process(os.path.join(folder, file_name), int(file_name), scenario, moment))
    return found


def registered_process(path, pid, scenario, moment):
    """Return the entries of one registered process, none if it is dead."""
    try:
        with open(path, encoding="utf-8") as file:
            record = json.load(file)
    except FileNotFoundError:
        return []
    if start_ticks(pid) != record["start_ticks"]:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass  # another call dropped it first
        return []
    memory_mb = value_at(record["memory_mb"], moment, record["started_at"])
    load = value_at(record["load_percent"], moment, record["started_at"])
    return [
        {"pid": pid, "gpu": gpu, "memory_mb": memory_mb, "load_percent": load, "name": record["name"]}
        for gpu in visible_gpus(record, scenario)
    ]


def start_ticks(pid):
    """Return when a process started, in kernel ticks; None if it is dead or a zombie. (Without /proc: 0.)"""
    if not os.path.isdir("/proc/self"):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return None
        return 0
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def visible_gpus(record, scenario):
    """Return the PCI indices that CUDA gives a process, as CUDA reads CUDA_VISIBLE_DEVICES.

    Unset: its first GPU (what a framework takes). The list ends at the first name that exists nowhere.
    """
    gpus = scenario["gpus"]
    order = list(range(len(gpus)))
    if record["device_order"] != "PCI_BUS_ID":
        order = scenario.get("cuda_order", order)
    if record["visible_devices"] is None:
        return order[:1]
    uuids = [uuid_of(i, gpu) for i, gpu in enumerate(gpus)]
    found = []
    for name in record["visible_devices"].split(","):
        name = name.strip()
        if name.isdigit() and int(name) < len(order):
            found.append(order[int(name)])
        elif name.startswith("GPU-") and name in uuids:
            found.append(uuids.index(name))
        else:
            break
    return found


def uuid_of(index, gpu):
    return gpu.get("uuid", f"GPU-{index:08}-0000-0000-0000-000000000000")


def gpu_now(index, gpu, scenario, processes, moment, started_at):
    """Return query field -> value (number or text) of one GPU at this moment."""
    here = [process for process in processes if process["gpu"] == index]
    total = value_at(gpu.get("memory_total_mb", 16384), moment, started_at)
    reserved = value_at(gpu.get("memory_reserved_mb", 0), moment, started_at)
    used = plus(value_at(gpu.get("memory_used_mb", 0), moment, started_at), sum(p["memory_mb"] for p in here))
    load = plus(value_at(gpu.get("load_percent", 0), moment, started_at), sum(p["load_percent"] for p in here))
    numbers = all(isinstance(value, (int, float)) for value in (total, used, reserved))
    mig = gpu.get("mig", "[N/A]")
    fields = {
        "index": index,
        "uuid": uuid_of(index, gpu),
        "name": gpu.get("name", "NVIDIA Stand-in"),
        "count": len(scenario["gpus"]),
        "driver_version": scenario.get("driver_version", "535.161.08"),
        "memory.total": total,
        "memory.reserved": reserved,
        "memory.used": min(used, total - reserved) if numbers else used,
        "memory.free": max(0, total - used - reserved) if numbers else "[N/A]",
        "utilization.gpu": "[N/A]" if mig == "Enabled" else min(load, 100) if not isinstance(load, str) else load,
        "utilization.memory": 0,
        "gpu_serial": gpu.get("serial", "[N/A]"),
        "display_active": gpu.get("display_active", "Disabled"),
        "display_mode": gpu.get("display_mode", "Disabled"),
        "temperature.gpu": gpu.get("temperature", 40),
        "mig.mode.current": mig,
        "compute_mode": gpu.get("compute_mode", "Default"),
        "pci.bus_id": gpu.get("bus_id", "00000000:%02X:00.0" % (index + 1)),
    }
    fields.update({name: value_at(value, moment, started_at) for name, value in gpu.get("fields", {}).items()})
    fields["mig_devices"] = gpu.get("mig_devices", [])
    return fields


def plus(value, more):
    """Add to a number; text ("[N/A]") stays as it is."""
    return value if isinstance(value, str) else value + more
