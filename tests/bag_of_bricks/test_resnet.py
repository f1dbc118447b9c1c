from collections.abc import Callable

import pytest
import torch
from torch import nn, Tensor

from gwbricks.bag_of_bricks import resnet_to_brick
from gwbricks.bricks import BrickTrainable, Stage
from gwbricks.errors import ConfigError

LAYERS = ["conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4"]


class AddDigit(nn.Module):
    def __init__(self, digit: int) -> None:
        super().__init__()
        self.digit = nn.Parameter(torch.tensor(float(digit)))

    def forward(self, images: Tensor) -> Tensor:
        return images * 10 + self.digit


@pytest.fixture
def resnet() -> nn.Module:
    model = nn.Module()
    for digit, name in enumerate(LAYERS, start=1):
        model.add_module(name, AddDigit(digit))
    model.add_module("fc", nn.Linear(6, 10))
    return model


@pytest.mark.parametrize("channels", [1, 3])
def test_runs_the_layers_in_order_without_the_classifier(
    resnet: nn.Module, channels: int
) -> None:
    brick = resnet_to_brick(resnet, input_name="images", output_name="features")
    images = torch.zeros(2, channels, 4, 4, dtype=torch.float64)
    features = brick({"images": images}, Stage.INFERENCE)["features"]
    assert features.unique().item() == 12345678


def test_is_trained_without_the_classifier(resnet: nn.Module) -> None:
    brick = resnet_to_brick(resnet, "images", "features")
    assert isinstance(brick, BrickTrainable)
    assert brick.model.n_backbone_features == 6
    assert len(list(brick.parameters())) == len(LAYERS)
    assert all(parameter.requires_grad for parameter in brick.parameters())


def lose_layer(resnet: nn.Module) -> None:
    del resnet.layer3


def lose_classifier(resnet: nn.Module) -> None:
    resnet.fc = nn.Identity()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(lose_layer, "resnet: Module has no layer 'layer3'", id="layer"),
        pytest.param(
            lose_classifier,
            r"resnet\.fc: Identity\. Expected a Linear",
            id="classifier",
        ),
    ],
)
def test_what_is_no_resnet_is_named(
    resnet: nn.Module, damage: Callable[[nn.Module], None], message: str
) -> None:
    damage(resnet)
    with pytest.raises(ConfigError, match=message):
        resnet_to_brick(resnet, "images", "features")
