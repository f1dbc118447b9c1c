"""What is trained, and what is not."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from torch import nn, Tensor
from torch.optim import Adam, SGD

from gwbricks.bag_of_bricks import MLP
from gwbricks.bricks import (
    BrickCollection,
    BrickLoss,
    BrickNotTrainable,
    BrickTrainable,
    LossOutput,
    Stage,
)
from gwbricks.data import DigitsData
from gwbricks.errors import ConfigError
from gwbricks.training import LightningBrickCollection
from gwbricks.workspace import SharedSelection

Maker = Callable[..., Any]


def copy_state(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def same_state(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(
        torch.equal(value, second[name]) for name, value in first.items()
    )


@pytest.mark.slow
def test_classifier_learns_digits(make_trainer: Maker, make_classifier: Maker) -> None:
    data, model = DigitsData(["mor"], batch_size=50), make_classifier()
    trainer = make_trainer(max_epochs=4)
    trainer.fit(model, datamodule=data)
    (logged,) = trainer.test(model, datamodule=data, verbose=False)
    assert logged["test/accuracy"] > 0.5  # ten classes: 0.1 by chance


@pytest.mark.slow
def test_workspace_learns_to_reconstruct(
    make_trainer: Maker,
    make_workspace: Maker,
    make_vectors: Maker,
    all_kinds: dict[str, float],
) -> None:
    data = make_vectors(num_train=256, batch_size=32)
    model = make_workspace(all_kinds)
    (before,) = make_trainer().test(model, datamodule=data, verbose=False)
    trainer = make_trainer(max_epochs=8)
    trainer.fit(model, datamodule=data)
    (after,) = trainer.test(model, datamodule=data, verbose=False)
    assert after["test/demi_cycles"] < 0.5 * before["test/demi_cycles"]


def test_sixteen_labels_can_be_learned_by_heart(
    make_trainer: Maker, repeat: Maker
) -> None:
    generator = torch.Generator().manual_seed(0)
    columns = {
        "x": torch.randn(16, 8, generator=generator),
        "label": torch.arange(16) % 4,
    }
    torch.manual_seed(0)
    bricks = {
        "head": BrickTrainable(MLP(8, 64, 4, 0), ["x"], ["logits"]),
        "loss": BrickLoss(nn.CrossEntropyLoss(), ["logits", "label"], ["loss_x"]),
    }
    optimizer = partial(Adam, lr=1e-2)
    model = LightningBrickCollection(BrickCollection(bricks), optimizer)
    make_trainer().fit(model, repeat(columns, 100))
    logits = model.brick_collection(columns, Stage.INFERENCE)["logits"]
    assert logits.argmax(dim=1).tolist() == columns["label"].tolist()


@pytest.mark.slow
def test_sixteen_items_can_be_translated_by_heart(
    make_trainer: Maker, repeat: Maker, make_workspace: Maker
) -> None:
    generator = torch.Generator().manual_seed(0)
    columns = {
        name: torch.randn(16, size, generator=generator)
        for name, size in {"t": 3, "v": 4}.items()
    }
    coefs = {"translations": 1.0, "demi_cycles": 1.0}
    model = make_workspace(coefs, selection=SharedSelection())
    (before,) = make_trainer().test(model, repeat(columns), verbose=False)
    make_trainer().fit(model, repeat(columns, 150))
    (after,) = make_trainer().test(model, repeat(columns), verbose=False)
    assert after["test/loss"] < 0.1 * before["test/loss"]


def test_frozen_brick_does_not_move(
    make_trainer: Maker, make_classifier: Maker
) -> None:
    model = make_classifier()
    norm, head = (model.brick_collection[name] for name in ("norm", "head"))
    before = copy_state(norm), copy_state(head)
    make_trainer(max_epochs=2).fit(model, datamodule=DigitsData(["mor"], 100))
    assert same_state(copy_state(norm), before[0])
    assert not same_state(copy_state(head), before[1])
    assert norm.model.num_batches_tracked == 0


def test_frozen_domains_do_not_move(
    make_trainer: Maker,
    make_workspace: Maker,
    make_vectors: Maker,
    all_kinds: dict[str, float],
) -> None:
    model = make_workspace(all_kinds)
    bricks = model.brick_collection.flat()
    before = {path: copy_state(brick) for path, brick in bricks.items()}
    make_trainer().fit(model, datamodule=make_vectors())
    moved = {p for p, b in bricks.items() if not same_state(copy_state(b), before[p])}
    assert moved == {f"{name}.{part}" for name in "tv" for part in ("encode", "decode")}


@pytest.mark.parametrize("order", [1, -1], ids=["as-written", "reversed"])
def test_optimizer_gets_the_trainable_parameters_by_name(
    make_trainer: Maker, repeat: Maker, order: int
) -> None:
    bricks = {
        "a": BrickTrainable(nn.Linear(2, 3), ["x"], ["y"]),
        "b": BrickNotTrainable(nn.Linear(3, 4), ["y"], ["z"]),
        "c": BrickTrainable(nn.Linear(4, 5), ["z"], ["out"]),
        "loss": BrickLoss(torch.mean, ["out"], ["mean"]),
    }
    bricks = dict(list(bricks.items())[::order])
    optimizer = partial(SGD, lr=0.1)
    model = LightningBrickCollection(BrickCollection(bricks), optimizer)
    trainer = make_trainer()
    trainer.fit(model, repeat({"x": torch.ones(1, 2)}))
    (group,) = trainer.optimizers[0].param_groups
    shapes = [tuple(parameter.shape) for parameter in group["params"]]
    assert shapes == [(3,), (3, 2), (5,), (5, 4)]


def test_nothing_to_train_is_an_error(make_trainer: Maker, repeat: Maker) -> None:
    bricks = {"loss": BrickLoss(torch.mean, ["x"], ["mean"])}
    model = LightningBrickCollection(BrickCollection(bricks), partial(SGD, lr=0.1))
    with pytest.raises(
        ConfigError, match=r"optimizer: no parameter is trainable.*Fix: "
    ):
        make_trainer().fit(model, repeat({"x": torch.ones(1, 2)}))


def test_gradients_of_accumulated_batches_are_averaged(
    make_trainer: Maker, make_scale: Maker, batches: Maker
) -> None:
    model = make_scale(lr=0.1)
    make_trainer(accumulate_grad_batches=2).fit(model, batches([1, 4]))
    (weight,) = model.parameters()
    assert weight.item() == pytest.approx(1 - 0.1 * (1 + 4) / 2)


@pytest.mark.parametrize(
    ("matched", "unpaired"),
    [
        pytest.param(0, True, id="nothing-matched"),
        pytest.param(8, False, id="nothing-alone"),
        pytest.param(8, True, id="both"),
    ],
)
def test_losses_without_rows_are_left_out(
    make_trainer: Maker,
    make_workspace: Maker,
    make_vectors: Maker,
    all_kinds: dict[str, float],
    matched: int,
    unpaired: bool,
) -> None:
    data = make_vectors(matched=matched, unpaired=unpaired)
    trainer: Trainer = make_trainer()
    trainer.fit(make_workspace(all_kinds), data.train_dataloader())
    logged = {kind for kind in all_kinds if f"train/{kind}" in trainer.callback_metrics}
    needs_pairs = {"translations", "contrastives", "fused"}
    assert logged == (set(all_kinds) if matched else set(all_kinds) - needs_pairs)
    expected = sum(
        all_kinds[k] * trainer.callback_metrics[f"train/{k}"] for k in logged
    )
    assert trainer.callback_metrics["train/loss"] == pytest.approx(float(expected))


class NoLoss(nn.Module):
    """A loss that has nothing to say about negative numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> LossOutput | None:
        """Returns the weighted mean, or None."""
        return None if (x < 0).any() else LossOutput((self.weight * x).mean())


@pytest.mark.filterwarnings("ignore:`training_step` returned `None`")  # Lightning's
def test_batch_without_any_loss_is_passed_over(
    make_trainer: Maker, batches: Maker
) -> None:
    bricks = {"loss": BrickTrainable(NoLoss(), ["x"], ["mean"], ["mean"])}
    optimizer = partial(SGD, lr=0.1)
    model = LightningBrickCollection(BrickCollection(bricks), optimizer)
    trainer = make_trainer(log_every_n_steps=10)
    trainer.fit(model, batches([1, -1, 1]))
    (weight,) = model.parameters()
    assert weight.item() == pytest.approx(1 - 0.1 - 0.1)
    assert trainer.callback_metrics["train/mean"] == pytest.approx((1 + 0.9) / 2)


def test_loss_whose_data_a_batch_lacks_is_left_out() -> None:
    bricks = {
        "head": BrickTrainable(nn.Linear(2, 1), ["x"], ["y"]),
        "loss": BrickLoss(lambda y: y.mean(), ["y"], ["mean"]),
        "extra": BrickLoss(
            lambda y, z: (y * z).mean(), ["y", "z"], ["extra"], skip_missing=True
        ),
    }
    module = LightningBrickCollection(
        BrickCollection(bricks), partial(torch.optim.SGD, lr=0.1)
    )
    objective = module.training_step({"x": torch.ones(3, 2)}, 0)
    assert objective is not None
    head = module.brick_collection({"x": torch.ones(3, 2)}, Stage.TRAIN)["y"].mean()
    assert objective.item() == pytest.approx(head.item())
