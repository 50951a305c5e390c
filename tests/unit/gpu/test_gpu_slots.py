"""The rule for which GPU is next, as a table, at random, and over time."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.backends.gpu.slots import (
    GpuLimits,
    GpuReading,
    GpuRun,
    broken_limits,
    choose_gpus,
)

TOTAL_MB = 16000.0


def reading(index: int, memory: float = 0.0, load: float = 0.0) -> GpuReading:
    used = memory * TOTAL_MB
    return GpuReading(index, f"GPU-{index}", load, used, TOTAL_MB - used, TOTAL_MB)


def idle(count: int) -> dict[int, GpuReading]:
    return {index: reading(index) for index in range(count)}


def run(*gpus: int, started_at: float = 0.0, alone: bool = False) -> GpuRun:
    return GpuRun(gpus, started_at, alone)


LIMITS = GpuLimits(startup_s=60)
TWO_EACH = GpuLimits(startup_s=60, runs_per_gpu=2)
PAIRS = GpuLimits(startup_s=0, gpus_per_run=2)


@pytest.mark.parametrize(
    "order, readings, runs, limits, chosen",
    [
        ([0, 1], idle(2), [], LIMITS, (0,)),
        ([1, 0], idle(2), [], LIMITS, (1,)),
        ([1], idle(2), [], LIMITS, (1,)),
        ([], idle(2), [], LIMITS, ()),
        ([0, 1], {0: reading(0, memory=0.4), 1: reading(1)}, [], LIMITS, (1,)),
        ([0, 1], {0: reading(0, load=0.4), 1: reading(1)}, [], LIMITS, (1,)),
        ([0, 1], {0: reading(0, memory=0.01), 1: reading(1)}, [], LIMITS, (0,)),
        ([0], {0: reading(0, memory=0.5, load=0.5)}, [], LIMITS, (0,)),
        ([0], {0: reading(0, memory=0.51)}, [], LIMITS, ()),
        ([0], {0: reading(0, load=0.51)}, [], LIMITS, ()),
        ([0, 1], idle(2), [run(0)], LIMITS, (1,)),
        ([0], idle(1), [run(0)], LIMITS, ()),
        ([0], idle(1), [run(0, started_at=41)], TWO_EACH, ()),
        ([0], idle(1), [run(0, started_at=40)], TWO_EACH, (0,)),
        ([0], idle(1), [run(0), run(0)], TWO_EACH, ()),
        ([0, 1], idle(2), [run(0)], TWO_EACH, (1,)),
        ([0], idle(1), [run(0, alone=True)], TWO_EACH, ()),
        ([0, 1], {1: reading(1)}, [], LIMITS, (1,)),
        ([0, 1, 2], idle(3), [], PAIRS, (0, 1)),
        ([0, 1, 2], idle(3), [run(0, 2)], PAIRS, ()),
        ([0, 1, 2, 3], idle(4), [run(0, 2)], PAIRS, (1, 3)),
    ],
)
def test_the_rule_chooses(order, readings, runs, limits, chosen):
    assert choose_gpus(order, readings, runs, limits, now=100.0) == chosen


@pytest.mark.parametrize(
    "limits, below",
    [
        (GpuLimits(), False),
        (GpuLimits(memory=1), False),
        (GpuLimits(load=1), False),
        (GpuLimits(memory=1, load=1), True),
        (GpuLimits(memory=1, load=1, free_memory_mb=1), False),
    ],
)
def test_what_is_not_known_is_allowed_only_where_it_is_not_limited(limits, below):
    assert (broken_limits(GpuReading(0, "GPU-0", None, None, None, None), limits) == []) is below


@pytest.mark.parametrize("wanted_mb, below", [(8000, True), (8001, False)])
def test_free_memory_is_an_absolute_demand_beside_the_share(wanted_mb, below):
    assert (broken_limits(reading(0, memory=0.5), GpuLimits(free_memory_mb=wanted_mb)) == []) is below


shares = st.floats(0, 1)
machines = st.lists(st.tuples(shares, shares), min_size=1, max_size=8)


@given(
    machine=machines,
    data=st.data(),
    load=shares,
    memory=shares,
    runs_per_gpu=st.integers(1, 3),
    gpus_per_run=st.integers(1, 3),
    free_mb=st.sampled_from([0.0, 4000.0, 12000.0]),
)
def test_no_choice_is_beyond_a_limit(machine, data, load, memory, runs_per_gpu, gpus_per_run, free_mb):
    limits = GpuLimits(load, memory, free_mb, 10, runs_per_gpu, gpus_per_run)
    readings = {index: reading(index, *figures) for index, figures in enumerate(machine)}
    order = data.draw(st.permutations(range(len(machine))))[: data.draw(st.integers(0, len(machine)))]
    runs = [run(gpu, started_at=started) for gpu, started in data.draw(st.lists(st.tuples(st.integers(0, 7), shares)))]
    chosen = choose_gpus(order, readings, runs, limits, now=data.draw(st.floats(0, 30)))
    assert set(chosen) <= set(order)
    assert len(set(chosen)) == len(chosen)
    assert len(chosen) in (0, gpus_per_run)
    assert all(readings[gpu].memory <= memory and readings[gpu].load <= load for gpu in chosen)
    assert all(readings[gpu].memory_free_mb >= free_mb for gpu in chosen)
    assert all(sum(gpu in r.gpus for r in runs) < runs_per_gpu for gpu in chosen)


@given(machine=machines)
def test_no_gpu_that_was_left_is_clearly_emptier_than_the_one_chosen(machine):
    readings = {index: reading(index, *figures) for index, figures in enumerate(machine)}
    (chosen,) = choose_gpus(range(len(machine)), readings, [], GpuLimits(load=1, memory=1), 0)
    fullness = {index: max(r.memory, r.load) for index, r in readings.items()}
    assert fullness[chosen] <= min(fullness.values()) + 0.1 + 1e-9


def may_take(
    gpu: int, order: list[int], readings: dict[int, GpuReading], runs: list[GpuRun], limits: GpuLimits, now: float
) -> bool:
    """Return whether a GPU may take a run: the rule written again, straight from the options' descriptions."""
    here = [r for r in runs if gpu in r.gpus]
    seen = readings[gpu]
    return (
        gpu in order
        and len(here) < limits.runs_per_gpu
        and not any(now < r.started_at + limits.startup_s or r.wants_gpu_alone for r in here)
        and not (seen.load > limits.load or seen.memory > limits.memory or seen.memory_free_mb < limits.free_memory_mb)
    )


def simulate(limits: GpuLimits, seed: int, steps: int = 1000) -> tuple[list[str], int]:
    """Let runs and other people come and go on six GPUs; return what the rule did wrong, and how many runs it started.

    A run starts whenever the rule has a place for it, and takes its memory and load over its start-up time.
    """
    chance = random.Random(seed)
    order, wrong, starts, now = [3, 0, 2, 5, 1], [], 0, 0.0
    others = dict.fromkeys(range(6), (0.0, 0.0))
    live: list[tuple[GpuRun, float]] = []
    for step in range(steps):
        now += chance.random()
        live = [(r, share) for r, share in live if chance.random() > 0.06]
        others[chance.randrange(6)] = (chance.choice([0.0, 0.3, 0.9]), chance.choice([0.0, 0.2, 1.0]))
        runs = [r for r, _ in live]
        ours = {gpu: sum(s for r, s in live if gpu in r.gpus and now - r.started_at > 1) for gpu in range(6)}
        readings = {gpu: reading(gpu, *(min(1.0, ours[gpu] + share) for share in others[gpu])) for gpu in range(6)}
        fit = [gpu for gpu in range(6) if may_take(gpu, order, readings, runs, limits, now)]
        chosen = choose_gpus(order, readings, runs, limits, now)
        if len(set(chosen)) != (limits.gpus_per_run if len(fit) >= limits.gpus_per_run else 0):
            wrong.append(f"step {step}: {chosen} chosen, of {fit}")
        wrong += [f"step {step}: GPU {gpu} may take none" for gpu in chosen if gpu not in fit]
        own = {gpu: sum(gpu in r.gpus for r in runs) for gpu in fit}
        wrong += [
            f"step {step}: GPU {gpu} although {left} has fewer runs"
            for gpu in chosen
            for left in fit
            if left not in chosen and own[left] < own.get(gpu, 0)
        ]
        if chosen:
            starts += 1
            live.append((run(*chosen, started_at=now, alone=chance.random() < 0.1), chance.choice([0.1, 0.3])))
    return wrong, starts


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "limits",
    [
        GpuLimits(startup_s=5),
        GpuLimits(load=0.8, memory=0.7, startup_s=5, runs_per_gpu=2),
        GpuLimits(load=1, memory=0.9, free_memory_mb=4000, startup_s=2, runs_per_gpu=3),
        GpuLimits(load=0.9, memory=0.9, startup_s=1, runs_per_gpu=2, gpus_per_run=2),
    ],
)
def test_a_thousand_random_steps_never_break_a_limit_and_leave_no_slot_empty(limits: GpuLimits, seed: int) -> None:
    wrong, starts = simulate(limits, seed)
    assert (wrong, starts > 100) == ([], True)
