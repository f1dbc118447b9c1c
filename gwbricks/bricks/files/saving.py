"""Saves and loads the weights of chosen bricks, in one safetensors file."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from safetensors import safe_open, SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from gwbricks.bricks.collection.collection import BrickCollection
from gwbricks.bricks.files.fitting import check_fit, Weights
from gwbricks.bricks.graph.paths import inside, listed, select
from gwbricks.bricks.graph.shared import resolve_shared
from gwbricks.bricks.kinds import BrickShared
from gwbricks.errors import CheckpointError, ConfigError
from gwbricks.whole_file import whole_file

BRICKS, SHARED = "gwbricks.bricks", "gwbricks.shared"
"""Keys of a file's metadata: its bricks, and tensors that are others of them."""


def save_bricks(
    collection: BrickCollection,
    path: Path | str,
    bricks: Iterable[str] | None = None,
) -> list[str]:
    """Saves the weights of bricks in one file, and returns the bricks' paths.

    Args:
        collection: The graph.
        path: Where to write; what is there is replaced.
        bricks: Paths of bricks or nests, such as `gw.v`; None for all with weights.

    Raises:
        UnknownNameError: If a path does not exist.
        ConfigError: If a brick has no weights, or the file cannot be written.
    """
    chosen = _choose(collection, bricks)
    owners: dict[int, str] = {}
    tensors: dict[str, Tensor] = {}
    shared: dict[str, str] = {}
    for brick, weights in chosen.items():
        for name, tensor in weights.items():
            key = f"{brick}.{name}"
            if not isinstance(tensor, Tensor):
                raise ConfigError(
                    f"{key}: a {type(tensor).__name__} is no tensor, so it cannot be"
                    " saved. Fix: leave the brick out."
                )
            if owners.setdefault(id(tensor), key) != key:
                shared[key] = owners[id(tensor)]
            else:
                # safetensors refuses tensors that share memory, such as views of one
                tensors[key] = tensor.detach().cpu().contiguous().clone()
    names = {brick: list(weights) for brick, weights in chosen.items()}
    metadata = {BRICKS: json.dumps(names), SHARED: json.dumps(shared)}
    with whole_file(Path(path)) as made:
        save_file(tensors, made, metadata)
    return list(chosen)


def load_bricks(
    collection: BrickCollection,
    path: Path | str,
    bricks: Iterable[str] | None = None,
    rename: Mapping[str, str] | None = None,
    skip: Iterable[str] | None = None,
) -> list[str]:
    """Loads what `save_bricks` wrote, and returns the paths of the loaded bricks.

    The file and the collection must have the same bricks with the same tensors; else
    nothing is loaded.

    Args:
        collection: The graph.
        path: The file.
        bricks: Paths of bricks or nests of the collection that are loaded, and all that
            are compared; None for all.
        rename: Path of a brick or nest in the file by its path in the collection:
            `{"old.path": "new.path"}`.
        skip: Paths of bricks or nests that are left as they are, or left in the file.

    Raises:
        UnknownNameError: If a path that is chosen, renamed or skipped does not exist.
        CheckpointError: If the file cannot be read, or does not fit.
    """
    found = _rename(read_bricks(path), rename or {})
    known = _weights(collection)
    either = {*found, *known}
    skipped = select(skip, either, "skip")
    if bricks is not None:
        skipped |= either - select(bricks, either, "bricks")
    found = {p: weights for p, weights in found.items() if p not in skipped}
    known = {p: weights for p, weights in known.items() if p not in skipped}
    check_fit(found, known, str(path))
    bricks_by_path = collection.flat()
    for brick in known:
        bricks_by_path[brick].load_state_dict(found[brick])
    return list(known)


def read_bricks(path: Path | str) -> Weights:
    """Reads the weights of a file, by brick and name.

    Raises:
        CheckpointError: If the file is missing, damaged, or not from `save_bricks`.
    """
    if not Path(path).is_file():
        raise CheckpointError(f"{path}: no such file (from {str(Path.cwd())!r}).")
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise CheckpointError(f"{path}: no safetensors file: {error}.") from error
    if BRICKS not in metadata:
        raise CheckpointError(
            f"{path}: it does not say which bricks it holds. Expected a file that"
            " save_bricks wrote."
        )
    shared = json.loads(metadata[SHARED])
    return {
        brick: {
            name: tensors[shared.get(f"{brick}.{name}", f"{brick}.{name}")]
            for name in names
        }
        for brick, names in json.loads(metadata[BRICKS]).items()
    }


def _weights(collection: BrickCollection) -> Weights:
    """Returns the bricks that have weights of their own, and the weights themselves."""
    weights = {
        path: brick.state_dict(keep_vars=True)
        for path, brick in sorted(collection.flat().items())
    }
    return {path: state for path, state in weights.items() if state}


def _choose(collection: BrickCollection, bricks: Iterable[str] | None) -> Weights:
    known = _weights(collection)
    if bricks is None:
        return known
    chosen: set[str] = set()
    for name in listed(bricks, "bricks"):
        paths = inside(name, collection.flat(), "bricks")
        if not paths & known.keys():
            hint = _sharing_hint(min(paths), collection)
            raise ConfigError(f"bricks: {name!r} has no weights of its own.{hint}")
        chosen |= paths
    return {path: weights for path, weights in known.items() if path in chosen}


def _sharing_hint(path: str, collection: BrickCollection) -> str:
    bricks = collection.flat()
    brick = bricks[path]
    if not isinstance(brick, BrickShared):
        return ""
    other = resolve_shared(brick.brick, path, bricks)
    return f" Fix: {other!r}, whose weights it shares."


def _rename(found: Weights, rename: Mapping[str, str]) -> Weights:
    moved = {path: path for path in found}
    for old, new in rename.items():
        for path in inside(old, found.keys(), "rename"):
            moved[path] = new + path.removeprefix(old)
    renamed: Weights = {}
    for path, weights in found.items():
        if moved[path] in renamed:
            raise ConfigError(
                f"rename: two bricks of the file would be {moved[path]!r}."
                " Fix: rename or skip the other one too."
            )
        renamed[moved[path]] = weights
    return renamed
