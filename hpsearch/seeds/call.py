"""The call that starts a search of seeds, for people to run themselves: here, or as a job of a cluster."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from hpsearch.backends.scheduler import time_limit
from hpsearch.config.options import SearchOptions, to_argv
from hpsearch.config.own_call import search_program
from hpsearch.config.program import interpreter_word
from hpsearch.core.command import shell_line
from hpsearch.seeds.options import ControllerJob


def search_call(search: SearchOptions, module_file: Path | None, job: ControllerJob) -> str:
    """Return a line for a shell that starts the search, from whatever folder.

    With ``--run_cluster`` the line submits a job in which the search itself runs.
    """
    root = _import_root(search.grid_module, module_file)
    line = shell_line([interpreter_word(), *search_program(root), *to_argv(search)])
    if search.run_cluster:
        line = shell_line(_submission(search, job, line))
    # Always said, for who reads the line does not know from which folder it was printed.
    return line if root is None else f"cd {shlex.quote(str(root))} && {line}"


def _import_root(grid_module: str, module_file: Path | None) -> Path | None:
    """Return the folder in which a module's dotted name begins; None if that cannot be told."""
    if module_file is None:
        return None
    parts = grid_module.split(".")
    file = module_file.parent if module_file.name == "__init__.py" else module_file
    if file.with_suffix("").parts[-len(parts) :] != tuple(parts):
        return None
    return Path(*file.parts[: -len(parts)])


def _submission(search: SearchOptions, job: ControllerJob, line: str) -> list[str]:
    name = f"random_seeds_{os.path.basename(search.out_dir)}"  # noqa: PTH119  (a text that need not be a path here)
    log = os.path.join(search.out_dir, "random_seeds")  # noqa: PTH118
    limit = time_limit(job.num_hours)
    if search.scheduler == "lsf":
        resources = job.resources.strip('"')
        wishes = ["-R", resources] if resources else []
        return ["bsub", "-J", name, "-n", "1", "-W", limit, "-o", f"{log}.out", "-e", f"{log}.err", *wishes, line]
    given = {
        "job-name": name,
        "output": f"{log}_%j.out",
        "error": f"{log}_%j.err",
        "time": f"{limit}:00",
        "mem": job.slurm_mem,
        "partition": search.slurm_partition,
        "qos": search.slurm_qos,
        "constraint": search.slurm_constraint,
    }
    return ["sbatch", *(f"--{option}={value}" for option, value in given.items() if value), f"--wrap={line}"]
