"""What the user's environment says to sbatch (``SBATCH_*``): what of it counts beside a search's own options."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

#: These would change what the search relies on: where output goes, what jobs are called, what sbatch does and answers.
#: The clusters are said on the command line, so that all commands ask the same ones.
_DROPPED = frozenset(
    "SBATCH_ARRAY_INX SBATCH_CLUSTERS SBATCH_ERROR SBATCH_INPUT SBATCH_JOB_NAME SBATCH_OPEN_MODE SBATCH_OUTPUT"
    " SBATCH_REQUEUE SBATCH_WAIT SLURM_CLUSTERS SLURM_EXIT_ERROR".split()
)
#: Defaults of options: a filter would hide jobs, SCANCEL_INTERACTIVE would ask and wait.
_HABITS = ("SQUEUE_", "SACCT_", "SCANCEL_")
#: Slurm gives these to a job; its own srun would take them for orders.
_OF_A_JOB = ("SLURM_", "SLURMD_", "SRUN_", "SBATCH_MEM_BIND", "SBATCH_CPU_BIND")
#: Of a surrounding job's variables, these say where the cluster is and not what the job was given.
_KEPT = frozenset(("SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_JWT"))


@dataclass(frozen=True)
class _Same:
    """What else asks for the same as an option of ours."""

    options: frozenset[str]
    variables: tuple[str, ...]


_GPUS = ("gpus", "gpus-per-node", "gpus-per-socket", "gpus-per-task")
_GPU_VARIABLES = ("SBATCH_GPUS", "SBATCH_GPUS_PER_NODE", "SBATCH_GPUS_PER_SOCKET", "SBATCH_GPUS_PER_TASK")
#: sbatch refuses two sizes of memory, and adds up GPUs that are asked for in two ways.
_SAME = {
    "time": _Same(frozenset(("time",)), ("SBATCH_TIMELIMIT",)),
    "mem": _Same(
        frozenset(("mem", "mem-per-cpu", "mem-per-gpu")),
        ("SBATCH_MEM_PER_NODE", "SBATCH_MEM_PER_CPU", "SBATCH_MEM_PER_GPU"),
    ),
    "gres": _Same(frozenset(("gres", *_GPUS)), ("SBATCH_GRES", *_GPU_VARIABLES)),
}


def clusters_wanted(environ: Mapping[str, str]) -> str:
    """Return which clusters the environment names for jobs, as --clusters takes them; empty = none."""
    return environ.get("SBATCH_CLUSTERS") or environ.get("SLURM_CLUSTERS") or ""


def environment_for_commands(environ: Mapping[str, str], is_gpu_asked: bool) -> dict[str, str]:
    """Return the environment for Slurm's commands. is_gpu_asked: the user's options ask for GPUs.

    A user's own ``SBATCH_*`` stay, but for what the search says itself, and for GPUs beside those of the options. A job
    inherits its submitter's environment, so that nothing which Slurm gave to the job that this process may be part of
    stays; nor do the user's habits that change what the client commands show or ask.
    """
    strange = (*_HABITS, *(_OF_A_JOB if "SLURM_JOB_ID" in environ else ()))
    of_gpus = [name for name in _SAME["gres"].variables if name != "SBATCH_GRES" or "gpu" in environ.get(name, "")]
    dropped = {*_DROPPED, *(of_gpus if is_gpu_asked else ())}
    return {
        name: value
        for name, value in environ.items()
        if name in _KEPT or not (name in dropped or name.startswith(strange))
    }


def asks_for_gpus(options: Mapping[str, str]) -> bool:
    """Return whether further options of sbatch, name -> value, ask for GPUs."""
    return "gpu" in options.get("gres", "") or not options.keys().isdisjoint(_GPUS)


def is_in_options(name: str, options: Collection[str]) -> bool:
    """Return whether further options of sbatch ask for what time, mem or gres of ours asks for."""
    return not _SAME[name].options.isdisjoint(options)


def variables_for(name: str, environ: Mapping[str, str]) -> list[str]:
    """Return the variables, as ``NAME=value``, with which the environment asks for what time, mem or gres asks for."""
    return [f"{variable}={environ[variable]}" for variable in _SAME[name].variables if environ.get(variable)]
