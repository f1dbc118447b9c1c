"""Selections that are learned, or made of others."""

import math
from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float
from torch import nn, Tensor

from gwbricks.errors import ConfigError
from gwbricks.workspace.selection import present_softmax, Selection


class AttentionSelection(Selection):
    """Weighs domains by how well their keys match a query.

    A key is a linear map of a domain's encoding. The query is at first the same for all
    rows, and learned. With `n_steps`, it is then computed anew from the state that the
    weights give, so many times: a domain that fits what the others say gains weight.

    Args:
        dim: Size of the workspace.
        head_dim: Size of keys and queries.
        n_steps: How often the query is computed from the state; 0 for a static query.
        temperature: Divides the scores; the lower, the more one domain dominates.

    Raises:
        ConfigError: If a size is below 1, `n_steps` is negative, or `temperature` is
            not above zero.

    References:
        A. Vaswani et al., Attention Is All You Need, NeurIPS 2017, eq. 1.

    Example:
        >>> selection = AttentionSelection(dim=4, head_dim=8, n_steps=2)
        >>> present = torch.tensor([[True, True, False]])
        >>> weights = selection({}, torch.randn(1, 3, 4), present)
        >>> weights.shape, weights[0, 2].item()
        (torch.Size([1, 3]), 0.0)
    """

    def __init__(
        self, dim: int, head_dim: int = 16, n_steps: int = 1, temperature: float = 1.0
    ) -> None:
        super().__init__()
        for name, size in {"dim": dim, "head_dim": head_dim}.items():
            if size < 1:
                raise ConfigError(f"{name}: {size}. Expected 1 or more.")
        if n_steps < 0:
            raise ConfigError(f"n_steps: {n_steps}. Expected 0 or more.")
        if not temperature > 0:
            raise ConfigError(f"temperature: {temperature}. Expected a number above 0.")
        self.n_steps = n_steps
        self.scale = 1 / (temperature * math.sqrt(head_dim))
        self.key = nn.Linear(dim, head_dim)
        self.first_query = nn.Parameter(torch.randn(head_dim))
        self.query = nn.Linear(dim, head_dim) if n_steps else None

    def forward(
        self,
        latents: Mapping[str, Tensor],
        encodings: Float[Tensor, "rows domains dim"],
        present: Bool[Tensor, "rows domains"],
    ) -> Float[Tensor, "rows domains"]:
        """Returns a softmax of the scores of each row's present domains."""
        del latents
        # What a row lacks holds anything, and zero weight times NaN is NaN.
        encodings = encodings.masked_fill(~present.unsqueeze(-1), 0.0)
        keys = self.key(encodings)
        queries = self.first_query.expand(keys.shape[0], -1)  # len() is no symbol
        weights = self._attend(queries, keys, present)
        for _ in range(self.n_steps):
            assert self.query is not None
            state = torch.bmm(weights.unsqueeze(1), encodings).squeeze(1)
            weights = self._attend(self.query(state), keys, present)
        return weights

    def _attend(
        self,
        queries: Float[Tensor, "rows head"],
        keys: Float[Tensor, "rows domains head"],
        present: Bool[Tensor, "rows domains"],
    ) -> Float[Tensor, "rows domains"]:
        scores = self.scale * torch.bmm(keys, queries.unsqueeze(-1)).squeeze(-1)
        return present_softmax(scores, present)


class TopKSelection(Selection):
    """Keeps the `k` domains of each row to which another selection gives most.

    Their weights are scaled to sum to one; a row with fewer domains keeps them all.

    Args:
        selection: Gives the weights.
        k: Number of domains that are kept.

    Raises:
        ConfigError: If `k` is below 1.
    """

    def __init__(self, selection: Selection, k: int = 1) -> None:
        super().__init__()
        if k < 1:
            raise ConfigError(f"k: {k}. Expected 1 or more.")
        self.selection = selection
        self.k = k

    def forward(
        self,
        latents: Mapping[str, Tensor],
        encodings: Float[Tensor, "rows domains dim"],
        present: Bool[Tensor, "rows domains"],
    ) -> Float[Tensor, "rows domains"]:
        """Returns the largest weights of each row, and zero for the others."""
        weights = self.selection(latents, encodings, present)
        # A row with fewer domains keeps zeros of absent ones, which change nothing.
        kept = weights.topk(min(self.k, weights.shape[1]), dim=1).indices
        weights = torch.zeros_like(weights).scatter(1, kept, weights.gather(1, kept))
        return weights / weights.sum(dim=1, keepdim=True)
