"""A model as a graph of bricks that is also a dictionary and a module."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import torch
from torch import nn, Tensor

from gwbricks.bricks.brick import Brick, BrickModule
from gwbricks.bricks.checks import check_metric_names, check_name, check_trainability
from gwbricks.bricks.draw import draw
from gwbricks.bricks.loss_output import LossOutput
from gwbricks.bricks.names import STAGE
from gwbricks.bricks.picture import Picture
from gwbricks.bricks.shared import function_of
from gwbricks.bricks.stage import Stage
from gwbricks.bricks.step import Step
from gwbricks.bricks.wiring import Wiring
from gwbricks.errors import WiringError


class BrickCollection(nn.ModuleDict):
    """Bricks, connected by the names that they read and write.

    Running it gives each brick its inputs, in an order that follows from the names, not
    from the dictionary. Neither the caller's dictionary nor its data is changed.

    Args:
        bricks: Bricks by name; nested dictionaries become nested collections. All names
            that bricks read and write are shared across nests.
        inputs: Names of the data, if known. The wiring is then checked at once, else at
            the first call.

    Raises:
        UnknownNameError: If a brick reads a name that nothing provides.
        WiringError: If two bricks write one name, bricks form a loop, a shared brick is
            not found, or a module is to be both trained and frozen.

    Example:
        >>> from gwbricks.bricks import BrickNotTrainable
        >>> double = BrickNotTrainable(lambda x: 2 * x, ["x"], ["y"])
        >>> BrickCollection({"double": double})({"x": 3}, Stage.INFERENCE)
        {'x': 3, 'y': 6}
    """

    def __init__(
        self,
        bricks: Mapping[str, Any],
        inputs: Iterable[str] | None = None,
        *,
        _nested: bool = False,
    ) -> None:
        super().__init__()
        self.inputs = None if inputs is None else frozenset(inputs)
        self._orders: dict[tuple[object, ...], tuple[Step, ...]] = {}
        self._nested = _nested
        self._signature: tuple[object, ...] = ()
        self.update(bricks)

    def __setitem__(self, key: str, module: nn.Module | Mapping[str, Any]) -> None:
        """Adds or replaces a brick; see `update`."""
        self.update({key: module})

    def update(self, modules: Mapping[str, Any]) -> None:
        """Adds or replaces bricks like a dictionary; the wiring is checked again.

        A nest may share bricks of the collection around it, so a change inside a nest
        is checked when that collection is run.
        """
        previous = dict(self._modules)
        self._modules |= {check_name(n): _as_brick(n, b) for n, b in modules.items()}
        if self._nested:
            return
        try:
            self.check()
        except WiringError:
            self._modules = previous
            raise

    def train(self, mode: bool = True) -> "BrickCollection":
        """Sets the mode; modules that are not trainable stay in eval mode."""
        super().train(mode)
        for brick in self.flat().values():  # a loss may hold a frozen brick's module
            if isinstance(brick, BrickModule) and brick.trainable is False:
                brick.eval()
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Leaves the cached orders out: they are found again after a copy."""
        return {**self.__dict__, "_orders": {}}

    def flat(self) -> dict[str, Brick]:
        """Returns all bricks by path, such as `gw.v.encode`."""
        bricks: dict[str, Brick] = {}
        for name, module in self.items():
            if isinstance(module, BrickCollection):
                bricks |= {
                    f"{name}.{path}": brick for path, brick in module.flat().items()
                }
            elif isinstance(module, Brick):
                bricks[name] = module
        return bricks

    def to_dict(self) -> dict[str, Any]:
        """Returns the bricks as nested dictionaries."""
        return {
            name: module.to_dict() if isinstance(module, BrickCollection) else module
            for name, module in self.items()
        }

    def check(self) -> None:
        """Checks the wiring of every stage.

        Raises:
            UnknownNameError: If a brick reads a name that nothing provides.
            WiringError: See `BrickCollection`.
        """
        self._orders.clear()
        bricks = self.flat()
        check_trainability(bricks)
        for path, brick in bricks.items():
            function_of(path, brick, bricks)
        for stage in Stage:
            wiring = Wiring(stage, bricks, self.inputs or frozenset())
            if wiring.order and self.inputs is not None:
                wiring.check_inputs(wiring.order)
            check_metric_names(wiring)
        self._signature = self._structure()

    def wiring(self, stage: Stage, given: Iterable[str] | None = None) -> Wiring:
        """Returns the graph of one stage for given names, or the declared inputs."""
        names = self.inputs or frozenset() if given is None else frozenset(given)
        return Wiring(stage, self.flat(), names)

    def forward(
        self,
        named_inputs: Mapping[str, Any],
        stage: Stage,
        return_inputs: bool = True,
        outputs: Collection[str] | None = None,
    ) -> dict[str, Any]:
        """Runs the bricks that are alive in `stage`.

        Gradients are off in all stages but training.

        Args:
            named_inputs: Data by name.
            stage: The stage.
            return_inputs: Whether the inputs are part of the result.
            outputs: Names that are wanted; only the bricks that they need are run, and
                metrics are not updated. None runs all.

        Returns:
            Every value that was computed, by name.

        Raises:
            UnknownNameError: If an input is missing, or an output does not exist.
            WiringError: If a name is both given and written by a brick.
        """
        values = self.run(named_inputs, stage, outputs, update_metrics=outputs is None)
        return {**named_inputs, **values} if return_inputs else values

    def run(
        self,
        named_inputs: Mapping[str, Any],
        stage: Stage,
        outputs: Collection[str] | None = None,
        update_metrics: bool = True,
        gradients_to: Collection[str] | None = None,
    ) -> dict[str, Any]:
        """Runs what is wanted and returns what was computed, without the inputs.

        Args:
            named_inputs: Data by name.
            stage: The stage.
            outputs: Names that are wanted; None means all.
            update_metrics: Whether metric bricks are run too.
            gradients_to: Outputs that gradients are wanted of; None means all.

        Raises:
            UnknownNameError: If an input is missing, or an output does not exist.
            WiringError: If a name is both given and written by a brick.
        """
        given = frozenset(named_inputs)
        key = (stage, given, _key(outputs), update_metrics, _key(gradients_to))
        if self._structure() != self._signature:
            self.check()
        if key not in self._orders:
            self._orders[key] = self._find_order(
                stage, given, outputs, update_metrics, gradients_to
            )
        values = {STAGE: stage, **named_inputs}
        computed: dict[str, Any] = {}
        with torch.set_grad_enabled(torch.is_grad_enabled() and stage is Stage.TRAIN):
            for step in self._orders[key]:
                results = step.run(values, stage)
                values.update(results)
                computed.update(results)
        return computed

    def steps(
        self,
        stage: Stage,
        given: Iterable[str],
        outputs: Collection[str] | None = None,
        update_metrics: bool = True,
    ) -> tuple[Step, ...]:
        """Returns the bricks that `run` would run, in order, ready to run."""
        return self._find_order(stage, frozenset(given), outputs, update_metrics, None)

    def _find_order(
        self,
        stage: Stage,
        given: frozenset[str],
        outputs: Collection[str] | None,
        update_metrics: bool,
        gradients_to: Collection[str] | None,
    ) -> tuple[Step, ...]:
        bricks = self.flat()
        wiring = Wiring(stage, bricks, given)
        wanted = {p for p, b in wiring.alive.items() if b.reduces and update_metrics}
        if outputs is None:
            wanted |= {p for p, b in wiring.alive.items() if not b.reduces}
        else:
            wanted |= set(wiring.paths_of(outputs))
        needed = wiring.ancestors(wanted)
        wiring.check_inputs(needed)
        trained = needed
        if gradients_to is not None:
            trained = wiring.ancestors(wiring.paths_of(gradients_to))
        return tuple(
            wiring.step(path, function_of(path, bricks[path], bricks), path in trained)
            for path in wiring.order
            if path in needed
        )

    def loss_names(self, stage: Stage = Stage.TRAIN) -> list[str]:
        """Returns the names of all losses of the stage, sorted."""
        alive = [b for b in self.flat().values() if b.is_alive(stage)]
        return sorted(name for brick in alive for name in brick.loss_output_names)

    def extract_losses(self, named_outputs: Mapping[str, Any]) -> dict[str, Tensor]:
        """Returns the losses among `named_outputs`, by name."""
        losses = {}
        for brick in self.flat().values():
            for name in brick.loss_output_names:
                if name in named_outputs:
                    value = named_outputs[name]
                    is_output = isinstance(value, LossOutput)
                    losses[name] = value.loss if is_output else value
        return losses

    def summarize(self, stage: Stage, reset: bool) -> dict[str, Any]:
        """Returns the metrics gathered in `stage`, by name.

        Args:
            stage: The stage.
            reset: Whether to start gathering anew.
        """
        metrics: dict[str, Any] = {}
        for _, brick in sorted(self.flat().items()):
            metrics |= brick.summarize(stage, reset)
        return metrics

    def draw(
        self,
        stage: Stage = Stage.TRAIN,
        inputs: Collection[str] | None = None,
        outputs: Collection[str] | None = None,
        detail: str = "full",
        shapes: Mapping[str, str] | None = None,
        legend: bool = True,
    ) -> str:
        """Returns the graph as mermaid text; for arguments see `Picture` and `draw`."""
        given = self.inputs if inputs is None else frozenset(inputs)
        return draw(Picture(stage, self.flat(), given, outputs), shapes, detail, legend)

    def _structure(self) -> tuple[object, ...]:
        parts: list[object] = []
        for name, module in self._modules.items():
            parts += [name, id(module)]
            if isinstance(module, BrickCollection):
                parts.append(module._structure())
        return tuple(parts)


def _key(names: Collection[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(names)


def _as_brick(name: str, brick: object) -> nn.Module:
    if isinstance(brick, Brick | BrickCollection):
        return brick
    if isinstance(brick, Mapping):
        return BrickCollection(brick, _nested=True)
    raise WiringError(
        f"bricks.{name}: {type(brick).__name__} is not a brick. Expected a brick or a"
        " dictionary of bricks. Fix: BrickTrainable(module, [...], [...])."
    )
