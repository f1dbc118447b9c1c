import pytest
import torch
from torch import nn

from gwbricks.bag_of_bricks import ConvNet, ResidualConvNet
from gwbricks.bag_of_bricks.convnet import ResidualBlock
from gwbricks.errors import ConfigError


@pytest.mark.parametrize(
    ("backbone", "shape"),
    [
        pytest.param(ConvNet(1, [8]), (2, 8, 8, 8), id="one-block"),
        pytest.param(ConvNet(3, [8, 16]), (2, 16, 4, 4), id="two-blocks"),
        pytest.param(ResidualConvNet(1, [8]), (2, 8, 16, 15), id="stem-only"),
        pytest.param(ResidualConvNet(3, [8, 16, 32]), (2, 32, 4, 4), id="residual"),
    ],
)
def test_each_block_halves_the_size(
    backbone: ConvNet | ResidualConvNet, shape: tuple[int, ...]
) -> None:
    first = next(m for m in backbone.modules() if isinstance(m, nn.Conv2d))
    features = backbone(torch.randn(2, first.in_channels, 16, 15))
    assert features.shape == shape
    assert backbone.n_backbone_features == shape[1]


def test_residual_block_adds_the_shortcut() -> None:
    block = ResidualBlock(2, 3).eval()
    images = torch.randn(4, 2, 6, 6)
    expected = torch.relu(block.second(block.first(images)) + block.shortcut(images))
    torch.testing.assert_close(block(images), expected)
    nn.init.zeros_(next(block.second.parameters()))
    torch.testing.assert_close(block(images), block.shortcut(images).relu())


@pytest.mark.parametrize("kind", [ConvNet, ResidualConvNet])
@pytest.mark.parametrize("widths", [[], [8, 0]], ids=["none", "zero"])
def test_widths_are_checked(
    kind: type[ConvNet | ResidualConvNet], widths: list[int]
) -> None:
    with pytest.raises(ConfigError, match=r"widths: .* Expected sizes"):
        kind(1, widths)
