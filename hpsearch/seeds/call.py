"""The call that starts a search of seeds, as a line for a shell."""

from __future__ import annotations

import shlex
from pathlib import Path

from hpsearch.backends.scheduler import time_limit
from hpsearch.config.options import SearchOptions
from hpsearch.config.program import interpreter_word, search_program
from hpsearch.config.written_options import to_argv
from hpsearch.core.command import shell_line
from hpsearch.seeds.options import SeedsOptions


def search_call(search: SearchOptions, module_file: Path | None, options: SeedsOptions) -> str:
    """Return a shell line that starts the search from any folder; with ``--run_cluster``, as a job."""
    root = _import_root(search.grid_module, module_file)
    line = shell_line([interpreter_word(), *search_program(root), *to_argv(search)])
    if search.run_cluster:
        line = shell_line(_submission(search, options, line))
    # Even if that is the current folder: the line may be used elsewhere.
    return line if root is None else f"cd {shlex.quote(str(root))} && {line}"


def _import_root(grid_module: str, module_file: Path | None) -> Path | None:
    """Return the folder from which a module's dotted name starts; None if that cannot be told."""
    if module_file is None:
        return None
    parts = tuple(grid_module.split("."))
    file = module_file.parent if module_file.name == "__init__.py" else module_file
    return file.parents[len(parts) - 1] if file.with_suffix("").parts[-len(parts) :] == parts else None


def _submission(search: SearchOptions, options: SeedsOptions, line: str) -> list[str]:
    name, log = f"random_seeds_{Path(search.out_dir).name}", f"{search.out_dir}/random_seeds"
    limit = time_limit(options.hps_num_hours)
    if search.scheduler == "lsf":
        resources = options.hps_resources.strip('"')
        wishes = ["-R", resources] if resources else []
        return ["bsub", "-J", name, "-n", "1", "-W", limit, "-o", f"{log}.out", "-e", f"{log}.err", *wishes, line]
    given = {
        "job-name": name,
        "output": f"{log}_%j.out",
        "error": f"{log}_%j.err",
        "time": f"{limit}:00",
        "mem": options.hps_slurm_mem,
        "partition": search.slurm_partition,
        "qos": search.slurm_qos,
        "constraint": search.slurm_constraint,
    }
    return ["sbatch", *(f"--{option}={value}" for option, value in given.items() if value), f"--wrap={line}"]
