"""An image with its predicted and its true label below it."""

from collections.abc import Sequence

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import nn, Tensor

from gwbricks.errors import ConfigError

LINE = 15
"""Height of a line of text, in pixels."""

RIGHT, WRONG, PLAIN = "#15803d", "#b91c1c", "#374151"


class LabelledImage(nn.Module):
    """Draws one image, and below it what was predicted: green if right, else red.

    Args:
        class_names: Name of each class; None shows the class's number.
        value_range: Values that become black and white; None takes the smallest and the
            largest of each image. Bytes are always shown as they are.
        size: Least height and width in pixels; smaller images are enlarged.

    Raises:
        ConfigError: If `value_range` is not two numbers, the smaller one first.

    Example:
        >>> LabelledImage()(torch.zeros(1, 8, 8), torch.tensor(3), torch.tensor(5)).size
        (96, 126)
    """

    def __init__(
        self,
        class_names: Sequence[str] | None = None,
        value_range: Sequence[float] | None = (0.0, 1.0),
        size: int = 96,
    ) -> None:
        super().__init__()
        if value_range is not None and (
            len(value_range) != 2 or value_range[0] >= value_range[1]
        ):
            raise ConfigError(
                f"value_range: {list(value_range)}. Expected the values of black and"
                " white, such as [0, 1]."
            )
        self.class_names = class_names
        self.value_range = value_range
        self.size = size

    def forward(
        self,
        image: Tensor,
        predicted: Tensor | None = None,
        true: Tensor | None = None,
    ) -> Image.Image:
        """Returns the picture.

        Args:
            image: Of shape `(height, width)`, or `(channels, height, width)` with one
                or three channels.
            predicted: The predicted class, or a score for each class.
            true: The true class.
        """
        picture = to_picture(image, self.value_range)
        factor = -(-self.size // min(picture.size))
        width, height = (side * max(factor, 1) for side in picture.size)
        lines = self._lines(predicted, true)
        sheet = Image.new("RGB", (width, height + LINE * len(lines)), "white")
        sheet.paste(picture.resize((width, height), Image.Resampling.NEAREST))
        draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(LINE - 4)
        for index, (text, colour) in enumerate(lines):
            draw.text((2, height + LINE * index), text, colour, font)
        return sheet

    def _lines(
        self, predicted: Tensor | None, true: Tensor | None
    ) -> list[tuple[str, str]]:
        lines = []
        if predicted is not None:
            found = self._name(predicted)
            colour = RIGHT if true is not None and self._name(true) == found else WRONG
            lines.append((found, PLAIN if true is None else colour))
        if true is not None:
            lines.append((f"true: {self._name(true)}", PLAIN))
        return lines

    def _name(self, label: Tensor) -> str:
        index = int(label.argmax() if label.ndim else label)
        return str(index) if self.class_names is None else self.class_names[index]


def to_picture(image: Tensor, value_range: Sequence[float] | None) -> Image.Image:
    """Turns an image into a picture; for arguments see `LabelledImage`.

    Raises:
        ConfigError: If it has another shape.
    """
    if image.ndim == 3 and image.shape[0] == 1:
        image = image[0]
    if image.ndim != 2 and (image.ndim != 3 or image.shape[0] != 3):
        raise ConfigError(
            f"image: shape {tuple(image.shape)}. Expected (height, width), or"
            " (channels, height, width) with 1 or 3 channels."
        )
    if image.dtype != torch.uint8:
        image = image.float().nan_to_num()
        low, high = value_range or (float(image.min()), float(image.max()))
        image = (image - low) / max(high - low, 1e-12)
        image = image.clamp(0, 1).mul(255).round().to(torch.uint8)
    channels_last = image.movedim(0, -1) if image.ndim == 3 else image
    return Image.fromarray(channels_last.contiguous().numpy()).convert("RGB")
