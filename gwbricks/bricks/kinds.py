"""Bricks with the sensible defaults of their role."""

from collections.abc import Callable, Iterable
from typing import Any

from torch import nn

from gwbricks.bricks.brick import Brick, BrickModule
from gwbricks.bricks.names import InputNames
from gwbricks.bricks.stage import EVALUATED, Stage
from gwbricks.errors import WiringError


class BrickTrainable(BrickModule):
    """A module whose weights are trained.

    Args:
        model: The module.
        input_names: See `Brick`.
        output_names: See `Brick`.
        loss_output_names: See `Brick`; a module may return its own loss.
        alive_stages: See `Brick`.
        method: Name of the method to call; None calls the module itself.
        skip_missing: See `Brick`.
    """

    def __init__(
        self,
        model: nn.Module,
        input_names: InputNames,
        output_names: Iterable[str],
        loss_output_names: Iterable[str] | str = "none",
        alive_stages: Iterable[Stage | str] | str = "all",
        method: str | None = None,
        skip_missing: bool = False,
    ) -> None:
        super().__init__(
            model,
            input_names,
            output_names,
            alive_stages,
            loss_output_names,
            trainable=True,
            method=method,
            skip_missing=skip_missing,
        )


class BrickNotTrainable(BrickModule):
    """A frozen module: its weights get no gradient and its buffers do not move.

    Args:
        model: A module or any callable.
        input_names: See `Brick`.
        output_names: See `Brick`.
        alive_stages: See `Brick`.
        calculate_gradients: Whether gradients flow through it to bricks before it.
        method: Name of the method to call; None calls the module itself.
        skip_missing: See `Brick`.
    """

    def __init__(
        self,
        model: Callable[..., Any],
        input_names: InputNames,
        output_names: Iterable[str],
        alive_stages: Iterable[Stage | str] | str = "all",
        calculate_gradients: bool = True,
        method: str | None = None,
        skip_missing: bool = False,
    ) -> None:
        super().__init__(
            model,
            input_names,
            output_names,
            alive_stages,
            calculate_gradients=calculate_gradients,
            trainable=False,
            method=method,
            skip_missing=skip_missing,
        )


class BrickLoss(BrickModule):
    """A loss. It returns a scalar, or a `LossOutput` whose metrics are logged too.

    Args:
        model: The loss; whether its own weights are trained is left to them.
        input_names: See `Brick`.
        output_names: See `Brick`.
        loss_output_names: See `Brick`.
        alive_stages: See `Brick`; by default where there are targets.
        method: Name of the method to call; None calls the module itself.
        skip_missing: See `Brick`.
    """

    def __init__(
        self,
        model: Callable[..., Any],
        input_names: InputNames,
        output_names: Iterable[str],
        loss_output_names: Iterable[str] | str = "all",
        alive_stages: Iterable[Stage | str] | str = EVALUATED,
        method: str | None = None,
        skip_missing: bool = False,
    ) -> None:
        super().__init__(
            model,
            input_names,
            output_names,
            alive_stages,
            loss_output_names,
            trainable=None,
            method=method,
            skip_missing=skip_missing,
        )


class BrickShared(Brick):
    """The module of another brick in a second place, with one copy of its weights.

    It holds the other brick's name, not the module: the state dict does not grow, and
    whether the weights are trained is the other brick's to say.

    Args:
        brick: Path of the other brick, such as `"v.encode"`, looked up from the nest
            that this brick is in, then outwards.
        input_names: See `Brick`.
        output_names: See `Brick`.
        alive_stages: See `Brick`.
        loss_output_names: See `Brick`.
        calculate_gradients: See `Brick`.
        method: Name of the method to call; None calls what the other brick calls.
        skip_missing: See `Brick`.
    """

    def __init__(
        self,
        brick: str,
        input_names: InputNames,
        output_names: Iterable[str],
        alive_stages: Iterable[Stage | str] | str = "all",
        loss_output_names: Iterable[str] | str = "none",
        calculate_gradients: bool = True,
        method: str | None = None,
        skip_missing: bool = False,
    ) -> None:
        super().__init__(
            input_names,
            output_names,
            alive_stages,
            loss_output_names,
            calculate_gradients,
            skip_missing,
        )
        self.brick = brick
        self.method = method

    @property
    def function(self) -> Callable[..., Any]:
        """Not available: only a collection knows the other brick.

        Raises:
            WiringError: Always.
        """
        raise WiringError(
            f"BrickShared: {self.brick!r} is found by a BrickCollection. Fix: put both"
            " bricks into one and run that."
        )

    @property
    def label(self) -> str:
        """Path of the shared brick, and the method."""
        return self.brick if self.method is None else f"{self.brick}.{self.method}"
