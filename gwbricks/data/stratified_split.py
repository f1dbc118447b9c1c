"""Rows split so that every class has its share of each part."""

import torch
from torch import Tensor


def stratified_split(
    label: Tensor, parts: dict[str, float], seed: int
) -> dict[str, Tensor]:
    """Splits rows so that every class has the same share in each part.

    Args:
        label: Class of each row, of shape `(rows,)`.
        parts: Share of each part; together 1.
        seed: Seed of the draw.

    Example:
        >>> label = torch.tensor([0, 0, 1, 1])
        >>> parts = stratified_split(label, {"a": 0.5, "b": 0.5}, seed=0)
        >>> [sorted(label[rows].tolist()) for rows in parts.values()]
        [[0, 1], [0, 1]]
    """
    generator = torch.Generator().manual_seed(seed)
    found: dict[str, list[Tensor]] = {name: [] for name in parts}
    for value in label.unique():
        rows = (label == value).nonzero().flatten()
        rows = rows[torch.randperm(len(rows), generator=generator)]
        start = total = 0.0
        for name, share in parts.items():
            total += share
            end = round(total * len(rows))
            found[name].append(rows[int(start) : end])
            start = end
    return {name: torch.cat(rows).sort().values for name, rows in found.items()}
