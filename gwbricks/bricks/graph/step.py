"""One brick in an execution order, with its arguments found beforehand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from gwbricks.bricks.brick import Brick
from gwbricks.bricks.stage import Stage
from gwbricks.errors import WiringError

Argument = str | dict[str, str] | None
"""A name, names by key (a pattern, or all inputs), or None: a missing optional."""


@dataclass(frozen=True, eq=False)
class Step:
    """A brick that is about to run.

    Args:
        path: Path of the brick, such as `gw.v.encode`.
        brick: The brick.
        function: What it calls; for a shared brick, the other brick's module.
        args: Positional arguments.
        kwargs: Keyword arguments.
        gradients: Whether a gradient graph is built for it in training.
    """

    path: str
    brick: Brick
    function: Callable[..., Any]
    args: tuple[Argument, ...]
    kwargs: dict[str, Argument]
    gradients: bool

    @property
    def reads(self) -> list[str]:
        """Names of the values that the brick is given, in order."""
        names: list[str] = []
        for arg in (*self.args, *self.kwargs.values()):
            names += [arg] if isinstance(arg, str) else list((arg or {}).values())
        return names

    def run(self, values: Mapping[str, Any], stage: Stage) -> dict[str, Any]:
        """Runs the brick on `values` and returns its outputs by name.

        Raises:
            WiringError: If the brick returns another number of values than it names.
        """
        args = [
            values[arg] if isinstance(arg, str) else _pick(arg, values)
            for arg in self.args
        ]
        kwargs = {key: _pick(arg, values) for key, arg in self.kwargs.items()}
        try:
            if self.gradients or not torch.is_grad_enabled():
                result = self.brick.call(self.function, stage, *args, **kwargs)
            else:
                with torch.no_grad():
                    result = self.brick.call(self.function, stage, *args, **kwargs)
        except Exception as error:
            error.add_note(
                f"in brick {self.path!r}, which read {self._describe(values)}"
            )
            raise
        try:
            return self.brick.name_outputs(result)
        except WiringError as error:
            raise WiringError(f"{self.path}.{error}") from None

    def _describe(self, values: Mapping[str, Any]) -> str:
        read = [f"{name} {_shape(values[name])}" for name in self.reads]
        return ", ".join(read) or "nothing"


def _pick(arg: Argument, values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - data of any type
    if isinstance(arg, str):
        return values[arg]
    if arg is None:
        return None
    return {key: values[name] for key, name in arg.items()}


def _shape(value: object) -> str:
    if isinstance(value, torch.Tensor):
        return f"{tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}"
    return type(value).__name__
