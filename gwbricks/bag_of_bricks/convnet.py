"""Small convolutional backbones in plain torch."""

from collections.abc import Sequence
from itertools import pairwise

from jaxtyping import Float
from torch import nn, Tensor

from gwbricks.errors import ConfigError

Images = Float[Tensor, "rows channels height width"]
Features = Float[Tensor, "rows features map_height map_width"]


class ConvNet(nn.Sequential):
    """Blocks of convolution, batch normalisation and ReLU; each halves the size.

    Args:
        in_channels: Number of channels of the images.
        widths: Number of channels of each block.

    Raises:
        ConfigError: If there is no block.

    Example:
        >>> import torch
        >>> ConvNet(in_channels=1, widths=[8, 16])(torch.zeros(2, 1, 16, 15)).shape
        torch.Size([2, 16, 4, 4])
    """

    def __init__(self, in_channels: int, widths: Sequence[int]) -> None:
        _check_widths(widths)
        blocks = [
            _convolve(before, after, stride=2)
            for before, after in zip([in_channels, *widths], widths, strict=False)
        ]
        super().__init__(*blocks)
        self.n_backbone_features = widths[-1]

    def forward(self, input: Images) -> Features:  # noqa: A002 - the name of nn.Sequential
        """Returns the last feature map."""
        return super().forward(input)


class ResidualConvNet(nn.Sequential):
    """A stem and blocks with a shortcut around two convolutions; each halves the size.

    Args:
        in_channels: Number of channels of the images.
        widths: Number of channels of the stem and of each block.

    Raises:
        ConfigError: If there is no stem.

    References:
        K. He et al., Deep Residual Learning for Image Recognition, CVPR 2016, fig. 2.
    """

    def __init__(self, in_channels: int, widths: Sequence[int]) -> None:
        _check_widths(widths)
        blocks = [ResidualBlock(before, after) for before, after in pairwise(widths)]
        super().__init__(_convolve(in_channels, widths[0], stride=1), *blocks)
        self.n_backbone_features = widths[-1]

    def forward(self, input: Images) -> Features:  # noqa: A002 - the name of nn.Sequential
        """Returns the last feature map."""
        return super().forward(input)


class ResidualBlock(nn.Module):
    """Two convolutions, the first with stride 2, and a linear shortcut around them.

    Args:
        in_channels: Number of channels of the input.
        out_channels: Number of channels of the output.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.first = _convolve(in_channels, out_channels, stride=2)
        self.second = nn.Sequential(
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        self.shortcut = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 1, stride=2, bias=False),
            nn.BatchNorm2d(out_channels),
        )

    def forward(self, features: Images) -> Features:
        """Returns the feature map, half as high and wide."""
        return (self.second(self.first(features)) + self.shortcut(features)).relu()


def _convolve(in_channels: int, out_channels: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )


def _check_widths(widths: Sequence[int]) -> None:
    if not widths or min(widths) < 1:
        raise ConfigError(f"widths: {list(widths)}. Expected sizes, such as [16, 32].")
