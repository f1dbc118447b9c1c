"""What is answered sooner is answered the same."""

from collections.abc import Callable
from inspect import getfullargspec, signature
from typing import Any

import pytest
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import nn

from gwbricks.training import LightningBrickCollection

Maker = Callable[..., Any]


@pytest.mark.parametrize(
    ("clip", "expected"),
    [
        pytest.param({}, 1 - 0.1 * 5, id="not-at-all"),
        pytest.param({"gradient_clip_val": 2.0}, 1 - 0.1 * 2, id="by-norm"),
        pytest.param(
            {"gradient_clip_val": 3.0, "gradient_clip_algorithm": "value"},
            1 - 0.1 * 3,
            id="by-value",
        ),
    ],
)
def test_gradients_are_clipped_as_the_trainer_says(
    make_trainer: Maker,
    make_scale: Maker,
    batches: Maker,
    clip: dict[str, Any],
    expected: float,
) -> None:
    model = make_scale(lr=0.1)
    make_trainer(**clip).fit(model, batches([5]))
    (weight,) = model.parameters()
    assert weight.item() == pytest.approx(expected)


class Gradients(Callback):
    """Keeps whether there are gradients, before they are dropped and after."""

    def __init__(self) -> None:
        self.before: list[bool] = []
        self.after: list[bool] = []

    def on_before_zero_grad(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: object
    ) -> None:
        """Notes what the last step has left."""
        del trainer, optimizer
        self.before.append(any(p.grad is not None for p in pl_module.parameters()))

    def on_before_backward(
        self, trainer: Trainer, pl_module: LightningModule, loss: object
    ) -> None:
        """Notes what there is before the next gradient."""
        del trainer, loss
        self.after.append(any(p.grad is not None for p in pl_module.parameters()))


def test_no_step_sees_the_gradients_of_another(
    make_trainer: Maker, make_scale: Maker, batches: Maker
) -> None:
    seen = Gradients()
    make_trainer(callbacks=[seen]).fit(make_scale(), batches(range(3)))
    assert seen.before == [False, True, True]
    assert seen.after == [False, False, False]


def test_the_signature_of_the_training_step_is_its_own() -> None:
    class Named(LightningBrickCollection):
        def training_step(self, batch: Any, batch_idx: int, extra: int = 0) -> None:  # noqa: ANN401 - any batch
            """Takes one argument more."""

    for step in (LightningBrickCollection.training_step, Named.training_step):
        spec = getfullargspec(step)
        assert spec.args == list(signature(step).parameters)
    assert getfullargspec(Named.training_step).args[-1] == "extra"
    assert "extra" not in getfullargspec(LightningBrickCollection.training_step).args


def test_modules_are_registered_and_names_of_hooks_are_kept(make_scale: Maker) -> None:
    model = make_scale()
    model.head = nn.Linear(1, 1)
    model._current_fx_name = "on_train_start"
    assert "head" in dict(model.named_children())
    assert model._current_fx_name == "on_train_start"
