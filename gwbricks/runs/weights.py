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
        message = (
            str(error).strip().splitlines()[0]
            if str(error).strip()
            else type(error).__name__
        )
        raise CheckpointError(
            f"{key}: cannot read {str(path)!r}: {message[:200]} Expected a file written by"
            " torch.save with tensors and plain values only."
        ) from error
    if not isinstance(checkpoint, Mapping):
        raise CheckpointError(
            f"{key}: {str(path)!r} holds a {type(checkpoint).__name__}, no weights."
        )
    return dict(checkpoint)


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
    found = [
        f"{len(names)} {what} ({', '.join(names[:LISTED])}{', …' if len(names) > LISTED else ''})"
        for what, names in (
            ("missing", missing),
            ("unknown", extra),
            ("of another shape", unlike),
        )
        if names
    ]
    if found:
        raise CheckpointError(
            f"{key}: the weights do not fit {type(module).__name__}: {'; '.join(found)}."
            " Fix: the config that the checkpoint was made with, or another checkpoint."
        )
    module.load_state_dict(dict(weights))
