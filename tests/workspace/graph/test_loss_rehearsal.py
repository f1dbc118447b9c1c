"""The form of a loss is learned without a trace in the domain or in random draws."""

from collections.abc import Callable
from copy import deepcopy
from threading import Lock

import pytest
import torch
from torch import nn, Tensor

from gwbricks.bricks import BrickCollection, LossOutput, Stage
from gwbricks.data import as_named_inputs
from gwbricks.domains import LinearDomain
from gwbricks.workspace.planning.routes import KINDS

Build = Callable[..., BrickCollection]
Draw = Callable[..., dict[frozenset[str], dict[str, Tensor]]]
GROUPS = {("a",): 3, ("a", "b"): 4, ("a", "b", "c"): 2}


def step(collection: BrickCollection, inputs: dict[str, Tensor]) -> dict[str, float]:
    values = collection.run(inputs, Stage.TRAIN, outputs=KINDS)
    return {
        f"{kind}/{name}": value.item()
        for kind in KINDS
        if values[kind]
        for name, value in values[kind].all.items()
    }


class Restless(LinearDomain):
    """Abstract: a loss with dropout and running statistics that counts its calls."""

    def __init__(self, in_dim: int, latent_dim: int) -> None:
        super().__init__(in_dim, latent_dim)
        self.noise = nn.Sequential(nn.BatchNorm1d(latent_dim), nn.Dropout(0.5))
        self.calls = 0

    def error(self, pred: Tensor, target: Tensor) -> Tensor:
        self.calls += 1
        return (self.noise(pred) - target).square()


class RestlessByRow(Restless):
    def compute_loss(self, pred: Tensor, target: Tensor) -> LossOutput:
        return LossOutput(self.error(pred, target).mean(dim=1))


class RestlessScalar(Restless):
    def compute_loss(self, pred: Tensor, target: Tensor) -> LossOutput:
        return LossOutput(self.error(pred, target).mean())


class RestlessInCycles(Restless):
    def compute_cycle_loss(self, pred: Tensor, target: Tensor) -> LossOutput:
        return LossOutput(self.error(pred, target).mean())


class SwitchedOffAndCounting(Restless):
    def compute_loss(  # pyright: ignore[reportIncompatibleMethodOverride] - switched off
        self, pred: Tensor, target: Tensor
    ) -> None:
        self.error(pred, target)


class DependingOnValues(Restless):
    def compute_loss(self, pred: Tensor, target: Tensor) -> LossOutput:
        error = self.error(pred, target)
        return LossOutput(error.mean() if error.sum().item() >= 0 else error[:, 0])


@pytest.mark.parametrize(
    "domain",
    [
        RestlessByRow,
        RestlessScalar,
        RestlessInCycles,
        SwitchedOffAndCounting,
        DependingOnValues,
    ],
)
def test_first_batch_is_computed_as_later_ones_are(
    build: Build, draw: Draw, domain: type[Restless]
) -> None:
    module = domain(5, 4)
    start = deepcopy(module.state_dict())
    collection = build("abc", modules={"a": module})
    module.train()
    inputs = as_named_inputs(draw(GROUPS))
    found = []
    for _ in range(2):
        module.load_state_dict(start)
        module.calls = 0
        torch.manual_seed(1)
        values = step(collection, inputs)
        buffers = [buffer.tolist() for buffer in module.buffers()]
        found.append((values, module.calls, buffers, torch.get_rng_state().tolist()))
    first, later = found
    assert module.calls
    assert first == later


class NotCopied(LinearDomain):
    """Abstract: no copy can be made of it."""

    def __init__(self, in_dim: int, latent_dim: int) -> None:
        super().__init__(in_dim, latent_dim)
        self.lock = Lock()
        self.calls = 0


class ByRowNotCopied(NotCopied):
    def compute_loss(self, pred: Tensor, target: Tensor) -> LossOutput:
        self.calls += 1
        return LossOutput((pred - target).square().mean(dim=1))


class ScalarNotCopied(NotCopied):
    def compute_loss(self, pred: Tensor, target: Tensor) -> LossOutput:
        return LossOutput((pred - target).square().mean())


@pytest.mark.parametrize("domain", [ByRowNotCopied, ScalarNotCopied])
def test_loss_of_a_domain_that_cannot_be_copied_has_the_same_value(
    build: Build, draw: Draw, domain: type[LinearDomain]
) -> None:
    inputs = as_named_inputs(draw(GROUPS))
    found = []
    for kind in (LinearDomain, domain):
        torch.manual_seed(0)
        found.append(step(build("abc", modules={"a": kind(5, 4)}), inputs))
    assert found[0] == pytest.approx(found[1], rel=1e-6)


def test_loss_by_row_is_called_once_even_if_it_cannot_be_copied(
    build: Build, draw: Draw
) -> None:
    module = ByRowNotCopied(5, 4)
    inputs = as_named_inputs(draw({("a", "b"): 4}))
    build("ab", modules={"a": module}).run(inputs, Stage.TRAIN, ["demi_cycles"])
    assert module.calls == 1


class Scalar(LinearDomain):
    def compute_loss(self, pred: Tensor, target: Tensor) -> LossOutput:
        return LossOutput((pred - target).square().mean())


class SwitchedOnLate(LinearDomain):
    calls = 0

    def compute_loss(  # pyright: ignore[reportIncompatibleMethodOverride] - switched off
        self, pred: Tensor, target: Tensor
    ) -> LossOutput | None:
        self.calls += 1
        return LossOutput((pred - target).square().mean()) if self.calls > 4 else None


def test_loss_that_is_switched_on_late_is_still_that_of_each_route(
    build: Build, draw: Draw
) -> None:
    inputs = as_named_inputs(draw(GROUPS))
    found = {}
    for domain in (SwitchedOnLate, Scalar):
        torch.manual_seed(0)
        collection = build("abc", modules={"a": domain(5, 4)})
        found[domain] = [step(collection, inputs) for _ in range(5)]
    assert found[SwitchedOnLate][0].keys() < found[Scalar][0].keys()
    assert found[SwitchedOnLate][-1] == pytest.approx(found[Scalar][-1])
