"""Reads checkpoints and puts their weights into modules, strictly."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn, Tensor

from gwbricks.bricks.files.saving import read_bricks
from gwbricks.errors import CheckpointError
from gwbricks.formats import check_format, CHECKPOINT, NOTED_IN_CHECKPOINT

LISTED = 4
"""Most names that a message lists."""

ROOT = "brick_collection."
"""What the names of a graph's weights start with in a checkpoint."""


def find_checkpoint(target: Path, key: str = "") -> Path:
    """Returns the best checkpoint of a run folder, else the last; or the file itself.

    Args:
        target: The folder or the file.
        key: Config key or argument that names it.

    Raises:
        CheckpointError: If there is none.
    """
    if target.is_file():
        return target
    for name in ("best.ckpt", "last.ckpt"):
        if (target / "checkpoints" / name).is_file():
            return target / "checkpoints" / name
    where = f"{key}: {str(target)!r}" if key else str(target)
    raise CheckpointError(
        f"{where}: no run folder with checkpoints and no checkpoint."
        " Fix: the folder that `gwbricks train` printed, or a .ckpt file."
    )


def read_checkpoint(path: Path, key: str) -> dict[str, Any]:
    """Reads a checkpoint without unpickling code.

    Args:
        path: The file.
        key: Config key or argument that names it.

    Raises:
        CheckpointError: If it is missing, damaged, or holds more than plain values.
        FormatError: If a newer gwbricks wrote it.
    """
    if not path.is_file():
        raise CheckpointError(
            f"{key}: no file {str(path)!r} (from {str(Path.cwd())!r})."
        )
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        text = (str(error).strip() or type(error).__name__).splitlines()[0]
        message = text.split(". ")[0].removesuffix(".")
        raise CheckpointError(
            f"{key}: cannot read {str(path)!r}: {message[:200]}."
            " Expected a file written by torch.save with tensors and plain values only."
        ) from error
    if not isinstance(checkpoint, Mapping):
        raise CheckpointError(
            f"{key}: {str(path)!r} holds a {type(checkpoint).__name__}, no weights."
        )
    check_format(checkpoint, CHECKPOINT, path, NOTED_IN_CHECKPOINT)
    return dict(checkpoint)


def read_weights(path: Path, key: str) -> dict[str, Tensor]:
    """Reads weights by name, those of bricks as a checkpoint names them.

    Args:
        path: A run folder, a checkpoint, a state dict, or a file of `save_bricks`.
        key: Config key or argument that names it.

    Raises:
        CheckpointError: If there are none.
    """
    if path.suffix == ".safetensors":
        return _read_bricks(path, key)
    path = find_checkpoint(path, key) if path.is_dir() else path
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


def _read_bricks(path: Path, key: str) -> dict[str, Tensor]:
    try:
        bricks = read_bricks(path)
    except CheckpointError as error:
        raise CheckpointError(f"{key}: {error}") from error
    return {
        f"{ROOT}{brick}.{name}": tensor
        for brick, weights in bricks.items()
        for name, tensor in weights.items()
    }


def part_of(weights: Mapping[str, Tensor], path: str) -> dict[str, Tensor]:
    """Returns the weights of a brick, a nest, or a module in a brick.

    Args:
        weights: Weights by name, as in a checkpoint.
        path: Its path, such as `gw.v`; empty for the whole graph.

    Example:
        >>> part_of({"brick_collection.gw.v.scale": torch.ones(1)}, "gw")
        {'v.scale': tensor([1.])}
    """
    start = f"{ROOT}{path}.".replace("..", ".")
    return {n.removeprefix(start): w for n, w in weights.items() if n.startswith(start)}


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
