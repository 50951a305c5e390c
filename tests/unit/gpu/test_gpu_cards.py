"""Which cards of a machine runs may use, and the messages about the others."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from hpsearch.backends.gpu.cards import Card, NoGpuFound, usable_cards
from hpsearch.backends.gpu.slots import GpuLimits
from hpsearch.core.errors import BackendError

WITHOUT = "Or give --visible_gpus=-1 to run without assigning GPUs"
CARDS = [
    Card(index, f"GPU-{index:08}-0000", "[N/A]", "Default", "0", "16384", "0", "NVIDIA Stand-in") for index in range(3)
]
FIRST, SECOND, THIRD = CARDS
MIG = {"mig": "Enabled", "name": "NVIDIA A100"}
NO_MEMORY = {"name": "NVIDIA GB10", "memory_total": "[N/A]", "memory_used": "[N/A]"}
NEEDS_RESET = {"name": "NVIDIA A100", **dict.fromkeys(("load", "memory_used", "memory_total"), "[GPU requires reset]")}

#: What is odd about a card, limits, and the message.
ODD: dict[str, tuple[dict[str, Any], GpuLimits, str]] = {
    "MIG": (
        MIG,
        GpuLimits(),
        "GPU 0 (NVIDIA A100) is divided by MIG and has no load of its own: nvidia-smi -i 0 -mig 0 (as root) "
        "undivides it; or use one part, by CUDA_VISIBLE_DEVICES=MIG-<its UUID> (see nvidia-smi -L) with "
        "--visible_gpus=-1",
    ),
    "no memory figures": (
        NO_MEMORY,
        GpuLimits(),
        "GPU 0 (NVIDIA GB10) does not say how much of its memory is in use ([N/A]): give --allowed_memory=1 to use "
        "it without that limit",
    ),
    "no memory figures, but a demand": (
        NO_MEMORY,
        GpuLimits(memory=1, free_memory_mb=8000),
        "GPU 0 (NVIDIA GB10) does not say how much memory is free ([N/A]): leave --min_free_memory out",
    ),
    "no load": (
        {"load": "[Not Supported]"},
        GpuLimits(),
        "GPU 0 (NVIDIA Stand-in) does not say its load ([Not Supported]): give --allowed_load=1 to use it without "
        "that limit",
    ),
    "needs a reset": (
        NEEDS_RESET,
        GpuLimits(),
        "GPU 0 (NVIDIA A100) needs a reset: nvidia-smi --gpu-reset -i 0 (as root), or reboot",
    ),
    "is lost": (
        dict.fromkeys(("load", "memory_used", "compute_mode"), "[GPU is lost]"),
        GpuLimits(load=1, memory=1),
        "GPU 0 (NVIDIA Stand-in) is lost to its driver ([GPU is lost]): reboot",
    ),
    "prohibited": (
        {"compute_mode": "Prohibited"},
        GpuLimits(),
        "GPU 0 (NVIDIA Stand-in) lets no process compute: nvidia-smi -i 0 -c DEFAULT (as root) lets it",
    ),
    "too small": (
        {"memory_total": "8192"},
        GpuLimits(free_memory_mb=10000),
        "GPU 0 (NVIDIA Stand-in) has 8192 MiB in all, less than --min_free_memory=10000",
    ),
}


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_card_is_a_warning_beside_a_good_one_and_an_error_alone(kind: str) -> None:
    odd, limits, message = ODD[kind]
    card = replace(FIRST, **odd)
    assert usable_cards([card, SECOND], limits, None) == ([SECOND], [message])
    with pytest.raises(BackendError, match=f"^no GPU can be used: {re.escape(message)}. {WITHOUT}$"):
        usable_cards([card], limits, None)


def test_an_index_that_does_not_exist_is_a_warning_beside_a_good_one_and_an_error_alone() -> None:
    told = usable_cards([FIRST, SECOND], GpuLimits(listed=(7, 1)), None)
    assert told == ([SECOND], ["--visible_gpus: there is no GPU 7 (this machine has 0, 1)"])
    with pytest.raises(BackendError, match="no GPU can be used: --visible_gpus: there is no GPU 7"):
        usable_cards([FIRST], GpuLimits(listed=(7,)), None)


def test_too_few_gpus_for_one_run_are_an_error_that_tells_of_the_others() -> None:
    told = "^--num_gpus_per_run=2, but only 1 GPU can be used; GPU 1 .NVIDIA A100. is divided by MIG"
    with pytest.raises(BackendError, match=told):
        usable_cards([FIRST, replace(SECOND, **MIG)], GpuLimits(gpus_per_run=2), None)


@pytest.mark.parametrize(
    ("callers", "used"),
    [
        (None, CARDS),
        ("1", [SECOND]),
        ("2,1", [THIRD, SECOND]),
        (THIRD.uuid, [THIRD]),
        (f"GPU-00000001,{FIRST.uuid}", [SECOND, FIRST]),
    ],
)
def test_the_callers_own_variable_restricts_all_gpus(callers: str | None, used: list[Card]) -> None:
    assert usable_cards(CARDS, GpuLimits(), callers) == (used, [])


def test_listed_gpus_count_more_than_the_callers_own_variable() -> None:
    assert usable_cards(CARDS, GpuLimits(listed=(0,)), "1") == ([FIRST], [])


def test_a_name_in_the_callers_variable_that_is_no_gpu_is_told_and_ends_the_list() -> None:
    told = "CUDA_VISIBLE_DEVICES=1,9,2: there is no GPU 9 here; correct it, or give --visible_gpus"
    assert usable_cards(CARDS, GpuLimits(), "1,9,2") == ([SECOND], [told])


@pytest.mark.parametrize(
    ("uuid", "name"),
    [("GPU-0a-B", "GPU-0a-B"), ("[N/A]", "number-0"), ("GPU-../x", "number-0"), ("GPU-\0", "number-0")],
)
def test_a_lock_has_the_name_of_a_file(uuid: str, name: str) -> None:
    assert replace(FIRST, uuid=uuid).lock_name == name


@pytest.mark.parametrize("callers", ["", "-1", "NoDevFiles"])
def test_a_caller_that_hides_all_gpus_has_none(callers: str) -> None:
    with pytest.raises(NoGpuFound, match=f"^CUDA_VISIBLE_DEVICES={callers} hides all GPUs$"):
        usable_cards(CARDS, GpuLimits(), callers)
