"""One batch through the graph, to find what does not fit and to see the shapes."""

import warnings
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor

from gwbricks.bricks import LossOutput, Stage
from gwbricks.bricks.step import Step
from gwbricks.data import as_named_inputs
from gwbricks.losses import RowErrors
from gwbricks.training import LightningBrickCollection


@dataclass
class DryRun:
    """What a dry run found.

    Args:
        steps: The bricks that are run, in order.
        values: Inputs and outputs by name.
        problems: One line for each brick that failed.
    """

    steps: tuple[Step, ...] = ()
    values: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def shape(self, name: str) -> str:
        """Returns the shape of a value, for people."""
        return describe(self.values.get(name))


def dry_run(
    module: LightningBrickCollection, data: LightningDataModule, stage: Stage
) -> DryRun:
    """Runs the bricks that a stage needs on one batch, each on its own.

    Metrics are copied, modules are in eval mode, and the random state is put back.
    """
    collection = module.brick_collection
    loader = {
        Stage.TRAIN: data.train_dataloader,
        Stage.VALIDATION: data.val_dataloader,
        Stage.TEST: data.test_dataloader,
    }[stage]()
    batch = next(iter(loader), None)
    if batch is None:
        return DryRun(problems=[f"data: the {stage.value} loader gives no batch."])
    inputs = as_named_inputs(batch)
    names = [n for n in collection.loss_names(stage) if n in module.loss_coefs]
    steps = _steps(module, stage, inputs, names)
    found = DryRun(steps, {"stage": stage, **inputs})
    was_training = {m: m.training for m in collection.modules()}
    collection.eval()
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        for step in steps:
            _try(step, found, stage)
    for submodule, mode in was_training.items():
        submodule.training = mode
    found.problems += _loss_problems(found, names)
    return found


def check_bricks(
    module: LightningBrickCollection, data: LightningDataModule
) -> list[str]:
    """Runs each brick once on a real batch and returns one line for each that fails.

    What reads from a failed brick is left out. Weights, buffers, metrics and the random
    state stay as they are.

    Args:
        module: The module.
        data: Gives the batches.
    """
    problems: dict[str, str] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for stage in (Stage.TRAIN, Stage.VALIDATION, Stage.TEST):
            for problem in dry_run(module, data, stage).problems:
                problems.setdefault(problem.partition(": ")[0], problem)
    return list(problems.values())


def _steps(
    module: LightningBrickCollection,
    stage: Stage,
    inputs: Mapping[str, Any],
    names: Iterable[str],
) -> tuple[Step, ...]:
    collection = module.brick_collection
    return collection.steps(stage, inputs, list(names), update_metrics=True)


def _try(step: Step, found: DryRun, stage: Stage) -> None:
    if not _reads(step) <= found.values.keys():
        return  # a brick before it failed
    if step.brick.reduces:
        brick = deepcopy(step.brick)
        step = Step(step.path, brick, brick.function, step.args, step.kwargs, False)
    try:
        found.values.update(step.run(found.values, stage))
    except Exception as error:
        message = " ".join(str(error).split())
        notes = " ".join(getattr(error, "__notes__", []))
        reads = notes.partition("which read ")[2] or "nothing"
        found.problems.append(f"bricks.{step.path}: {message[:300]} (it read {reads})")


def _reads(step: Step) -> set[str]:
    names: set[str] = set()
    for arg in (*step.args, *step.kwargs.values()):
        names |= {arg} if isinstance(arg, str) else set((arg or {}).values())
    return names


def _loss_problems(found: DryRun, names: Iterable[str]) -> list[str]:
    problems = []
    for name in names:
        value = found.values.get(name)
        loss = value.loss if isinstance(value, LossOutput) else value
        if isinstance(loss, Tensor) and loss.numel() != 1:
            problems.append(
                f"loss_coefs.{name}: the loss has shape {tuple(loss.shape)}."
                " Expected a scalar."
            )
    return problems


def describe(value: object) -> str:
    """Returns the shape of a tensor, or the kind of another value."""
    if isinstance(value, Tensor):
        kind = "" if value.dtype == torch.float32 else f" {str(value.dtype)[6:]}"
        return "x".join(map(str, value.shape)) + kind if value.ndim else f"scalar{kind}"
    if isinstance(value, LossOutput):
        return "loss"
    if isinstance(value, Mapping):
        return f"{len(value)} values"
    if isinstance(value, RowErrors):
        return describe(value.values)
    return "" if value is None else type(value).__name__
