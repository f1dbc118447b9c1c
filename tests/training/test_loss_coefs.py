"""What a coefficient does to its loss."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn, Tensor
from torch.optim import SGD

from gwbricks.bricks import BrickCollection, BrickLoss, BrickTrainable
from gwbricks.errors import ConfigError, UnknownNameError
from gwbricks.training import LightningBrickCollection

Maker = Callable[..., Any]

ROWS = {"x": torch.tensor([[1.0, 2.0], [3.0, -1.0]])}


class Spy(nn.Module):
    """A linear map that notes, for each call, whether gradients are on."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 2)
        self.calls: list[bool] = []

    def forward(self, x: Tensor) -> Tensor:
        """Maps `x`."""
        self.calls.append(torch.is_grad_enabled())
        return self.linear(x)


def build(loss_coefs: Mapping[str, Any] | None) -> LightningBrickCollection:
    """Returns a trunk with two heads, `near` and `far`, and a loss of each."""
    torch.manual_seed(0)
    bricks = {
        "trunk": BrickTrainable(Spy(), ["x"], ["features"]),
        "near_head": BrickTrainable(Spy(), ["features"], ["near_out"]),
        "far_head": BrickTrainable(Spy(), ["features"], ["far_out"]),
        "near_loss": BrickLoss(lambda out: out.square().mean(), ["near_out"], ["near"]),
        "far_loss": BrickLoss(lambda out: out.exp().mean(), ["far_out"], ["far"]),
    }
    optimizer = partial(SGD, lr=0.01)
    return LightningBrickCollection(BrickCollection(bricks), optimizer, loss_coefs)


def spy(model: LightningBrickCollection, name: str) -> Spy:
    found = model.brick_collection[name].model
    assert isinstance(found, Spy)
    return found


def losses_by_hand(model: LightningBrickCollection) -> dict[str, Tensor]:
    features = spy(model, "trunk").linear(ROWS["x"])
    near = spy(model, "near_head").linear(features)
    far = spy(model, "far_head").linear(features)
    return {"near": (near**2).sum() / near.numel(), "far": torch.exp(far).mean()}


@pytest.mark.parametrize(
    "coefs",
    [
        pytest.param({"near": 1.0, "far": 0.1}, id="weights"),
        pytest.param({"near": 2, "far": 3}, id="integers"),
        pytest.param({"near": np.float64(0.5), "far": np.float32(2)}, id="numpy"),
        pytest.param({"near": 1.0, "far": 1e-12}, id="tiny"),
        pytest.param({"far": 4.0}, id="one"),
    ],
)
def test_objective_is_the_weighted_sum(
    make_trainer: Maker, repeat: Maker, coefs: dict[str, float]
) -> None:
    model, by_hand = build(coefs), build(coefs)
    trainer = make_trainer()
    trainer.fit(model, repeat(ROWS))
    losses = losses_by_hand(by_hand)
    objective = torch.stack([float(c) * losses[n] for n, c in coefs.items()]).sum()
    assert trainer.callback_metrics["train/loss"] == pytest.approx(objective.item())
    objective.backward()
    for mine, theirs in zip(model.parameters(), by_hand.parameters(), strict=True):
        gradient = 0.0 if theirs.grad is None else theirs.grad
        torch.testing.assert_close(mine, theirs - 0.01 * gradient)


def test_all_losses_are_trained_when_no_coefficients_are_given(
    make_trainer: Maker,
    repeat: Maker,
) -> None:
    trainer = make_trainer()
    model = build(None)
    expected = losses_by_hand(model)
    trainer.fit(model, repeat(ROWS))
    assert model.loss_coefs == {"far": 1.0, "near": 1.0}
    total = (expected["near"] + expected["far"]).item()
    assert trainer.callback_metrics["train/loss"] == pytest.approx(total)


@pytest.mark.parametrize("zero", [0, 0.0, -0.0], ids=["integer", "float", "negative"])
def test_loss_with_coefficient_zero_is_logged_and_not_trained(
    make_trainer: Maker, repeat: Maker, zero: float
) -> None:
    model = build({"near": 1.0, "far": zero})
    expected = {name: loss.item() for name, loss in losses_by_hand(model).items()}
    head, trainer = spy(model, "far_head"), make_trainer()
    before = head.linear.weight.clone()
    trainer.fit(model, repeat(ROWS))
    logged = trainer.callback_metrics
    assert logged["train/far"] == pytest.approx(expected["far"])
    assert logged["train/loss"] == pytest.approx(expected["near"])
    assert head.calls == [False]
    assert torch.equal(head.linear.weight, before)
    assert all(parameter.grad is None for parameter in head.parameters())
    assert spy(model, "near_head").calls == [True]


def test_coefficient_zero_changes_no_weight(make_trainer: Maker, repeat: Maker) -> None:
    with_zero, without = build({"near": 1.0, "far": 0.0}), build({"near": 1.0})
    for model in (with_zero, without):
        make_trainer(max_epochs=3).fit(model, repeat(ROWS))
    for mine, theirs in zip(with_zero.parameters(), without.parameters(), strict=True):
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize(
    "coefs",
    [
        pytest.param({"near": 1.0}, id="absent"),
        pytest.param({"near": 1.0, "far": None}, id="null"),
    ],
)
def test_loss_without_a_coefficient_is_not_run(
    make_trainer: Maker, repeat: Maker, coefs: dict[str, Any]
) -> None:
    model, trainer = build(coefs), make_trainer(max_epochs=3)
    trainer.fit(model, repeat(ROWS), repeat(ROWS))
    trainer.test(model, repeat(ROWS), verbose=False)
    assert len(spy(model, "near_head").calls) == 3 + 3 + 1
    assert spy(model, "far_head").calls == []
    assert not [name for name in trainer.callback_metrics if "far" in name]


def test_ramp_is_what_each_step_is_trained_with(
    make_trainer: Maker, repeat: Maker
) -> None:
    ramp = {"coef": 2.0, "initial": 0.5, "start": 1, "steps": 2}
    coefs = [0.5, 1.25, 2.0, 2.0]
    model, by_hand = build({"near": 1.0, "far": ramp}), build({"near": 1.0, "far": 1.0})
    trainer = make_trainer(max_epochs=4)
    optimizer = SGD(by_hand.parameters(), lr=0.01)
    for coef in coefs:
        losses = losses_by_hand(by_hand)
        optimizer.zero_grad()
        (losses["near"] + coef * losses["far"]).backward()
        optimizer.step()
    trainer.fit(model, repeat(ROWS), repeat(ROWS))
    for mine, theirs in zip(model.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs)
    validated = losses_by_hand(by_hand)
    assert trainer.callback_metrics["val/loss"] == pytest.approx(
        (validated["near"] + 2.0 * validated["far"]).item()
    )
    assert trainer.callback_metrics["train/coef/far"] == 2.0


def test_loss_is_not_trained_before_it_is_switched_on(
    make_trainer: Maker, repeat: Maker
) -> None:
    model = build({"near": 1.0, "far": {"coef": 1.0, "start": 2}})
    make_trainer(max_epochs=4).fit(model, repeat(ROWS))
    assert spy(model, "far_head").calls == [False, False, True, True]


@pytest.mark.parametrize(
    ("coefs", "error", "message"),
    [
        pytest.param(
            {"nera": 1.0},
            UnknownNameError,
            r"loss_coefs: unknown name 'nera'\. Did you mean 'near'\?"
            r" Known names: far, near\.",
            id="unknown",
        ),
        pytest.param(
            {"near": 1.0, "far": -0.5},
            ConfigError,
            r"loss_coefs\.far: -0\.5\. Expected a number of 0 or more",
            id="negative",
        ),
        pytest.param(
            {"near": float("nan")}, ConfigError, r"loss_coefs\.near: nan\.", id="nan"
        ),
        pytest.param(
            {"near": float("inf")}, ConfigError, r"loss_coefs\.near: inf\.", id="inf"
        ),
        pytest.param(
            {"near": None, "far": 0.0},
            ConfigError,
            r"no coefficient is above 0.*Fix: give one to any of far, near\.",
            id="nothing-to-train",
        ),
        pytest.param({}, ConfigError, r"no coefficient is above 0", id="empty"),
    ],
)
def test_bad_coefficient_is_an_error(
    coefs: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        build(coefs)
