"""One batch through the graph, to find what does not fit and to see the shapes."""

import warnings
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor

from gwbricks.bricks import LossOutput, Stage
from gwbricks.bricks.graph.step import Step, was_read
from gwbricks.bricks.shape_text import shape_text
from gwbricks.data import as_named_inputs
from gwbricks.errors import ConfigError, UnknownNameError
from gwbricks.training import LightningBrickCollection
from gwbricks.training.evaluation import name_sets
from gwbricks.workspace.graph.route_means import RowErrors


@dataclass
class DryRun:
    """What a dry run found.

    Args:
        steps: The bricks that are run, in order.
        values: Inputs and outputs by name.
        problems: A line for each brick or loss that failed, by its config key.
    """

    steps: tuple[Step, ...] = ()
    values: dict[str, Any] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    def shape(self, name: str) -> str:
        """Returns the shape of a value, for people."""
        return describe(self.values.get(name))


def dry_run(
    module: LightningBrickCollection,
    data: LightningDataModule,
    stage: Stage,
    set_name: str | None = None,
) -> DryRun:
    """Runs the bricks that a stage needs on one batch, each on its own.

    Metrics are copied, modules are in eval mode, and the random state is put back.

    Args:
        module: The module.
        data: Gives the batch.
        stage: The stage.
        set_name: Set of the stage, such as `val_ood`; None for the stage's own.
    """
    collection = module.brick_collection
    loader = find_loaders(data, stage)[set_name or stage.value]
    batch = next(iter(loader), None)
    if batch is None:
        name = set_name or stage.value
        return DryRun(problems={"data": f"data: the {name} loader gives no batch."})
    inputs = as_named_inputs(batch)
    names = module.loss_names(stage, frozenset(inputs))
    steps = _steps(module, stage, inputs, names)
    found = DryRun(steps, {"stage": stage, **inputs})
    was_training = {m: m.training for m in collection.modules()}
    collection.eval()
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        for step in steps:
            _try(step, found, stage)
    for submodule, mode in was_training.items():
        submodule.training = mode
    found.problems |= _loss_problems(found, names)
    return found


def find_loaders(data: LightningDataModule, stage: Stage) -> dict[str, Any]:
    """Returns the loaders of a stage by the names of their sets."""
    if stage is Stage.TRAIN:
        return {stage.value: data.train_dataloader()}
    is_test = stage is Stage.TEST
    loaders = data.test_dataloader() if is_test else data.val_dataloader()
    return name_sets(loaders, stage.value)


def check_bricks(
    module: LightningBrickCollection, data: LightningDataModule
) -> list[str]:
    """Runs each brick once on a real batch and returns one line for each that fails.

    What reads from a failed brick is left out. Weights, buffers, metrics and the random
    state stay as they are.

    Args:
        module: The module.
        data: Gives the batches, of every set.
    """
    problems: dict[str, str] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for stage in (Stage.TRAIN, Stage.VALIDATION, Stage.TEST):
            for name in find_loaders(data, stage):
                found = _set_problems(module, data, stage, name)
                problems |= {k: p for k, p in found.items() if k not in problems}
    return list(problems.values())


def _set_problems(
    module: LightningBrickCollection,
    data: LightningDataModule,
    stage: Stage,
    name: str,
) -> dict[str, str]:
    if name == stage.value:
        return dry_run(module, data, stage).problems
    try:
        problems = dry_run(module, data, stage, name).problems
    except ConfigError as error:
        fix = (
            "its data, or skip_missing=true of the brick, which is then left out there"
        )
        key = error.key if isinstance(error, UnknownNameError) else str(error)
        return {key: f"{error} In the set {name}. Fix: {fix}."}
    return {key: f"{problem} In the set {name}." for key, problem in problems.items()}


def _steps(
    module: LightningBrickCollection,
    stage: Stage,
    inputs: Mapping[str, Any],
    names: Iterable[str],
) -> tuple[Step, ...]:
    collection = module.brick_collection
    return collection.steps(stage, inputs, list(names), update_metrics=True)


def _try(step: Step, found: DryRun, stage: Stage) -> None:
    if not found.values.keys() >= set(step.reads):
        return  # a brick before it failed
    if step.brick.reduces:  # what a copy gathers does not count
        brick = deepcopy(step.brick)
        step = replace(step, brick=brick, function=brick.function, gradients=False)
    try:
        found.values.update(step.run(found.values, stage))
    except Exception as error:
        key, message = f"bricks.{step.path}", " ".join(str(error).split())[:300]
        found.problems[key] = f"{key}: {message} (it read {was_read(error)})"


def _loss_problems(found: DryRun, names: Iterable[str]) -> dict[str, str]:
    problems: dict[str, str] = {}
    for name in names:
        value = found.values.get(name)
        loss = value.loss if isinstance(value, LossOutput) else value
        if isinstance(loss, Tensor) and loss.numel() != 1:
            key, shape = f"loss_coefs.{name}", tuple(loss.shape)
            problems[key] = f"{key}: the loss has shape {shape}. Expected a scalar."
    return problems


def describe(value: object) -> str:
    """Returns the shape of a tensor, or the kind of another value."""
    if isinstance(value, Tensor):
        return shape_text(value)
    if isinstance(value, LossOutput):
        return "loss"
    if isinstance(value, Mapping):
        return f"{len(value)} values"
    if isinstance(value, RowErrors):
        return describe(value.values)
    return "" if value is None else type(value).__name__
