"""Shapes and dtypes of every name of a graph, found without computing it."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from functools import cached_property
from typing import Any

import torch
from torch import nn, Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._pytree import tree_map_only

from gwbricks.bricks.graph.step import Step, was_read
from gwbricks.bricks.loss_output import LossOutput
from gwbricks.bricks.names import STAGE
from gwbricks.bricks.stage import Stage
from gwbricks.errors import WiringError


class ShapeTrace:
    """Runs copies of bricks on fake tensors, which have a shape and no data.

    A brick that needs data (it looks at values, or leaves PyTorch) is run on real data
    instead, after what it reads from; data on the meta device are zeros then.

    Args:
        module: Holds the bricks; it is left as it is.
        find_steps: Returns the bricks of a copy of it, in the order of running.
        named_inputs: Data by name, with real tensors or tensors on the meta device.
        stage: The stage.
    """

    def __init__(
        self,
        module: nn.Module,
        find_steps: Callable[[Any], tuple[Step, ...]],
        named_inputs: Mapping[str, Any],
        stage: Stage,
    ) -> None:
        self.module, self.find_steps, self.stage = module, find_steps, stage
        self.weights = [*module.parameters(), *module.buffers()]
        self.device = self.weights[0].device if self.weights else torch.device("cpu")
        # bricks may hold tensors that are no weights, which stay real
        self.mode = FakeTensorMode(allow_non_fake_inputs=True)
        self.named_inputs = dict(named_inputs)
        self.fake = tree_map_only(Tensor, self._fake, self.named_inputs)

    def run(self) -> dict[str, Any]:
        """Returns all values by name, their tensors on the meta device.

        Raises:
            WiringError: If a value does not fit a brick.
        """
        # deepcopy takes these for the weights, and copies the rest
        copies: dict[int, Any] = {id(t): self.mode.from_tensor(t) for t in self.weights}
        steps = self.find_steps(deepcopy(self.module, copies))
        cuda = {weight.device for weight in self.weights if weight.is_cuda}
        with _quiet(), torch.random.fork_rng(list(cuda)):
            for step in steps:
                self.fake |= self._outputs(step)
        return {name: _to_meta(value) for name, value in self.fake.items()}

    def _outputs(self, step: Step) -> dict[str, Any]:
        try:
            with self.mode:
                return step.run({STAGE: self.stage, **self.fake}, self.stage)
        except WiringError:
            raise
        except Exception:  # the brick needs data, or its inputs do not fit
            self._compute(step.path)
        found = {name: self.real[name] for name in step.brick.output_names}
        return tree_map_only(Tensor, self._fake, found)

    @cached_property
    def real(self) -> dict[str, Any]:
        """Values that are known as they are; the data at first."""
        return {
            STAGE: self.stage,
            **tree_map_only(Tensor, self._real, self.named_inputs),
        }

    @cached_property
    def real_steps(self) -> dict[str, Step]:
        """Bricks with real weights by path, in order; copies too."""
        return {step.path: step for step in self.find_steps(deepcopy(self.module))}

    def _compute(self, path: str) -> None:
        step = self.real_steps[path]
        for other in self.real_steps.values():  # only what it reads, and what that does
            written = set(other.brick.output_names) - self.real.keys()
            if written.intersection(step.reads):
                self._compute(other.path)
        try:
            self.real |= step.run(self.real, self.stage)
        except WiringError:
            raise
        except Exception as error:
            message, read = " ".join(str(error).split()), was_read(error)
            raise WiringError(f"{path}: {message} It read {read}.") from error

    def _fake(self, tensor: Tensor) -> Tensor:
        if not tensor.is_meta:
            return self.mode.from_tensor(tensor)
        with self.mode:
            return torch.empty(tensor.shape, dtype=tensor.dtype, device=self.device)

    def _real(self, tensor: Tensor) -> Tensor:
        if not tensor.is_meta:
            return tensor
        return torch.zeros_like(tensor, device=self.device)


def _to_meta(value: object) -> object:
    if isinstance(value, LossOutput):
        return LossOutput(*map(_to_meta, (value.loss, value.metrics)))  # pyright: ignore[reportArgumentType] - each of its own kind
    return tree_map_only(
        Tensor, lambda t: torch.empty(t.shape, dtype=t.dtype, device="meta"), value
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps PyTorch from printing a traceback of each brick that needs data."""
    logger = logging.getLogger("torch._subclasses.fake_tensor")
    was_disabled, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = was_disabled
