import pytest
import torch
from torch import nn, Tensor

from gwbricks.bricks import (
    BrickCollection,
    BrickLoss,
    BrickModule,
    BrickNotTrainable,
    BrickTrainable,
    LossOutput,
    Stage,
)

BATCH = torch.randn(8, 3) + 5


class Normalised(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class PerceptualLoss(nn.Module):
    """Compares features, and so holds the backbone as a part of itself."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        return (self.backbone(pred) - self.backbone(target)).square().mean()


def snapshot(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def assert_unchanged(module: nn.Module, before: dict[str, Tensor]) -> None:
    for name, value in module.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


@pytest.mark.parametrize("kind", [BrickTrainable, BrickModule, BrickNotTrainable])
def test_only_a_frozen_module_cannot_be_trained(kind: type[BrickModule]) -> None:
    model = Normalised()
    kind(model, ["x"], ["y"])
    frozen = kind is BrickNotTrainable
    assert all(p.requires_grad != frozen for p in model.parameters())
    assert model.training != frozen


def test_a_trained_brick_unfreezes_its_module() -> None:
    model = Normalised().requires_grad_(False).eval()
    BrickTrainable(model, ["x"], ["y"])
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert model.training


@pytest.mark.parametrize("frozen", [True, False])
def test_trainable_none_leaves_the_module_as_it_is(frozen: bool) -> None:
    model = Normalised().requires_grad_(not frozen).train(not frozen)
    BrickModule(model, ["x"], ["y"], trainable=None)
    assert all(p.requires_grad != frozen for p in model.parameters())
    assert all(module.training != frozen for module in model.modules())


def test_statistics_of_a_frozen_module_do_not_move_even_after_train() -> None:
    model = Normalised()
    collection = BrickCollection(
        {"gw": {"frozen": BrickNotTrainable(model, ["x"], ["y"])}}
    )
    before = snapshot(model)
    for _ in range(3):
        collection.train()({"x": BATCH}, Stage.TRAIN)
    assert_unchanged(model, before)


def test_statistics_of_a_trained_module_move() -> None:
    model = Normalised()
    collection = BrickCollection({"trained": BrickTrainable(model, ["x"], ["y"])})
    before = snapshot(model)
    collection({"x": BATCH}, Stage.TRAIN)
    assert not torch.equal(model.state_dict()["layers.1.running_mean"], torch.zeros(3))
    before = snapshot(model)
    collection.eval()({"x": BATCH}, Stage.TEST)
    assert_unchanged(model, before)


def test_train_and_eval_reach_trained_bricks() -> None:
    model = Normalised()
    collection = BrickCollection({"trained": BrickTrainable(model, ["x"], ["y"])})
    assert not any(module.training for module in collection.eval().modules())
    assert all(module.training for module in collection.train().modules())


@pytest.mark.parametrize("loss_first", [True, False])
@pytest.mark.parametrize("mode", ["as-built", "after-train"])
def test_a_loss_does_not_unfreeze_a_frozen_module_that_it_holds(
    loss_first: bool, mode: str
) -> None:
    backbone = Normalised()
    makers = {
        "loss": lambda: BrickLoss(PerceptualLoss(backbone), ["x", "target"], ["loss"]),
        "frozen": lambda: BrickNotTrainable(backbone, ["x"], ["features"]),
    }
    names = sorted(makers, reverse=loss_first)
    collection = BrickCollection({name: makers[name]() for name in names})
    before = snapshot(backbone)
    if mode == "after-train":
        collection.train()
    collection({"x": BATCH, "target": BATCH + 1}, Stage.TRAIN)
    assert_unchanged(backbone, before)
    assert not any(parameter.requires_grad for parameter in backbone.parameters())


def test_weights_of_a_loss_are_trained_as_they_are() -> None:
    weighted = nn.Linear(3, 1)
    loss = BrickLoss(weighted, ["x"], ["loss"])
    assert all(parameter.requires_grad for parameter in loss.parameters())


def test_gradients_flow_through_a_frozen_brick() -> None:
    before, frozen = nn.Linear(3, 3), Normalised()
    collection = BrickCollection(
        {
            "before": BrickTrainable(before, ["x"], ["hidden"]),
            "frozen": BrickNotTrainable(frozen, ["hidden"], ["y"]),
        }
    )
    collection({"x": BATCH}, Stage.TRAIN)["y"].square().sum().backward()
    assert before.weight.grad is not None
    assert before.weight.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in frozen.parameters())


@pytest.mark.parametrize("kind", [BrickModule, BrickNotTrainable])
def test_gradients_stop_where_they_are_not_calculated(kind: type[BrickModule]) -> None:
    before = nn.Linear(3, 3)
    closed = kind(Normalised(), ["hidden"], ["y"], calculate_gradients=False)
    collection = BrickCollection(
        {"before": BrickTrainable(before, ["x"], ["hidden"]), "closed": closed}
    )
    values = collection({"x": BATCH}, Stage.TRAIN)
    assert values["hidden"].requires_grad
    assert not values["y"].requires_grad


@pytest.mark.parametrize("stage", Stage)
def test_losses_are_alive_where_there_are_targets(stage: Stage) -> None:
    loss = BrickLoss(nn.MSELoss(), ["x", "target"], ["loss"])
    has_targets = stage in (Stage.TRAIN, Stage.VALIDATION, Stage.TEST)
    assert loss.is_alive(stage) == has_targets
    assert loss.loss_output_names == ("loss",)


def test_a_module_may_return_its_own_loss() -> None:
    brick = BrickTrainable(nn.Identity(), ["x"], ["y", "loss"], ["loss"])
    assert brick.loss_output_names == ("loss",)


def test_the_losses_of_a_collection_are_extracted() -> None:
    def compare(x: Tensor) -> LossOutput:
        return LossOutput(x.sum(), {"error": x.max()})

    collection = BrickCollection(
        {
            "plain": BrickLoss(nn.MSELoss(), ["x", "x"], ["zero"]),
            "nest": {"rich": BrickLoss(compare, ["x"], ["sum"])},
            "head": BrickNotTrainable(nn.Identity(), ["x"], ["y"]),
        }
    )
    losses = collection.extract_losses(collection({"x": BATCH}, Stage.TRAIN))
    assert {name: loss.item() for name, loss in losses.items()} == {
        "sum": pytest.approx(BATCH.sum().item()),
        "zero": 0.0,
    }
    assert collection.loss_names(Stage.TRAIN) == ["sum", "zero"]
    assert collection.extract_losses(collection({"x": BATCH}, Stage.EXPORT)) == {}
