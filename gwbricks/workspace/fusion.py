"""Fusion: from the encodings of several domains to one state."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from jaxtyping import Float
from torch import nn, Tensor

from gwbricks.errors import ConfigError
from gwbricks.workspace.planning.plan import Plan, RowSet
from gwbricks.workspace.selection import Selection


class WeightedSum(nn.Module):
    """Sums the encodings, weighted by the selection, and applies an activation.

    Args:
        activation: Applied to the sum; `torch.nn.Identity()` for none.
    """

    def __init__(self, activation: Callable[[Tensor], Tensor] = torch.tanh) -> None:
        super().__init__()
        self.activation = activation

    def forward(
        self,
        encodings: Float[Tensor, "rows domains dim"],
        weights: Float[Tensor, "rows domains"],
    ) -> Float[Tensor, "rows dim"]:
        """Returns states of shape `(rows, dim)`."""
        if encodings.shape[1] == 1:  # a sum of one would cost as much as of many
            return self.activation(encodings.squeeze(1) * weights)
        return self.activation((encodings * weights.unsqueeze(2)).sum(dim=1))


class Fuse(nn.Module):
    """Selects and fuses: for all routes, for each item, or for one domain alone.

    Args:
        domains: Names of the domains.
        selection: Weighs the domains of each row.
        fusion: Makes states of encodings and weights.

    Raises:
        ConfigError: If there is not one weight for each row and domain.
    """

    def __init__(
        self, domains: Sequence[str], selection: Selection, fusion: nn.Module
    ) -> None:
        super().__init__()
        self.domains = tuple(sorted(domains))
        self.selection = selection
        self.fusion = fusion

    def forward(
        self, latents: Mapping[str, Tensor], encodings: Mapping[str, Tensor], plan: Plan
    ) -> Float[Tensor, "rows dim"]:
        """Returns one state for each route and item."""
        return self._fuse(latents, encodings, plan.states)

    def items(
        self, latents: Mapping[str, Tensor], encodings: Mapping[str, Tensor], plan: Plan
    ) -> Float[Tensor, "items dim"]:
        """Returns one state for each item, of all domains that it has."""
        return self._fuse(latents, encodings, plan.items)

    def cycles(
        self, latents: Mapping[str, Tensor], encodings: Mapping[str, Tensor], plan: Plan
    ) -> Float[Tensor, "rows dim"]:
        """Returns one state for each cycle, of the domains that it goes through."""
        return self._fuse(latents, encodings, plan.restates)

    def alone(self, encoding: Float[Tensor, "rows dim"]) -> Float[Tensor, "rows dim"]:
        """Returns the states of one domain alone, which has all the weight."""
        weights = encoding.new_ones(encoding.shape[0], 1)
        return self.fusion(encoding.unsqueeze(1), weights)

    def _fuse(
        self,
        latents: Mapping[str, Tensor],
        encodings: Mapping[str, Tensor],
        rows: RowSet,
    ) -> Tensor:
        # One domain alone needs no selection, nor a stack that is zero but for it.
        alone = rows.take_alone(encodings)
        if alone is not None:
            return self.alone(alone)
        taken = [rows.take(encodings, domain) for domain in self.domains]
        # Stacked along the first dimension, each domain is copied in one piece.
        stacked = torch.stack(taken).transpose(0, 1)
        present = rows.mask(stacked)
        weights = self.selection(_Taken(latents, rows), stacked, present)
        self._check(weights, present)
        return self.fusion(stacked, weights)

    def _check(self, weights: object, present: Tensor) -> None:
        is_tensor = isinstance(weights, Tensor)
        if not is_tensor or weights.shape[1:] != present.shape[1:]:
            returned = tuple(weights.shape) if is_tensor else type(weights).__name__
            raise ConfigError(
                f"selection: {type(self.selection).__name__} returned"
                f" {returned}. Expected a tensor of {tuple(present.shape)}: rows,"
                " domains."
            )


class _Taken(Mapping[str, Tensor]):
    """Latents by domain, indexed only when a selection asks for them."""

    def __init__(self, columns: Mapping[str, Tensor], rows: RowSet) -> None:
        self._columns = columns
        self._rows = rows

    def __getitem__(self, domain: str) -> Tensor:
        if domain not in self._columns:
            raise KeyError(domain)
        return self._rows.take(self._columns, domain)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._columns))

    def __len__(self) -> int:
        return len(self._columns)
