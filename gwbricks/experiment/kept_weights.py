"""Weights that are trained once, kept in a file, and used in every later run."""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from torch import Tensor

from gwbricks.data import TableDataModule
from gwbricks.errors import CheckpointError, FormatError
from gwbricks.formats import CHECKPOINT, NOTED_IN_CHECKPOINT
from gwbricks.training.checkpoints import read_weights
from gwbricks.version import __version__
from gwbricks.whole_file import make_folder, whole_file

POLL = 0.5
"""Seconds between two looks for what another process makes."""


def keep(
    path: Path,
    name: str,
    key: str,
    make: Callable[[], dict[str, Tensor]],
    tell: Callable[[str], None],
    is_maker: bool = True,
) -> dict[str, Tensor]:
    """Returns kept weights, or makes and keeps them; of two runs at once, one does.

    Args:
        path: The file.
        name: What the weights are of, for people.
        key: Config key that asks for them.
        make: Makes them.
        tell: Is told what happens, a line at a time.
        is_maker: Whether this process makes them; else it waits for one that does.

    Raises:
        CheckpointError: If the file is damaged.
        FormatError: If a newer gwbricks wrote it.
        ConfigError: If its folder cannot be written to.
    """
    make_folder(path.parent, "paths.pretrained")
    while not (is_maker or path.is_file()):
        time.sleep(POLL)
    with FileLock(path.with_suffix(".lock")):
        if path.is_file():
            tell(f"{name}: pretrained before ({path})")
        else:
            tell(f"{name}: pretraining")
            content = {NOTED_IN_CHECKPOINT: CHECKPOINT, "state_dict": make()}
            with whole_file(path) as made:
                torch.save(content, made)
        try:
            return read_weights(path, key)
        except FormatError:  # it is whole: not to be deleted
            raise
        except CheckpointError as error:
            raise CheckpointError(f"{error} Fix: delete that file.") from error


def pretraining_key(name: str, config: Mapping[str, Any], data: TableDataModule) -> str:
    """Returns a key made of all that determines a domain's pretrained weights.

    That is the config of the module and of its training, the training and validation
    rows, and the versions of gwbricks and torch.
    """
    node = config["domains"][name]
    rows = [data.splits[split].columns[name] for split in ("train", "val")]
    return digest([name, node["module"], node["pretrain"]], rows)


def digest(parts: Iterable[object], tensors: Iterable[Tensor]) -> str:
    """Returns a key made of plain values, tensors, and the versions of what trains.

    Args:
        parts: Plain values, such as parts of a config.
        tensors: Tensors, such as rows of data.
    """
    found = hashlib.sha256()
    versions = [__version__, torch.__version__]
    found.update(json.dumps([*parts, *versions], sort_keys=True, default=str).encode())
    for tensor in tensors:
        found.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
        found.update(tensor.reshape(-1).contiguous().view(torch.uint8).numpy().data)
    return found.hexdigest()[:16]
