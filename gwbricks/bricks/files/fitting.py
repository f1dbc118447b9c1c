"""Whether saved weights fit the bricks that they are for."""

from collections.abc import Iterable, Mapping

from torch import Tensor

from gwbricks.bricks.shape_text import full_shape_text
from gwbricks.errors import CheckpointError, close_match

Weights = dict[str, dict[str, Tensor]]
"""Tensors by brick and name."""

LISTED = 8
"""Most lines of a message."""


def check_fit(found: Weights, known: Weights, source: str) -> None:
    """Checks that bricks, tensors and shapes are the same.

    Args:
        found: The saved weights.
        known: The weights that they are for.
        source: Where the saved ones are from.

    Raises:
        CheckpointError: If not; it lists what is missing, extra, or of another shape.
    """
    problems = _missing(known, found, "brick")
    for brick in sorted(known.keys() & found.keys()):
        own, saved = known[brick], found[brick]
        problems += [f"{brick}: {line}" for line in _missing(own, saved, "tensor")]
        problems += [
            f"{brick}: {name} is {full_shape_text(saved[name])}, expected"
            f" {full_shape_text(tensor)}"
            for name, tensor in own.items()
            if name in saved and not _fits(tensor, saved[name])
        ]
    if problems:
        count = len(problems)
        shown = problems[:LISTED] + (["…"] if count > LISTED else [])
        head = f"{source}: the weights do not fit, in {count} place"
        raise CheckpointError(
            "\n  ".join([f"{head}{'s' if count > 1 else ''}:", *shown])
            + "\n  Fix: rename or skip what is meant to differ."
        )


def _missing(
    known: Mapping[str, object], found: Mapping[str, object], kind: str
) -> list[str]:
    missing = sorted(known.keys() - found.keys())
    extra = sorted(found.keys() - known.keys())
    return [
        *(f"no {kind} {name!r} is saved{_close(name, extra)}" for name in missing),
        *(
            f"the saved {kind} {name!r} is for nothing{_close(name, missing)}"
            for name in extra
        ),
    ]


def _close(name: str, others: Iterable[str]) -> str:
    close = close_match(name, others)
    return f" (is it {close!r}?)" if close else ""


def _fits(own: Tensor, saved: Tensor) -> bool:
    # loading casts quietly, which is fine between floats only
    same_kind = own.is_floating_point() == saved.is_floating_point()
    return own.shape == saved.shape and same_kind
