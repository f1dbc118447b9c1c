"""How many threads torch uses on the CPU."""

import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from lightning.pytorch.utilities.seed import isolate_rng

from gwbricks.bricks import Stage
from gwbricks.data import as_named_inputs
from gwbricks.experiment.dry_run import find_loaders
from gwbricks.losses import weighted_sum
from gwbricks.training import LightningBrickCollection

TIMED_STEPS = 5
WORTH = 0.9
"""More threads are chosen if a step takes less than this part of the time."""


def set_threads(config: Mapping[str, Any]) -> None:
    """Sets torch's threads as a config says; `auto` and null change nothing."""
    if isinstance(config.get("threads"), int):
        torch.set_num_threads(config["threads"])


def choose_threads(module: LightningBrickCollection, data: LightningDataModule) -> int:
    """Sets the number of threads with which training steps are fastest; returns it.

    One batch is timed with 1, 2, 4, … threads, at most as many as torch has now. The
    module and the random state stay as they are.

    Args:
        module: What is trained; it is on the CPU.
        data: Gives the batch.
    """
    most = torch.get_num_threads()
    numbers = [n for n in (2**power for power in range(10)) if n < most] + [most]
    with isolate_rng():
        step = _make_step(module, data)
        best, shortest = 1, float("inf")
        for number in numbers:
            torch.set_num_threads(number)
            duration = _time(step)
            if duration < WORTH * shortest:
                best, shortest = number, duration
    torch.set_num_threads(best)
    return best


def _make_step(
    module: LightningBrickCollection, data: LightningDataModule
) -> Callable[[], None]:
    batch = next(iter(find_loaders(data, Stage.TRAIN)[Stage.TRAIN.value]))
    inputs = as_named_inputs(batch)
    graph = deepcopy(module.brick_collection)
    graph.train()
    names = module.loss_names(Stage.TRAIN, frozenset(inputs))

    def step() -> None:
        values = graph.run(inputs, Stage.TRAIN, names, update_metrics=False)
        computed = {name: values[name] for name in names if values[name] is not None}
        objective = weighted_sum(graph.extract_losses(computed), module.loss_coefs)
        if objective is not None and objective.requires_grad:
            objective.backward()

    return step


def _time(step: Callable[[], None]) -> float:
    """Returns the seconds of the fastest step, after one that does not count."""
    step()
    durations = []
    for _ in range(TIMED_STEPS):
        start = time.perf_counter()
        step()
        durations.append(time.perf_counter() - start)
    return min(durations)
