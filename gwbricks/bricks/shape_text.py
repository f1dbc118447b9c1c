"""How shapes are spelt for people: short in tables and pictures, in full in errors."""

from torch import Tensor

from gwbricks.bricks.loss_output import LossOutput


def shape_text(value: object) -> str:
    """Returns the shape of a tensor in short, and nothing for other values.

    A type is named where it is not the usual one.

    Example:
        >>> import torch
        >>> shape_text(torch.zeros(4, 8)), shape_text(torch.tensor(1))
        ('4x8', 'scalar int64')
    """
    if isinstance(value, LossOutput):
        return shape_text(value.loss)
    if not isinstance(value, Tensor):
        return ""
    shape = "x".join(map(str, value.shape)) or "scalar"
    kind = _dtype(value)
    return shape if kind == "float32" else f"{shape} {kind}"


def full_shape_text(value: object) -> str:
    """Returns the shape and type of a tensor in full, and the type of another value.

    Example:
        >>> import torch
        >>> full_shape_text(torch.zeros(4, 8)), full_shape_text("words")
        ('(4, 8) float32', 'str')
    """
    if isinstance(value, Tensor):
        return f"{tuple(value.shape)} {_dtype(value)}"
    return type(value).__name__


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
