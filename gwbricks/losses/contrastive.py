"""Contrastive loss: matched items meet, others part."""

import math

import torch
from jaxtyping import Float
from torch import nn, Tensor

from gwbricks.bricks import LossOutput
from gwbricks.errors import ConfigError

MAX_SCALE = 100.0
EPSILON = 1e-12


class ContrastiveLoss(nn.Module):
    """Cross-entropy of scaled cosine similarities: CLIP's, or InfoNCE.

    The scale is kept as its logarithm and is at most 100.

    Args:
        scale: Factor on the similarities: one over the temperature.
        learn_scale: Whether the scale is trained.
        symmetric: Whether each domain's items look for their match among the other's,
            as in CLIP; else only those of the first domain do, as in InfoNCE.

    Raises:
        ConfigError: If `scale` is not in (0, 100].

    References:
        A. Radford et al., Learning Transferable Visual Models From Natural Language
        Supervision, ICML 2021, fig. 3. A. van den Oord et al., Representation Learning
        with Contrastive Predictive Coding, 2018, eq. 4.
    """

    batched = True
    """Whether several pairs of batches can be compared in one call."""

    log_scale: Tensor

    def __init__(
        self,
        scale: float = 1 / 0.07,
        learn_scale: bool = False,
        symmetric: bool = True,
    ) -> None:
        super().__init__()
        if not 0 < scale <= MAX_SCALE:
            raise ConfigError(f"scale: {scale}. Expected more than 0 and at most 100.")
        self.symmetric = symmetric
        log_scale = torch.tensor(math.log(scale))
        if learn_scale:
            self.log_scale = nn.Parameter(log_scale)
        else:
            self.register_buffer("log_scale", log_scale)

    def forward(
        self, x: Float[Tensor, "*pairs rows dim"], y: Float[Tensor, "*pairs rows dim"]
    ) -> LossOutput:
        """Returns one loss for each pair of batches, of shape `pairs`.

        Args:
            x: Encodings of one domain.
            y: Encodings of the same items from another domain.
        """
        scale = self.log_scale.exp().clamp(max=MAX_SCALE)
        logits = scale * _unit(x) @ _unit(y).mT
        scores = logits.log_softmax(dim=-1)
        if self.symmetric:
            scores = scores + logits.log_softmax(dim=-2)
        matched = scores.diagonal(dim1=-2, dim2=-1).mean(dim=-1)
        loss = matched * (-0.5 if self.symmetric else -1.0)
        return LossOutput(loss, {"logit_scale": scale.detach()})


def _unit(rows: Tensor) -> Tensor:
    """Returns the rows with length one, and zeros where a row is zero."""
    return rows / (torch.linalg.vector_norm(rows, dim=-1, keepdim=True) + EPSILON)
