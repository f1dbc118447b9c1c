"""The objective: a weighted sum of losses."""

from collections.abc import Mapping

import torch
from torch import Tensor


def weighted_sum(
    losses: Mapping[str, Tensor], coefs: Mapping[str, float]
) -> Tensor | None:
    """Returns `sum(coefs[name] * losses[name])` over the losses with a coefficient.

    It is a sum, not a mean: adding a term leaves the gradients of the others alone. A
    coefficient of zero leaves its loss out. None if nothing is left.

    Args:
        losses: Scalar losses by name.
        coefs: Coefficients by name of the loss.

    Example:
        >>> losses = {"cycles": torch.tensor(2.0), "fused": torch.tensor(5.0)}
        >>> weighted_sum(losses, {"cycles": 1, "fused": 0.1})
        tensor(2.5000)
    """
    terms = [coefs[name] * losses[name] for name in sorted(losses) if coefs.get(name)]
    return torch.stack(terms).sum() if terms else None
