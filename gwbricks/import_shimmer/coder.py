"""GW encoders and decoders of Shimmer, known by their weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor


@dataclass(frozen=True)
class Coder:
    """A GW encoder or decoder of Shimmer's own kind.

    Args:
        sizes: Sizes before, between and after its linear maps.
        bias: Whether the linear maps have a bias.
        weights: Its weights, named as in `gwbricks.workspace`.
    """

    sizes: tuple[int, ...]
    bias: bool
    weights: dict[str, Tensor]

    @classmethod
    def of(cls, weights: Mapping[str, Tensor]) -> "Coder | None":
        """Returns the coder with these weights; None if it is of another kind."""
        maps = [n for n in weights if n.endswith("weight") and weights[n].ndim == 2]
        biases = [n.removesuffix("weight") + "bias" for n in maps]
        shapes = [tuple(weights[name].shape) for name in maps]
        chained = all(a[0] == b[1] for a, b in pairwise(shapes))
        square = all(shape[0] == shape[1] for shape in shapes[1:-1])
        positions = [f"{2 * index}.weight" for index in range(len(maps))]
        bias = set(weights) == {*maps, *biases}
        if not maps or not (bias or set(weights) == set(maps)):
            return None
        if not (chained and square and maps in (positions, ["weight"])):
            return None
        sizes = (shapes[0][1], *(shape[0] for shape in shapes))
        named = dict(weights)
        if len(maps) == 1:
            named = {name.rpartition(".")[2]: w for name, w in weights.items()}
        return cls(sizes, bias, named)

    @property
    def is_linear(self) -> bool:
        """Whether it is one linear map."""
        return len(self.sizes) == 2
