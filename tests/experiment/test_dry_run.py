from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningDataModule
from torch import nn, Tensor
from torch.utils.data import DataLoader
from torchmetrics import MeanMetric

from gwbricks.bricks import (
    BrickCollection,
    BrickLoss,
    BrickMetricSingle,
    BrickTrainable,
    LossOutput,
    Stage,
)
from gwbricks.bricks.graph.step import NOTE
from gwbricks.experiment.dry_run import check_bricks, describe, dry_run
from gwbricks.training import LightningBrickCollection
from gwbricks.workspace.graph.route_means import RowErrors

BATCH = {"x": torch.ones(4, 3), "label": torch.arange(4) % 2}
LABELLED = "its data, or skip_missing=true of the brick, which is then left out there"


class Data(LightningDataModule):
    """The same batch for every stage, and other sets to validate and test on."""

    def __init__(self, *batches: dict[str, Tensor], **sets: dict[str, Tensor]) -> None:
        super().__init__()
        self.own, self.sets = list(batches), sets

    def train_dataloader(self) -> Any:  # noqa: ANN401 - one loader
        return DataLoader(self.own, None, generator=torch.Generator())  # pyright: ignore[reportArgumentType] - a list will do

    def val_dataloader(self) -> Any:  # noqa: ANN401 - several loaders
        others = {n: DataLoader([batch], None) for n, batch in self.sets.items()}  # pyright: ignore[reportArgumentType] - as above
        return {"own": self.train_dataloader(), **others}

    def test_dataloader(self) -> Any:  # noqa: ANN401 - several loaders
        return self.val_dataloader()


def module(**bricks: Any) -> LightningBrickCollection:
    graph = {
        "encode": BrickTrainable(nn.Linear(3, 2), ["x"], ["z"]),
        "loss": BrickLoss(nn.functional.cross_entropy, ["z", "label"], ["loss_z"]),
        **bricks,
    }
    return LightningBrickCollection(BrickCollection(graph), partial(torch.optim.SGD))


def fail(*values: object) -> None:
    raise RuntimeError(f"cannot\n  handle {len(values)} values")


def test_bricks_that_fit_are_no_problem() -> None:
    found = dry_run(module(), Data(BATCH), Stage.TRAIN)
    assert [step.path for step in found.steps] == ["encode", "loss"]
    assert found.problems == {}
    assert (found.shape("z"), found.shape("label"), found.shape("nothing")) == (
        *("4x2", "4 int64"),
        "",
    )
    assert check_bricks(module(), Data(BATCH)) == []


@pytest.mark.parametrize("wording", [NOTE, "{read} broke {path}"])
def test_each_brick_that_fails_is_told_in_one_line_with_what_it_read(
    monkeypatch: pytest.MonkeyPatch, wording: str
) -> None:
    monkeypatch.setattr("gwbricks.bricks.graph.step.NOTE", wording)
    broken = module(
        gw={"project": BrickLoss(fail, ["z"], ["first"])},
        reads_it=BrickLoss(fail, ["first", "z"], ["second"]),
        reads_none=BrickLoss(fail, [], ["third"]),
    )
    assert check_bricks(broken, Data(BATCH, far=BATCH)) == [
        "bricks.reads_none: cannot handle 0 values (it read nothing)",
        "bricks.gw.project: cannot handle 1 values (it read z (4, 2) float32)",
    ]


def test_another_set_is_told_of_where_only_it_does_not_fit() -> None:
    far = {"x": torch.ones(4, 5), "label": torch.arange(4) % 2}
    assert check_bricks(module(), Data(BATCH, far=far)) == [
        "bricks.encode: mat1 and mat2 shapes cannot be multiplied (4x5 and 3x2)"
        " (it read x (4, 5) float32) In the set val_far."
    ]


def test_data_that_another_set_lacks_is_told_once_with_its_fix() -> None:
    metric = BrickMetricSingle(MeanMetric(), ["label"])
    lacking = {"near": {"x": torch.ones(2, 3)}, "far": {"x": torch.ones(1, 3)}}
    assert check_bricks(module(metric=metric), Data(BATCH, **lacking)) == [
        "loss.input_names: unknown name 'label'. Known names: x, z."
        f" In the set val_near. Fix: {LABELLED}."
    ]


def test_a_loss_that_is_no_scalar_is_a_problem_of_its_coefficient() -> None:
    wide = BrickLoss(lambda z: LossOutput(z.mean(1)), ["z"], ["wide"])
    assert check_bricks(module(wide=wide), Data(BATCH)) == [
        "loss_coefs.wide: the loss has shape (4,). Expected a scalar."
    ]


def test_a_loader_without_a_batch_is_a_problem_of_the_data() -> None:
    found = dry_run(module(), Data(), Stage.VALIDATION)
    assert found.problems == {"data": "data: the val loader gives no batch."}


def test_nothing_is_changed_by_it() -> None:
    layers = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout())
    checked = module(
        norm=BrickTrainable(layers, ["x"], ["normal"]),
        noise=BrickLoss(lambda x: (x * torch.rand(4, 3)).mean(), ["normal"], ["noise"]),
        mean=BrickMetricSingle(MeanMetric(), ["x"], alive_stages="all"),
    )
    before = {name: x.clone() for name, x in checked.state_dict().items()}
    random = torch.get_rng_state()
    modes = [part.training for part in checked.modules()]
    assert check_bricks(checked, Data(BATCH)) == []
    torch.testing.assert_close(checked.state_dict(), before, rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), random)
    assert [part.training for part in checked.modules()] == modes
    assert checked.brick_collection.summarize(Stage.TRAIN, reset=False) == {}
    assert all(p.grad is None for p in checked.parameters())


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        pytest.param(lambda: torch.zeros(4, 2), "4x2", id="floats"),
        pytest.param(lambda: torch.tensor(1), "scalar int64", id="scalar"),
        pytest.param(lambda: LossOutput(torch.tensor(1.0)), "loss", id="loss"),
        pytest.param(lambda: {"a": 1, "b": 2}, "2 values", id="mapping"),
        pytest.param(lambda: RowErrors(torch.zeros(3)), "3", id="errors"),
        pytest.param(lambda: None, "", id="nothing"),
        pytest.param(lambda: "words", "str", id="other"),
    ],
)
def test_values_are_described_in_a_word(
    make: Callable[[], object], expected: str
) -> None:
    assert describe(make()) == expected
