"""Selections: how much each domain enters the workspace."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float
from torch import nn, Tensor

from gwbricks.errors import ConfigError


class Selection(nn.Module, ABC):
    """Abstract: weighs the domains of each row.

    Where every row of a pass has a single domain, there is nothing to weigh, and it is
    not called.
    """

    @abstractmethod
    def forward(
        self,
        latents: Mapping[str, Tensor],
        encodings: Float[Tensor, "rows domains dim"],
        present: Bool[Tensor, "rows domains"],
    ) -> Float[Tensor, "rows domains"]:
        """Returns weights that sum to one over the present domains of each row.

        Args:
            latents: Unimodal latents of each domain, of shape `(rows, latent_dim)`;
                rows that lack the domain hold anything.
            encodings: The same in the workspace, before fusion, domains sorted by name.
            present: Which domains each row has; at least one.
        """


class SharedSelection(Selection):
    """Gives every present domain the same weight."""

    def forward(
        self,
        latents: Mapping[str, Tensor],
        encodings: Float[Tensor, "rows domains dim"],
        present: Bool[Tensor, "rows domains"],
    ) -> Float[Tensor, "rows domains"]:
        """Returns one over the number of present domains."""
        del latents
        weights = present.to(encodings.dtype)
        return weights / weights.sum(dim=1, keepdim=True)


class RandomSelection(Selection):
    """Draws weights: a softmax of uniform scores. Out of training, all are the same.

    The equal weights of evaluation are the mean of those drawn in training.

    Args:
        temperature: Divides the scores; the lower, the more one domain dominates.
        draw_in_evaluation: Whether evaluation draws too.

    Raises:
        ConfigError: If `temperature` is not above zero.
    """

    def __init__(
        self, temperature: float = 0.2, draw_in_evaluation: bool = False
    ) -> None:
        super().__init__()
        if not temperature > 0:
            raise ConfigError(f"temperature: {temperature}. Expected a number above 0.")
        self.temperature = temperature
        self.draw_in_evaluation = draw_in_evaluation

    def forward(
        self,
        latents: Mapping[str, Tensor],
        encodings: Float[Tensor, "rows domains dim"],
        present: Bool[Tensor, "rows domains"],
    ) -> Float[Tensor, "rows domains"]:
        """Returns a draw for each row."""
        if not (self.training or self.draw_in_evaluation):
            return SharedSelection()(latents, encodings, present)
        rows, domains = present.shape
        # Drawn domain after domain, in the order that the softmax goes through memory.
        scores = torch.rand(
            domains, rows, device=encodings.device, dtype=encodings.dtype
        ).T
        return present_softmax(scores / self.temperature, present)


class SingleDomainSelection(Selection):
    """Draws one present domain of each row, all with the same probability."""

    def forward(
        self,
        latents: Mapping[str, Tensor],
        encodings: Float[Tensor, "rows domains dim"],
        present: Bool[Tensor, "rows domains"],
    ) -> Float[Tensor, "rows domains"]:
        """Returns one for the domain that was drawn and zero for the others."""
        del latents
        scores = torch.rand(present.shape, device=encodings.device)
        # Uniform scores are 0 or above, so no absent domain is the largest.
        chosen = scores.masked_fill(~present, -1.0).argmax(dim=1)
        return nn.functional.one_hot(chosen, present.shape[1]).to(encodings.dtype)


def present_softmax(
    scores: Float[Tensor, "rows domains"], present: Bool[Tensor, "rows domains"]
) -> Float[Tensor, "rows domains"]:
    """Returns the softmax over the present domains of each row.

    Example:
        >>> present = torch.tensor([[True, False, True]])
        >>> present_softmax(torch.zeros(1, 3), present)
        tensor([[0.5000, 0.0000, 0.5000]])
    """
    # With -inf an absent domain gets exactly 0; each row has one that is present, so no
    # row is NaN. Over the first of two dimensions, a softmax of few numbers is many
    # times faster.
    return torch.where(present, scores, -torch.inf).T.softmax(dim=0).T
