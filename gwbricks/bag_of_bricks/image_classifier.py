"""Classification head for image features."""

from jaxtyping import Float, Int
from torch import nn, Tensor


class ImageClassifier(nn.Module):
    """Pools a feature map and classifies it.

    Args:
        num_classes: Number of classes.
        n_features: Number of channels of the feature map.

    Example:
        >>> import torch
        >>> head = ImageClassifier(num_classes=10, n_features=8)
        >>> [tuple(out.shape) for out in head(torch.zeros(2, 8, 4, 4))]
        [(2, 10), (2, 10), (2,)]
    """

    def __init__(self, num_classes: int, n_features: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.linear = nn.Linear(n_features, num_classes)

    def forward(
        self, features: Float[Tensor, "rows channels height width"]
    ) -> tuple[
        Float[Tensor, "rows classes"],
        Float[Tensor, "rows classes"],
        Int[Tensor, " rows"],
    ]:
        """Returns logits, probabilities and the predicted class of each image."""
        logits = self.linear(self.pool(features).flatten(1))
        return logits, logits.softmax(dim=1), logits.argmax(dim=1)
