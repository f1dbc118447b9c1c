"""Several sets of a stage: names, numbers and randomness of their own."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningDataModule
from torch import nn, Tensor
from torch.optim import SGD
from torchmetrics.classification import BinaryConfusionMatrix
from torchmetrics.regression import MeanAbsoluteError

from gwbricks.bricks import BrickCollection, BrickMetrics, BrickTrainable
from gwbricks.data import CorruptedSet
from gwbricks.errors import ConfigError
from gwbricks.training import LightningBrickCollection
from gwbricks.training.evaluation import name_sets
from gwbricks.workspace import SingleDomainSelection

Maker = Callable[..., Any]


class Loaders(LightningDataModule):
    """A user's own data module."""

    def __init__(self, loaders: object) -> None:
        super().__init__()
        self.loaders: Any = loaders

    def val_dataloader(self) -> Any:  # noqa: ANN401 - what Lightning allows
        """Returns the loaders to validate on."""
        return self.loaders

    def test_dataloader(self) -> Any:  # noqa: ANN401 - what Lightning allows
        """Returns the loaders to test on."""
        return self.loaders


class Compare(nn.Module):
    """Compares numbers with zero."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns predictions, targets and a loss."""
        return x + self.bias, torch.zeros_like(x).long(), (x + self.bias).mean()


def make_model(**settings: Any) -> LightningBrickCollection:
    metrics = {"mae": MeanAbsoluteError(), "confusion": BinaryConfusionMatrix()}
    bricks = {
        "compare": BrickTrainable(Compare(), ["x"], ["pred", "zero", "mean"], ["mean"]),
        "metrics": BrickMetrics(metrics, ["pred", "zero"]),
    }
    optimizer = partial(SGD, lr=0.0)
    return LightningBrickCollection(BrickCollection(bricks), optimizer, **settings)


NEAR, FAR = [0.0, 0.2, 0.4], [1.0, 0.8]


@pytest.mark.parametrize(
    ("shape", "names"),
    [
        pytest.param(list, ["test", "test_1"], id="list"),
        pytest.param(tuple, ["test", "test_1"], id="tuple"),
        pytest.param(
            lambda x: dict(zip("ab", x, strict=True)), ["test", "test_b"], id="dict"
        ),
        pytest.param(
            lambda x: {"test": x[0], "ood": x[1]},
            ["test", "test_ood"],
            id="own-by-name",
        ),
        pytest.param(
            lambda x: {"ood": x[1], "test": x[0]},
            ["test", "test_ood"],
            id="own-is-last",
        ),
        pytest.param(
            lambda x: {"test": x[0], "test_ood": x[1]}, ["test", "test_ood"], id="whole"
        ),
    ],
)
def test_sets_of_any_data_module_have_losses_and_metrics_of_their_own(
    make_trainer: Maker,
    batches: Maker,
    tmp_path: Path,
    shape: Callable[[Any], Any],
    names: list[str],
) -> None:
    model = make_model(path_experiments=tmp_path)
    data = Loaders(shape([batches(NEAR, 2), batches(FAR)]))
    trainer = make_trainer()
    trainer.test(model, datamodule=data, verbose=False)
    logged = {n: v.item() for n, v in trainer.callback_metrics.items()}
    own, further = names
    assert logged == pytest.approx(
        {
            **{f"{own}/{kind}": 0.2 for kind in ("loss", "mean", "mae")},
            **{f"{further}/{kind}": 0.9 for kind in ("loss", "mean", "mae")},
        }
    )
    assert model.summaries == {
        f"{own}/confusion": [[3, 0], [0, 0]],
        f"{further}/confusion": [[0, 2], [0, 0]],
    }
    pictures = {p.parent.name for p in tmp_path.rglob("confusion.png")}
    assert pictures == set(names)


@pytest.mark.filterwarnings("ignore:Total length of `DataLoader` across ranks is zero")
def test_set_that_gives_no_batch_mixes_nothing(
    make_trainer: Maker, batches: Maker
) -> None:
    trainer = make_trainer()
    loaders = {"val": batches(NEAR), "none": batches([]), "far": batches(FAR)}
    trainer.validate(make_model(), datamodule=Loaders(loaders), verbose=False)
    assert trainer.callback_metrics["val/mae"] == pytest.approx(0.2)
    assert trainer.callback_metrics["val_far/mae"] == pytest.approx(0.9)
    assert not any("none" in name for name in trainer.callback_metrics)


@pytest.mark.slow
def test_further_set_changes_neither_training_nor_the_other_numbers(
    make_trainer: Maker, make_workspace: Maker, make_vectors: Maker
) -> None:
    found = []
    for sets in (
        {},
        {"a": CorruptedSet(1.0), "b": CorruptedSet(1.0)},
        {"b": CorruptedSet(1.0)},
    ):
        coefs = {"fused": 1.0}
        model = make_workspace(coefs, selection=SingleDomainSelection())
        trainer = make_trainer(num_sanity_val_steps=1)
        trainer.fit(model, datamodule=make_vectors(sets=sets))
        found.append({n: v.item() for n, v in trainer.callback_metrics.items()})
    plain, two, one = found
    assert plain.items() < one.items() < two.items()
    assert two["val_a/loss"] == two["val_b/loss"] != two["val/loss"]


@pytest.mark.parametrize(
    ("loaders", "message"),
    [
        pytest.param(
            {"a/b": [], "c": 0}, r"val_dataloader: 'a/b'\. Expected", id="slash"
        ),
        pytest.param(
            {"a": 0, "b/c": 0}, r"val_dataloader: 'b/c'\. Expected", id="path"
        ),
        pytest.param(
            [0, [1, 2]],
            r"val_dataloader: '1'\. Expected a name .* for each",
            id="nested",
        ),
        pytest.param(
            {"val": 0, "x": 1, "val_x": 2}, "two loaders are called 'val_x'", id="twice"
        ),
    ],
)
def test_loaders_without_names_are_an_error(loaders: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        name_sets(loaders, "val")
