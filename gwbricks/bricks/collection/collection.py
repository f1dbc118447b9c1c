"""A model as a graph of bricks that is also a dictionary and a module."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from torch import Tensor

from gwbricks.bricks.collection.nest import EMPTY, Nest
from gwbricks.bricks.drawing.mermaid import draw
from gwbricks.bricks.drawing.picture import Picture
from gwbricks.bricks.gradients import gradients_in
from gwbricks.bricks.graph.checks import check_metric_names, check_trainability
from gwbricks.bricks.graph.needs import required_inputs, unread_bricks
from gwbricks.bricks.graph.order import find_steps
from gwbricks.bricks.graph.paths import select
from gwbricks.bricks.graph.shapes import ShapeTrace
from gwbricks.bricks.graph.shared import check_kept, function_of
from gwbricks.bricks.graph.step import Step
from gwbricks.bricks.graph.wiring import Wiring
from gwbricks.bricks.loss_output import LossOutput
from gwbricks.bricks.names import STAGE
from gwbricks.bricks.shape_text import shape_text
from gwbricks.bricks.stage import parse_stage, Stage


class BrickCollection(Nest):
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
        self.inputs = None if inputs is None else frozenset(inputs)
        self._orders: dict[tuple[object, ...], tuple[Step, ...]] = {}
        self._nested = _nested
        self._checked = EMPTY
        super().__init__(bricks)

    def __getstate__(self) -> dict[str, Any]:
        """Leaves what is cached out: it is found again after a copy."""
        return {**super().__getstate__(), "_orders": {}, "_checked": EMPTY}

    def make_nest(self, bricks: Mapping[str, Any]) -> "BrickCollection":
        """Returns a collection that is checked as a part of this one."""
        return BrickCollection(bricks, _nested=True)

    def check_change(self) -> None:
        """Checks the wiring, but for a nest: the collection around it may share."""
        if not self._nested:
            self.check()

    def check(self) -> None:
        """Checks the wiring of every stage.

        Raises:
            UnknownNameError: If a brick reads a name that nothing provides.
            WiringError: See `BrickCollection`.
        """
        self._orders.clear()
        bricks = self.flat()
        check_trainability(bricks)
        for path in bricks:
            function_of(path, bricks)
        for stage in Stage:
            wiring = Wiring(stage, bricks, self.inputs or frozenset())
            if wiring.order and self.inputs is not None:
                wiring.check_inputs(wiring.order)
            check_metric_names(wiring)
        self._checked = self.structure()

    def wiring(self, stage: Stage, given: Iterable[str] | None = None) -> Wiring:
        """Returns the graph of one stage for given names, or the declared inputs."""
        names = self.inputs or frozenset() if given is None else frozenset(given)
        return Wiring(stage, self.flat(), names)

    def forward(
        self,
        named_inputs: Mapping[str, Any],
        stage: Stage | str,
        return_inputs: bool = True,
        outputs: Collection[str] | None = None,
    ) -> dict[str, Any]:
        """Runs the bricks that are alive in `stage`.

        Gradients are off in all stages but training.

        Args:
            named_inputs: Data by name.
            stage: The stage, or its name, such as `train`.
            return_inputs: Whether the inputs are part of the result.
            outputs: Names that are wanted; only the bricks that they need are run, and
                metrics are not updated. None runs all.

        Returns:
            Every value that was computed, by name.

        Raises:
            UnknownNameError: If an input is missing, or an output does not exist.
            WiringError: If a name is both given and written by a brick.
        """
        stage = parse_stage(stage)
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
        if self.differs(self._checked):
            self.check()
        if key not in self._orders:  # an order follows from names, not from values
            self._orders[key] = find_steps(
                self.wiring(stage, given), outputs, update_metrics, gradients_to
            )
        values = {STAGE: stage, **named_inputs}
        computed: dict[str, Any] = {}
        with gradients_in(stage):
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
        return find_steps(self.wiring(stage, given), outputs, update_metrics)

    def trace_shapes(
        self,
        named_inputs: Mapping[str, Any],
        stage: Stage,
        outputs: Collection[str] | None = None,
    ) -> dict[str, Any]:
        """Returns what `forward` would, with tensors that only have shapes and dtypes.

        Nothing is computed where that can be avoided (see `ShapeTrace`), and nothing is
        changed: no weights, buffers, metrics or random state.

        Args:
            named_inputs: Data by name; tensors may be on the meta device.
            stage: The stage.
            outputs: Names that are wanted, without metrics; None for all.

        Raises:
            UnknownNameError: If an input is missing, or an output does not exist.
            WiringError: If shapes do not fit a brick; it names the brick and what it
                read.
        """

        def find(copy: BrickCollection) -> tuple[Step, ...]:
            return copy.steps(stage, named_inputs, outputs, outputs is None)

        with gradients_in(stage):
            return ShapeTrace(self, find, named_inputs, stage).run()

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

    def required_inputs(
        self, stage: Stage, outputs: Collection[str] | None = None
    ) -> frozenset[str]:
        """Returns the names that the data must have; see `required_inputs`."""
        return required_inputs(self.flat(), stage, outputs)

    def unread_bricks(self, stage: Stage) -> list[str]:
        """Returns the paths of bricks that nothing reads; see `unread_bricks`."""
        return unread_bricks(self.flat(), stage)

    def sub_collection(
        self, stage: Stage | None = None, bricks: Iterable[str] | None = None
    ) -> "BrickCollection":
        """Returns a collection of some of the bricks; the modules are the same.

        Its inputs are not declared: they may be others, so the first call checks them.

        Args:
            stage: Only bricks that are alive in it; None for any.
            bricks: Paths of bricks and nests, such as `gw.v`; None for all.

        Raises:
            UnknownNameError: If a path does not exist.
            WiringError: If a shared brick is left without the one it shares.
        """
        known = dict(self.written())
        chosen = set(known) if bricks is None else select(bricks, known, "bricks")
        if stage is not None:
            chosen = {path for path in chosen if known[path].is_alive(stage)}
        check_kept(chosen, known)
        return BrickCollection(self.part(chosen))

    def draw(
        self,
        stage: Stage = Stage.TRAIN,
        inputs: Collection[str] | None = None,
        outputs: Collection[str] | None = None,
        detail: str = "full",
        shapes: Mapping[str, Any] | None = None,
        legend: bool = True,
    ) -> str:
        """Returns the graph as mermaid text; for arguments see `Picture` and `draw`.

        Shapes are texts, or values such as `trace_shapes` returns.
        """
        given = self.inputs if inputs is None else frozenset(inputs)
        texts = {
            name: shape if isinstance(shape, str) else shape_text(shape)
            for name, shape in (shapes or {}).items()
        }
        return draw(Picture(stage, self.flat(), given, outputs), texts, detail, legend)


def _key(names: Collection[str] | None) -> tuple[str, ...] | str | None:
    return names if names is None or isinstance(names, str) else tuple(names)
