"""Corruption: what a workspace is given is not always what its domains saw."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import nn, Tensor

from gwbricks.errors import ConfigError
from gwbricks.workspace.planning.plan import Plan
from gwbricks.workspace.planning.routes import Domains


class Corruption(nn.Module):
    """Corrupts the latents of some domains of each row, with a scale drawn for the row.

    The draws are those of torch's random state, so a test with a seed can be repeated.
    Nothing is corrupted in inference and export.

    Args:
        effect: What happens to latents, such as `AdditiveNoise`. It is given latents of
            shape `(rows, ...)` and a scale for each row, and returns new latents.
        scales: One of them is drawn for each row, all with the same probability.
        domains: Those that may be corrupted; None for all.
        count: How many of these are corrupted in each row, drawn at random among those
            that the row has; None for all of them.

    Raises:
        ConfigError: If there is no scale or domain, a scale is negative or not finite,
            or `count` is below 1.

    References:
        R. Bertin-Johannet et al., An Attention Mechanism for Robust Multimodal
        Integration in a Global Workspace Architecture, arXiv:2602.08597.
    """

    def __init__(
        self,
        effect: nn.Module,
        scales: Sequence[float],
        domains: Sequence[str] | None = None,
        count: int | None = 1,
    ) -> None:
        super().__init__()
        if not scales or not all(0 <= scale < math.inf for scale in scales):
            raise ConfigError(
                f"scales: {list(scales)}. Expected one or more numbers, 0 or above."
            )
        if domains is not None and not domains:
            raise ConfigError("domains: []. Expected one or more, or null for all.")
        if count is not None and count < 1:
            raise ConfigError(f"count: {count}. Expected 1 or more, or null for all.")
        self.effect = effect
        self.scales = tuple(map(float, scales))
        self.domains = None if domains is None else tuple(sorted(domains))
        self.count = count

    def draw(self, plan: Plan) -> Float[Tensor, "items domains"]:
        """Returns the scale at which each cell of a batch is corrupted; zero if not."""
        chosen = self._choose(plan.domains, plan.items.present)
        scales = torch.tensor(self.scales, device=chosen.device)
        drawn = torch.randint(len(scales), (len(chosen), 1), device=chosen.device)
        return chosen * scales[drawn]

    def _choose(
        self, domains: Domains, present: Bool[Tensor, "items domains"]
    ) -> Bool[Tensor, "items domains"]:
        if self.domains is not None:
            allowed = [domain in self.domains for domain in domains]
            present = present & torch.tensor(allowed, device=present.device)
        if self.count is None:
            return present
        # Drawn for every cell, there or not, so that draws depend on the shape alone.
        scores = torch.rand(present.shape, device=present.device)
        scores = scores.masked_fill(~present, -1.0)  # below all draws: ranked last
        # Sorting gives the cell of each rank; sorting that, the rank of each cell.
        ranks = scores.argsort(dim=1, descending=True).argsort(dim=1)
        return present & (ranks < self.count)

    def corrupt(
        self, domain: str, latent: Tensor, scales: Tensor | None, plan: Plan
    ) -> Tensor:
        """Returns a domain's latents as the workspace is given them.

        Args:
            domain: The domain.
            latent: Its latents, of shape `(rows, ...)`; they are not changed.
            scales: What `draw` returned; None if nothing is corrupted.
            plan: The batch's plan.
        """
        if scales is None:
            return latent
        scale = scales[plan.has_domain(domain), plan.domains.index(domain)]
        return self.effect(latent, scale.to(latent.dtype))


class AdditiveNoise(nn.Module):
    """Adds Gaussian noise.

    Args:
        relative: Whether the scale is in units of the row's own root mean square, so
            that noise of scale 1 is as strong as the latent; else it is the deviation.

    Example:
        >>> latent = torch.tensor([[3.0, 4.0]])
        >>> AdditiveNoise()(latent, torch.zeros(1))
        tensor([[3., 4.]])
    """

    def __init__(self, relative: bool = True) -> None:
        super().__init__()
        self.relative = relative

    def forward(
        self, latent: Float[Tensor, "rows ..."], scale: Float[Tensor, " rows"]
    ) -> Float[Tensor, "rows ..."]:
        """Returns latents with noise."""
        if self.relative:
            scale = scale * latent.flatten(1).square().mean(dim=1).sqrt()
        return latent + _as_column(scale, latent) * torch.randn_like(latent)


class Masking(nn.Module):
    """Sets features to zero, each with the scale as probability; at 1, all of them."""

    def forward(
        self, latent: Float[Tensor, "rows ..."], scale: Float[Tensor, " rows"]
    ) -> Float[Tensor, "rows ..."]:
        """Returns latents of which some features are zero."""
        is_masked = torch.rand_like(latent) < _as_column(scale, latent)
        return latent.masked_fill(is_masked, 0.0)


def _as_column(scale: Tensor, like: Tensor) -> Tensor:
    return scale.view(-1, *[1] * (like.ndim - 1))
