"""The GPUs of a machine: which ones the user wants, which can never be used, and what to do about that."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from pathlib import Path

from hpsearch.backends.gpu.nvidia_smi import PATIENCE_S, ask, figure, read_gpus
from hpsearch.backends.gpu.slots import GpuLimits
from hpsearch.backends.shell import Answer, Conversation
from hpsearch.core.errors import BackendError
from hpsearch.startup.classes import dataclass

#: The fields of a `Card`. The name comes last, because it may hold a comma.
_FIELDS = "index,uuid,mig.mode.current,compute_mode,utilization.gpu,memory.total,memory.used,name"
#: The same for drivers without MIG.
_OLD_FIELDS = _FIELDS.replace("mig.mode.current", "serial")
#: A UUID that may be the name of a file.
_UUID = re.compile(r"GPU-[0-9A-Za-z-]{1,100}")
_MIG_REMEDY = "for a part of a divided GPU, give --visible_gpus=-1: the runs get the variable as it is"
_OR_WITHOUT = "Or give --visible_gpus=-1 to run without assigning GPUs"

#: Part of nvidia-smi's error message -> the remedy.
_REMEDIES = {
    "couldn't communicate with the NVIDIA driver": "install the driver or load it (after an update: reboot)",
    "couldn't find libnvidia-ml": "install the driver's library libnvidia-ml, of the same version as the driver",
    "version mismatch": "reboot, so that the driver that was installed last is the one that is loaded",
    "Unable to determine the device handle": "reset the GPU named here, or reboot",
}


class NoGpuFound(BackendError):
    """This machine has no GPU, or the caller hides them all."""


@dataclass(frozen=True)
class Card:
    """A GPU as nvidia-smi describes it; load and memory are texts, because they may be ``[N/A]`` and the like."""

    index: int
    uuid: str
    mig: str
    compute_mode: str
    load: str
    memory_total: str
    memory_used: str
    name: str

    @property
    def label(self) -> str:
        return f"GPU {self.index} ({self.name})"

    @property
    def lock_name(self) -> str:
        """The name of the GPU's lock, the same in all searches."""
        return self.uuid if _UUID.fullmatch(self.uuid) else f"number-{self.index}"

    @property
    def takes_one_process(self) -> bool:
        return self.compute_mode == "Exclusive_Process"


def query_cards(conversation: Conversation) -> tuple[list[Card], Sequence[str]]:
    """Return all GPUs of this machine, and what else nvidia-smi says.

    Raises NoGpuFound if there is none, BackendError with the remedy if the driver cannot say.
    """
    answer = ask(conversation, f"--query-gpu={_FIELDS}", PATIENCE_S)
    if "not a valid field" in answer.stdout:
        answer = ask(conversation, f"--query-gpu={_OLD_FIELDS}", PATIENCE_S)
    table = read_gpus(answer, _FIELDS)
    if table is None or not table.rows:
        raise _failure(answer)
    return [Card(int(row[0]), *row[1:]) for row in table.rows], table.remarks


def _failure(answer: Answer) -> BackendError:
    said = " ".join((answer.stdout + " " + answer.stderr).split())
    if "No devices were found" in said:
        return NoGpuFound("no GPU found (nvidia-smi: No devices were found)")
    if answer.exit_status is None:
        problem = f"gave no answer within {PATIENCE_S:.0f} s: the driver hangs; reboot"
    elif not said:
        problem = f"said nothing (exit status {answer.exit_status}): call it by hand to see whether the driver works"
    else:
        remedy = next((remedy for piece, remedy in _REMEDIES.items() if piece in said), "call nvidia-smi by hand")
        problem = f"fails: {said.rstrip('.')}. Remedy: {remedy}"
    return BackendError(f"nvidia-smi {problem}. {_OR_WITHOUT}")


def _unusable_reason(card: Card, limits: GpuLimits) -> str | None:
    """Return why a GPU can never take a run, and what to do about it; None if it can."""
    texts = (card.mig, card.compute_mode, card.load, card.memory_total, card.memory_used)
    if any("requires reset" in text for text in texts):
        return f"{card.label} needs a reset: nvidia-smi --gpu-reset -i {card.index} (as root), or reboot"
    if any("is lost" in text for text in texts):
        return f"{card.label} is lost to its driver ({card.load}): reboot"
    if card.mig == "Enabled":
        undivide = f"nvidia-smi -i {card.index} -mig 0 (as root) undivides it"
        use_part = "use one part, by CUDA_VISIBLE_DEVICES=MIG-<its UUID> (see nvidia-smi -L) with --visible_gpus=-1"
        return f"{card.label} is divided by MIG and has no load of its own: {undivide}; or {use_part}"
    if card.compute_mode == "Prohibited":
        return f"{card.label} lets no process compute: nvidia-smi -i {card.index} -c DEFAULT (as root) lets it"
    total_mb = figure(card.memory_total)
    has_memory = total_mb is not None and figure(card.memory_used) is not None
    if not has_memory and limits.free_memory_mb > 0:
        return f"{card.label} does not say how much memory is free ({card.memory_used}): leave --min_free_memory out"
    if not has_memory and limits.memory < 1:
        remedy = "give --allowed_memory=1 to use it without that limit"
        return f"{card.label} does not say how much of its memory is in use ({card.memory_used}): {remedy}"
    if figure(card.load) is None and limits.load < 1:
        return f"{card.label} does not say its load ({card.load}): give --allowed_load=1 to use it without that limit"
    if total_mb is not None and total_mb < limits.free_memory_mb:
        return f"{card.label} has {card.memory_total} MiB in all, less than --min_free_memory={limits.free_memory_mb:g}"
    return None


def _wanted_cards(cards: Sequence[Card], listed: Sequence[int], caller: str | None) -> tuple[list[Card], list[str]]:
    """Return the cards that the user wants, in order of preference, and a complaint for each that does not exist.

    listed: --visible_gpus; empty = all. caller: the caller's CUDA_VISIBLE_DEVICES, which restricts "all".
    """
    if not listed:
        return (list(cards), []) if caller is None else _visible_to(caller, cards)
    by_index = {card.index: card for card in cards}
    known = ", ".join(map(str, by_index))
    missing = [index for index in listed if index not in by_index]
    complaints = [f"--visible_gpus: there is no GPU {index} (this machine has {known})" for index in missing]
    return [by_index[index] for index in listed if index in by_index], complaints


def _visible_to(caller: str, cards: Sequence[Card]) -> tuple[list[Card], list[str]]:
    """Return the cards that CUDA_VISIBLE_DEVICES names, by index or by the beginning of a UUID.

    Raises NoGpuFound if it hides them all.
    """
    names = [name.strip() for name in caller.split(",")]
    if names in ([""], ["-1"]) or caller == "NoDevFiles":
        raise NoGpuFound(f"CUDA_VISIBLE_DEVICES={caller} hides all GPUs")
    found: dict[Card, None] = {}
    for name in names:
        is_uuid = name.startswith("GPU-")
        named = [card for card in cards if name == str(card.index) or (is_uuid and card.uuid.startswith(name))]
        if not named:
            # CUDA itself ignores everything after the first name that it does not know.
            remedy = _MIG_REMEDY if name.startswith("MIG-") else "correct it, or give --visible_gpus"
            return list(found), [f"CUDA_VISIBLE_DEVICES={caller}: there is no GPU {name} here; {remedy}"]
        found[named[0]] = None
    return list(found), []


def usable_cards(cards: Sequence[Card], limits: GpuLimits, caller: str | None) -> tuple[list[Card], list[str]]:
    """Return the cards that runs may go to, in order of preference, and a warning for each that cannot be used.

    caller: its own CUDA_VISIBLE_DEVICES, which restricts "all".
    Raises BackendError with all of these if too few cards are left, NoGpuFound if the caller hides them all.
    """
    wanted, complaints = _wanted_cards(cards, limits.listed, caller)
    reasons = {card: _unusable_reason(card, limits) for card in wanted}
    complaints += filter(None, reasons.values())
    usable = [card for card in wanted if reasons[card] is None]
    if not usable:
        raise BackendError(f"no GPU can be used: {'; '.join(complaints)}. {_OR_WITHOUT}")
    if len(usable) < limits.gpus_per_run:
        count = f"{len(usable)} GPU{'' if len(usable) == 1 else 's'}"
        complaints.insert(0, f"--num_gpus_per_run={limits.gpus_per_run}, but only {count} can be used")
        raise BackendError("; ".join(complaints))
    return usable, complaints


def gpus_by_driver(folder: Path = Path("/proc/driver/nvidia")) -> list[tuple[str, str]]:
    """Return name and driver's version of each GPU, from the driver's files on Linux, without starting a program."""
    texts, version = list[str](), None
    with contextlib.suppress(OSError):
        version = re.search(r"\d+\.\d+[\d.]*", (folder / "version").read_text(errors="replace"))
        texts = [path.read_text(errors="replace") for path in sorted((folder / "gpus").glob("*/information"))]
    names = [
        line.partition(":")[2].strip() for text in texts for line in text.splitlines() if line.startswith("Model:")
    ]
    return [(name, version[0] if version else "") for name in names]
