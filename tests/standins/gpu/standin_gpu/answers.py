"""What nvidia-smi prints for its arguments."""

from .machine import Moment, gpu_now

ALIASES = {"gpu_uuid": "uuid", "gpu_name": "name", "serial": "gpu_serial", "gpu_bus_id": "pci.bus_id"}
UNITS = {"memory.total": "MiB", "memory.used": "MiB", "memory.free": "MiB", "memory.reserved": "MiB"}
UNITS.update({"used_memory": "MiB", "used_gpu_memory": "MiB", "utilization.gpu": "%", "utilization.memory": "%"})
WRONG_ARGUMENTS = "Invalid combination of input arguments. Please run 'nvidia-smi -h' for help.\n\n"


class Refusal(Exception):
    """What nvidia-smi prints instead of an answer, with exit status 2."""


def answer(argv, gpus, processes):
    """Return what the call prints."""
    switches = dict(argument.partition("=")[::2] for argument in joined(argv))
    gpus = chosen(gpus, switches.pop("--id", None))
    if "-L" in switches or "--list-gpus" in switches:
        return "".join(map(list_lines, gpus))
    form = switches.pop("--format", None)
    fields = switches.pop("--query-gpu", None)
    if fields is not None and not switches:
        return table(fields, gpus, form)
    fields = switches.pop("--query-compute-apps", None)
    if fields is not None and not switches:
        return table(fields, app_rows(gpus, processes), form)
    raise Refusal(WRONG_ARGUMENTS)


def joined(argv):
    """Return the arguments with `-i X`, `-i=X` and `--id X` made one `--id=X`."""
    words, result = list(argv), []
    while words:
        word = words.pop(0)
        if word in ("-i", "--id") and words:
            word = "--id=" + words.pop(0)
        result.append("--id=" + word[3:] if word.startswith("-i=") else word)
    return result


def chosen(gpus, names):
    """Return the GPUs that `--id` names by index, UUID or bus id; all without it."""
    if names is None:
        return gpus
    by_name = {str(gpu[key]): gpu for gpu in gpus for key in ("pci.bus_id", "uuid", "index")}
    missing = [name for name in names.split(",") if name not in by_name]
    if missing:
        raise Refusal("No devices were found\n")
    return [by_name[name] for name in names.split(",")]


def list_lines(gpu):
    lines = [f"GPU {gpu['index']}: {gpu['name']} (UUID: {gpu['uuid']})\n"]
    for number, device in enumerate(gpu["mig_devices"]):
        lines.append(f"  MIG {device['profile']:8}     Device {number:2}: (UUID: {device['uuid']})\n")
    return "".join(lines)


def app_rows(gpus, processes):
    """Return query field -> value of every process on the chosen GPUs."""
    rows = []
    for gpu in gpus:
        for process in processes:
            if process["gpu"] == gpu["index"]:
                memory = {"used_memory": process["memory_mb"], "used_gpu_memory": process["memory_mb"]}
                rows.append({**gpu, "pid": process["pid"], "process_name": process["name"], **memory})
    return rows


def table(names, rows, form):
    """Return rows as nvidia-smi's CSV: no quotes, so a comma in a name stays a comma."""
    if form is None or "csv" not in form.split(","):
        raise Refusal('"--format=" switch is missing.\n')
    columns = [ALIASES.get(name.strip(), name.strip()) for name in names.split(",")]
    known = {"pid", "process_name", *gpu_fields(), "used_memory", "used_gpu_memory"}
    for name, column in zip(names.split(","), columns):
        if column not in known:
            raise Refusal(f'Field "{name.strip()}" is not a valid field to query.\n\n')
    units = {} if "nounits" in form else UNITS
    lines = []
    if "noheader" not in form:
        lines.append(", ".join(c + (f" [{units[c]}]" if c in units else "") for c in columns))
    for row in rows:
        lines.append(", ".join(cell(row[column], units.get(column)) for column in columns))
    return "".join(line + "\n" for line in lines)


def gpu_fields():
    """Return the names of all fields a GPU can be asked for."""
    return set(gpu_now(0, {}, {"gpus": [{}]}, [], Moment(1, 0.0), 0.0)) - {"mig_devices"}


def cell(value, unit):
    if isinstance(value, str):
        return value
    return str(int(value)) + (" " + unit if unit else "")
