"""Reads checkpoints and puts their weights into modules, strictly."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn, Tensor

from gwbricks.errors import CheckpointError

LISTED = 4
"""Most names that a message lists."""


def read_checkpoint(path: Path, key: str) -> dict[str, Any]:
    """Reads a checkpoint without unpickling code.

    Args:
        path: The file.
        key: Config key or argument that names it.

    Raises:
        CheckpointError: If it is missing, damaged, or holds more than plain values.
    """
    if not path.is_file():
        raise CheckpointError(
            f"{key}: no file {str(path)!r} (from {str(Path.cwd())!r})."
        )
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        message = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CheckpointError(
            f"{key}: cannot read {str(path)!r}: {message[:200]} Expected a file written"
            " by torch.save with tensors and plain values only."
        ) from error
    if not isinstance(checkpoint, Mapping):
        raise CheckpointError(
            f"{key}: {str(path)!r} holds a {type(checkpoint).__name__}, no weights."
        )
    return dict(checkpoint)


def read_weights(path: Path, key: str) -> dict[str, Tensor]:
    """Reads weights by name: a state dict, or the one in a checkpoint.

    Args:
        path: The file.
        key: Config key or argument that names it.

    Raises:
        CheckpointError: If there are none.
    """
    checkpoint = read_checkpoint(path, key)
    weights = checkpoint.get("state_dict", checkpoint)
    if isinstance(weights, Mapping) and all(
        isinstance(value, Tensor) for value in weights.values()
    ):
        return dict(weights)
    raise CheckpointError(
        f"{key}: {str(path)!r} holds no weights. Expected tensors by name, alone or"
        " under 'state_dict'."
    )


def load_weights(module: nn.Module, weights: Mapping[str, Tensor], key: str) -> None:
    """Loads weights; every tensor must be there and have the right shape.

    Raises:
        CheckpointError: If not; it lists names and shapes.
    """
    own = module.state_dict()
    missing = [name for name in own if name not in weights]
    extra = [name for name in weights if name not in own]
    unlike = [
        f"{name} {tuple(weights[name].shape)} for {tuple(tensor.shape)}"
        for name, tensor in own.items()
        if name in weights and weights[name].shape != tensor.shape
    ]
    kinds = {"missing": missing, "unknown": extra, "of another shape": unlike}
    found = [
        f"{len(names)} {kind} ({_listed(names)})"
        for kind, names in kinds.items()
        if names
    ]
    if found:
        kind = type(module).__name__
        raise CheckpointError(
            f"{key}: the weights do not fit {kind}: {'; '.join(found)}."
            " Fix: the config that the checkpoint was made with, or another checkpoint."
        )
    module.load_state_dict(dict(weights))


def _listed(names: list[str]) -> str:
    return ", ".join(names[:LISTED]) + (", …" if len(names) > LISTED else "")
