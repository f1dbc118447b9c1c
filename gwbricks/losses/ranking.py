"""Ranking loss: matched items are closer than others, by a margin."""

import torch
from jaxtyping import Float
from torch import nn, Tensor
from torch.nn import functional as F

from gwbricks.bricks import LossOutput
from gwbricks.errors import ConfigError, UnknownNameError

SIMILARITIES = ("cosine", "order")


class RankingLoss(nn.Module):
    """Hinge on the similarity of other items; with the hardest one, it is VSE++.

    Args:
        margin: By how much a matched item must be more similar than another.
        similarity: `cosine`, or `order`: minus the squared distance by which `y`
            exceeds `x` in any feature.
        hardest: Whether each item is compared with the most similar other one; else
            with all, whose hinges are summed.

    Raises:
        ConfigError: If `margin` is negative.
        UnknownNameError: If there is no such similarity.

    References:
        F. Faghri et al., VSE++: Improving Visual-Semantic Embeddings with Hard
        Negatives, BMVC 2018, eqs. 5 and 6. I. Vendrov et al., Order-Embeddings of
        Images and Language, ICLR 2016, eq. 2.
    """

    batched = True
    """Whether several pairs of batches can be compared in one call."""

    def __init__(
        self,
        margin: float = 0.2,
        similarity: str = "cosine",
        hardest: bool = True,
    ) -> None:
        super().__init__()
        if not margin >= 0:
            raise ConfigError(f"margin: {margin}. Expected 0 or more.")
        if similarity not in SIMILARITIES:
            raise UnknownNameError("similarity", similarity, SIMILARITIES)
        self.margin = margin
        self.similarity = similarity
        self.hardest = hardest

    def forward(
        self, x: Float[Tensor, "*pairs rows dim"], y: Float[Tensor, "*pairs rows dim"]
    ) -> LossOutput:
        """Returns one loss for each pair of batches, of shape `pairs`: a mean of rows.

        Args:
            x: Encodings of one domain.
            y: Encodings of the same items from another domain.
        """
        scores = self._compare(x, y)
        matched = scores.diagonal(dim1=-2, dim2=-1)
        own = torch.eye(scores.shape[-1], dtype=torch.bool, device=scores.device)
        hinges = [
            (self.margin + scores - matched.unsqueeze(axis)).clamp(min=0)
            for axis in (-1, -2)
        ]
        rows, columns = (hinge.masked_fill(own, 0.0) for hinge in hinges)
        if self.hardest:
            loss = rows.amax(dim=-1) + columns.amax(dim=-2)
        else:
            loss = rows.sum(dim=-1) + columns.sum(dim=-2)
        return LossOutput(loss.mean(dim=-1))

    def _compare(self, x: Tensor, y: Tensor) -> Tensor:
        if self.similarity == "cosine":
            return F.normalize(x, dim=-1) @ F.normalize(y, dim=-1).mT
        excess = y.unsqueeze(-3) - x.unsqueeze(-2)
        return -excess.clamp(min=0).square().sum(dim=-1)
