"""Image normalisation."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, UInt8
from torch import nn, Tensor


class Preprocessor(nn.Module):
    """Normalises the channels of images; bytes are first scaled to [0, 1].

    Args:
        mean: Mean of each channel; by default that of ImageNet, for images in [0, 1].
        std: Standard deviation of each channel.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        mean: Sequence[float] = (0.485, 0.456, 0.406),
        std: Sequence[float] = (0.229, 0.224, 0.225),
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).reshape(-1, 1, 1))
        self.register_buffer("std", torch.tensor(std).reshape(-1, 1, 1))

    def forward(
        self,
        raw: Float[Tensor, "rows channels height width"]
        | UInt8[Tensor, "rows channels height width"],
    ) -> Float[Tensor, "rows channels height width"]:
        """Returns images with zero mean and unit deviation."""
        scaled = raw / 255 if raw.dtype == torch.uint8 else raw
        return (scaled - self.mean) / self.std
