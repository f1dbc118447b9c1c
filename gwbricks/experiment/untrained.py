"""Finds weights that are to be trained, but that no loss reaches."""

from collections.abc import Collection

from gwbricks.bricks import BrickCollection, BrickModule, BrickShared, Stage
from gwbricks.bricks.graph.shared import resolve_shared
from gwbricks.bricks.graph.wiring import Wiring
from gwbricks.training import LightningBrickCollection


def untrained_notes(module: LightningBrickCollection) -> list[str]:
    """Returns one line for all bricks that stay as they were initialised, if any.

    Args:
        module: The module.
    """
    collection = module.brick_collection
    trained = [name for name, coef in module.loss_coefs.items() if coef]
    known = collection.loss_names(Stage.TRAIN)
    reached = _reached(collection, trained)
    left = sorted(path for path in _trainable(collection) if path not in reached)
    if not left:
        return []
    unused = [n for n in known if n not in trained]
    helpful = [n for n in unused if not _reached(collection, [n]).isdisjoint(left)]
    listed = ", ".join(f"bricks.{path}" for path in left)
    fix = " Fix: " + ", ".join(f"+loss_coefs.{n}=1" for n in helpful) + "."
    return [f"note: no loss trains {listed}.{fix if helpful else ''}"]


def _trainable(collection: BrickCollection) -> list[str]:
    return [
        path
        for path, brick in collection.flat().items()
        if isinstance(brick, BrickModule)
        and any(weight.requires_grad for weight in brick.parameters())
    ]


def _reached(collection: BrickCollection, losses: Collection[str]) -> set[str]:
    """Returns the bricks whose weights the losses depend on."""
    bricks = collection.flat()
    given = collection.inputs or collection.required_inputs(Stage.TRAIN, losses)
    wiring = Wiring(Stage.TRAIN, bricks, frozenset(given))
    writers = {wiring.writers[name] for name in losses if name in wiring.writers}
    found = wiring.ancestors(writers)
    for path in list(found):
        brick = bricks[path]
        if isinstance(brick, BrickShared):
            found.add(resolve_shared(brick.brick, path, bricks))
    return found
