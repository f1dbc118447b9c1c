"""A matrix, such as a confusion matrix, as a picture."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

MARGIN = 44
"""Room for the axes, in pixels."""

LARGEST_CELL, LARGEST_MAP = 44, 880
SMALLEST_WRITTEN = 26
"""Cells below this size, in pixels, have no number in them."""

WHITE, BLUE = np.array([255.0, 255.0, 255.0]), np.array([8.0, 48.0, 107.0])
INK = "#1f2937"


def heat_map(values: Tensor, rows: str = "row", columns: str = "column") -> Image.Image:
    """Draws a matrix: the larger a value, the darker its cell.

    Numbers are written into the cells as long as there is room for them.

    Args:
        values: Matrix of shape `(rows, columns)`, or a vector, which is drawn as a row.
        rows: What the rows are.
        columns: What the columns are.

    Raises:
        ValueError: If there is no value, or there are more than two axes.

    Example:
        >>> import torch
        >>> heat_map(torch.eye(10), "true", "predicted").size
        (484, 484)
    """
    if values.ndim not in (1, 2) or not values.numel():
        raise ValueError(
            f"values: shape {tuple(values.shape)}. Expected a matrix or a vector."
        )
    matrix = np.atleast_2d(values.detach().cpu().double().numpy())
    height, width = matrix.shape
    cell = max(1, min(LARGEST_CELL, LARGEST_MAP // max(height, width)))
    shares = _shares(matrix)
    colours = WHITE + shares[..., None] * (BLUE - WHITE)
    cells = Image.fromarray(colours.round().astype(np.uint8))
    size = (width * cell, height * cell)
    sheet = Image.new("RGB", (MARGIN + size[0], MARGIN + size[1]), "white")
    sheet.paste(cells.resize(size, Image.Resampling.NEAREST), (MARGIN, 0))
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((MARGIN, 0, MARGIN + size[0] - 1, size[1] - 1), outline=INK)
    if cell >= SMALLEST_WRITTEN:
        _write_numbers(draw, matrix, shares, cell)
    _write_ticks(draw, matrix.shape, cell)
    _write_names(sheet, rows, columns)
    return sheet


def _shares(matrix: np.ndarray) -> np.ndarray:
    finite = np.nan_to_num(matrix, posinf=0.0, neginf=0.0)
    low, high = min(0.0, finite.min()), finite.max()
    return np.clip((finite - low) / max(high - low, 1e-12), 0, 1)


def _write_numbers(
    draw: ImageDraw.ImageDraw, matrix: np.ndarray, shares: np.ndarray, cell: int
) -> None:
    font = ImageFont.load_default(cell // 3)
    for (row, column), value in np.ndenumerate(matrix):
        middle = (MARGIN + (column + 0.5) * cell, (row + 0.5) * cell)
        colour = "white" if shares[row, column] > 0.5 else INK
        draw.text(middle, _number(value), colour, font, anchor="mm")


def _number(value: float) -> str:
    is_count = float(value).is_integer() and abs(value) < 1e5
    return f"{value:.0f}" if is_count else f"{value:.2g}"


def _write_ticks(draw: ImageDraw.ImageDraw, shape: tuple[int, ...], cell: int) -> None:
    font, every = ImageFont.load_default(12), -(-24 // cell)
    for row in range(0, shape[0], every):
        at = (MARGIN - 5, (row + 0.5) * cell)
        draw.text(at, str(row), INK, font, anchor="rm")
    for column in range(0, shape[1], every):
        at = (MARGIN + (column + 0.5) * cell, shape[0] * cell + 4)
        draw.text(at, str(column), INK, font, anchor="ma")


def _write_names(sheet: Image.Image, rows: str, columns: str) -> None:
    font, (width, height) = ImageFont.load_default(14), sheet.size
    below = ((MARGIN + width) / 2, height - 4)
    ImageDraw.Draw(sheet).text(below, columns, INK, font, anchor="md")
    room = height - MARGIN
    beside = Image.new("RGB", (room, 18), "white")
    ImageDraw.Draw(beside).text((room / 2, 9), rows, INK, font, anchor="mm")
    sheet.paste(beside.rotate(90, expand=True), (2, 0))
