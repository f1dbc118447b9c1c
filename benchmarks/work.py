"""The work that is timed: a workspace of any number of domains, all kinds of losses.

Every domain has 8 * (i + 1) raw features and a frozen linear module to 32 dimensions;
GW encoders and decoders are 32 -> 64 -> 64 -> 16 and back; routes are those of fusion.
Groups: every domain alone, every pair when there are more than two domains, and all
together. Steps use AdamW and a one-cycle schedule.
"""

from dataclasses import dataclass, field
from itertools import combinations

import torch
from torch import Tensor

LATENT_DIM, HIDDEN_DIM, DIM = 32, 64, 16
ITEMS = 4096
LEARNING_RATE = 1e-3
COEFS = {
    "translations": 1.0,
    "demi_cycles": 1.0,
    "cycles": 1.0,
    "fused": 1.0,
    "contrastives": 0.01,
}


@dataclass(frozen=True)
class Work:
    """One size of the work.

    Args:
        domains: Number of domains.
        batch_size: Rows of each group in a step.
        steps: Number of steps, for the schedule.
    """

    domains: int
    batch_size: int
    steps: int = 100
    sizes: dict[str, int] = field(init=False)
    groups: list[tuple[str, ...]] = field(init=False)

    def __post_init__(self) -> None:
        sizes = {f"d{index}": 8 * (index + 1) for index in range(self.domains)}
        pairs = combinations(sizes, 2) if self.domains > 2 else ()
        groups = sorted([*((name,) for name in sizes), *pairs, tuple(sizes)])
        object.__setattr__(self, "sizes", sizes)
        object.__setattr__(self, "groups", groups)

    def columns(self) -> dict[str, Tensor]:
        """Returns the raw data of each domain."""
        torch.manual_seed(0)
        return {name: torch.randn(ITEMS, size) for name, size in self.sizes.items()}
