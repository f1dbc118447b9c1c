"""What holds for every collection of bricks, whatever its data."""

from collections.abc import Mapping

from gwbricks.bricks.brick import Brick, BrickModule
from gwbricks.bricks.graph.wiring import Wiring
from gwbricks.errors import WiringError

OBJECTIVE = "loss"
"""Name of the weighted sum of all losses, which no metric can have."""


def check_name(name: str) -> str:
    """Checks that bricks can be told apart by paths, and returns the name.

    Raises:
        WiringError: If it is empty or has a dot.
    """
    if not isinstance(name, str) or not name or "." in name:
        raise WiringError(
            f"bricks: {name!r} cannot be a brick's name: names are texts without dots."
        )
    return name


def check_trainability(bricks: Mapping[str, Brick]) -> None:
    """Checks that no module is both trained and frozen.

    Raises:
        WiringError: If one is.
    """
    owners: dict[int, tuple[str, bool]] = {}
    for path, brick in sorted(bricks.items()):
        if not isinstance(brick, BrickModule) or brick.trainable is None:
            continue
        for tensor in (*brick.parameters(), *brick.buffers()):
            other, trainable = owners.setdefault(id(tensor), (path, brick.trainable))
            if trainable != brick.trainable:
                raise WiringError(
                    f"{path}: its module is also in {other!r}, and is to be trained in"
                    " one and frozen in the other. Fix: make one of them a BrickShared."
                )


def check_metric_names(wiring: Wiring) -> None:
    """Checks that no two metrics, or a metric and a loss, of a stage have one name.

    Raises:
        WiringError: If two have.
    """
    losses = {n: p for p, b in wiring.alive.items() for n in b.loss_output_names}
    owners: dict[str, str] = {OBJECTIVE: "the objective", **losses}
    for path, brick in wiring.alive.items():
        for name in getattr(brick, "metric_names", ()):
            if name in owners:
                raise WiringError(
                    f"{path}: {owners[name]!r} already has the name {name!r} among"
                    f" metrics and losses in stage {wiring.stage.value!r}. Fix: rename"
                    " one of the two."
                )
            owners[name] = path
