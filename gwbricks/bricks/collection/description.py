"""Bricks as text that a person can read."""

from collections.abc import Mapping

from gwbricks.bricks.brick import Brick
from gwbricks.bricks.stage import Stage


def describe_brick(brick: Brick) -> tuple[str, ...]:
    """Returns what it wraps, what it reads and writes, its stages and its weights.

    Example:
        >>> from gwbricks.bricks import BrickNotTrainable
        >>> describe_brick(BrickNotTrainable(len, ["x"], ["size"], ["train", "val"]))
        ('len', 'x -> size', 'train, val', '')
    """
    return brick.label, brick.wires, _stages(brick), _weights(brick)


def describe_bricks(title: str, bricks: Mapping[str, Brick]) -> str:
    """Returns a line for each brick, in columns.

    Args:
        title: What the bricks are.
        bricks: Bricks by path.
    """
    if not bricks:
        return f"{title}()"
    rows = [(path, *describe_brick(brick)) for path, brick in sorted(bricks.items())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    return "\n".join([f"{title}(", *(f"  {line.rstrip()}" for line in lines), ")"])


def _stages(brick: Brick) -> str:
    if brick.alive_stages == frozenset(Stage):
        return "all stages"
    return ", ".join(s.value for s in Stage if s in brick.alive_stages) or "never"


def _weights(brick: Brick) -> str:
    weights = list(brick.parameters())
    trained = sum(p.numel() for p in weights if p.requires_grad)
    counts = {"trained": trained, "frozen": sum(p.numel() for p in weights) - trained}
    return ", ".join(f"{n:,} {kind}" for kind, n in counts.items() if n)
