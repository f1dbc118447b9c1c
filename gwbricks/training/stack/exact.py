"""What stacked runs compute and draw is what each would alone, to the last bits."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

BLOCK = 192
"""Features that MKL sums up before it adds the bias; vmap adds it after all of them.

Up to so many features the two round alike, and vmap is left to itself.
"""

Draw = Callable[[Callable[[], Tensor]], Tensor]
"""Stacks what a function draws with the random state of each run."""

DRAWN = (
    torch.rand,
    torch.randn,
    torch.randint,
    torch.randperm,
    torch.rand_like,
    torch.randn_like,
    torch.randint_like,
)
"""Functions whose draws depend on shapes alone."""


class Exact(TorchFunctionMode):
    """Within `torch.vmap` over runs, replaces what would differ from the run alone.

    Draws are made with each run's own random state. A linear map of many features adds
    its bias within the matrix product, as torch does for one run, so that a CPU rounds
    as it does then: differences of one bit grow with every step.

    Args:
        anchor: Any tensor that vmap goes over.
        draw: See `Draw`.
    """

    def __init__(self, anchor: Tensor, draw: Draw) -> None:
        super().__init__()
        self.anchor = anchor
        self.draw = draw

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever torch returns
        """Calls a function of torch, or what stands for it."""
        del types
        kwargs = kwargs or {}
        if func is F.linear:
            return self._linear(*args, **kwargs)
        if func is F.dropout:
            return self._dropout(*args, **kwargs)
        if func in DRAWN and kwargs.get("generator") is None:
            # What is drawn has the shape of one run; only shapes of arguments matter.
            args = [_like(value) for value in args]
            kwargs = {name: _like(value) for name, value in kwargs.items()}
            return self._drawn(partial(func, *args, **kwargs))
        return func(*args, **kwargs)

    def _linear(
        self,
        input: Tensor,  # noqa: A002 - torch's name
        weight: Tensor,
        bias: Tensor | None = None,
    ) -> Tensor:
        if bias is None or weight.shape[1] <= BLOCK:
            return F.linear(input, weight, bias)
        return _Linear.apply(input, weight, bias)

    def _dropout(
        self,
        input: Tensor,  # noqa: A002 - torch's name
        p: float = 0.5,
        training: bool = True,
        inplace: bool = False,
    ) -> Tensor:
        del inplace
        if not training or not p:
            return input
        # Dropout of ones is the mask as it is scaled: it can be drawn for each run, and
        # its product with the input is what dropout itself computes.
        ones = _like(input).fill_(1.0)
        return input * self._drawn(partial(F.dropout, ones, p))

    def _drawn(self, sample: Callable[[], Tensor]) -> Tensor:
        return _Drawn.apply(self.anchor, self.draw, sample)


class _Drawn(Function):
    """Hands vmap a tensor with one draw for each run.

    A function within vmap sees one run; only the rule `vmap` of an autograd function
    sees the first dimension, and can return a tensor that has it.
    """

    @staticmethod
    def forward(anchor: Tensor, draw: Draw, sample: Callable[[], Tensor]) -> Tensor:
        raise AssertionError("vmap does not go over the anchor")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ANN401 - torch's own
        """Keeps nothing: there is no gradient."""

    @staticmethod
    def vmap(  # pyright: ignore[reportIncompatibleMethodOverride] - so torch documents it
        info: Any,  # noqa: ANN401 - a private type of torch
        in_dims: Sequence[int | None],
        anchor: Tensor,
        draw: Draw,
        sample: Callable[[], Tensor],
    ) -> tuple[Tensor, int]:
        del info, in_dims, anchor
        return draw(sample), 0


class _Linear(Function):
    """A linear map of each run, whose gradient is that of the parts of `vmap`."""

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        raise AssertionError("nothing is stacked")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ANN401 - torch's own
        """Keeps nothing: autograd goes through `vmap`."""

    @staticmethod
    def vmap(  # pyright: ignore[reportIncompatibleMethodOverride] - so torch documents it
        info: Any,  # noqa: ANN401 - a private type of torch
        in_dims: Sequence[int | None],
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
    ) -> tuple[Tensor, int]:
        x, weight, bias = (
            value.expand(info.batch_size, *value.shape)
            if dim is None
            else value.movedim(dim, 0)
            for value, dim in zip((x, weight, bias), in_dims, strict=True)
        )
        # `baddbmm` begins each sum with the bias, as `addmm` does for a single run.
        rows = x.flatten(1, -2) if x.ndim > 2 else x.unsqueeze(1)
        found = torch.baddbmm(bias.unsqueeze(1), rows, weight.mT)
        return found.view(*x.shape[:-1], found.shape[-1]), 0


def _like(value: Any) -> Any:  # noqa: ANN401 - any argument
    """Returns a tensor of the same shape that no run has, or what is no tensor."""
    if not isinstance(value, Tensor):
        return value
    # `empty_like` would have the dimension of the runs, and could not leave vmap.
    return torch.empty(value.shape, dtype=value.dtype, device=value.device)
