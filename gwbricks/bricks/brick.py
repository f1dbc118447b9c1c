"""The abstract brick, and the brick around a module."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import replace
from typing import Any

from torch import nn

from gwbricks.bricks.binding import bind, find
from gwbricks.bricks.gradients import gradients_if, gradients_in
from gwbricks.bricks.names import InputNames, is_relative, parse_reads, resolve, STAGE
from gwbricks.bricks.stage import parse_stages, Stage
from gwbricks.errors import UnknownNameError, WiringError


class Brick(nn.Module, ABC):
    """A node of the graph: the names it reads and writes, and when it is alive.

    Abstract: build one of its subclasses.

    Args:
        input_names: Names in the order of the positional arguments, a mapping of data
            name to argument name, or `"all"`: everything but its own outputs, as one
            dictionary. `x?` may be missing (None is passed), `*/x` passes a mapping of
            all names that match (`*/x?` also if there is none), `stage` is the stage.
            `./x` and `../x` start from the nest that the brick is in.
        output_names: One name for each value that is returned.
        alive_stages: Stages in which the brick runs: a list, `"all"` or `"none"`.
        loss_output_names: Outputs that are losses: a list, `"all"` or `"none"`.
        calculate_gradients: Whether gradients flow through the brick in training.
        skip_missing: Whether the brick, and what needs its outputs, is left out where
            the data it reads is missing, instead of raising.

    Raises:
        UnknownNameError: If a stage or a loss output does not exist.
        WiringError: If an output name is given twice, or `input_names` is malformed.
    """

    reduces = False
    """Whether the brick is run for its effect (metrics), not for its outputs."""

    replaceable = False
    """Whether the brick is left out, instead of raising, if its outputs are given."""

    def __init__(
        self,
        input_names: InputNames,
        output_names: Iterable[str],
        alive_stages: Iterable[Stage | str] | str = "all",
        loss_output_names: Iterable[str] | str = "none",
        calculate_gradients: bool = True,
        skip_missing: bool = False,
    ) -> None:
        super().__init__()
        self.input_names = input_names
        self.reads = parse_reads(input_names)
        self.output_names = _names(output_names, "output_names")
        self.alive_stages = parse_stages(alive_stages, "alive_stages")
        self.loss_output_names = _loss_names(loss_output_names, self.output_names)
        self.calculate_gradients = calculate_gradients
        self.skip_missing = skip_missing
        if duplicated := {
            n for n in self.output_names if self.output_names.count(n) > 1
        }:
            raise WiringError(f"output_names: {min(duplicated)!r} is given twice.")

    @property
    @abstractmethod
    def function(self) -> Callable[..., Any]:
        """What is called with the inputs."""

    @property
    @abstractmethod
    def label(self) -> str:
        """Name of what the brick wraps, for tables and pictures."""

    def within(self, path: str) -> "Brick":
        """Returns the brick with its relative names resolved; itself if it has none.

        The module is the same, and nothing is copied.

        Args:
            path: Path of the brick, such as `gw.v.encode`.

        Raises:
            WiringError: If a name leads out of the collection.
        """
        reads = self.reads or ()
        names = [*(read.name for read in reads), *self.output_names]
        if not any(map(is_relative, names)):
            return self
        brick = copy(self)  # shallow: both hold the same weights
        if self.reads is not None:
            brick.reads = tuple(replace(r, name=resolve(r.name, path)) for r in reads)
        brick.output_names = tuple(resolve(n, path) for n in self.output_names)
        brick.loss_output_names = tuple(
            resolve(n, path) for n in self.loss_output_names
        )
        return brick

    def extra_repr(self) -> str:
        """Returns what the brick reads and writes."""
        return self.wires

    @property
    def wires(self) -> str:
        """What the brick reads and writes, for people."""
        reads = "all" if self.reads is None else ", ".join(map(str, self.reads))
        return f"{reads or '()'} -> {', '.join(self.output_names) or '()'}"

    def is_alive(self, stage: Stage) -> bool:
        """Whether the brick runs in `stage`."""
        return stage in self.alive_stages

    def call(
        self, function: Callable[..., Any], stage: Stage, *args: Any, **kwargs: Any
    ) -> Any:  # noqa: ANN401 - whatever the module takes and returns
        """Calls `function`, which is `self.function` or that of the brick it shares."""
        del stage
        return function(*args, **kwargs)

    def name_outputs(self, result: object) -> dict[str, Any]:
        """Returns what the module returned, by output name.

        Raises:
            WiringError: If there are more or fewer values than names.
        """
        names = self.output_names
        if len(names) == 1:
            return {names[0]: result}
        if not names:
            return {}
        if isinstance(result, Mapping) and set(result) == set(names):
            return {name: result[name] for name in names}
        if not isinstance(result, tuple | list) or len(result) != len(names):
            count = len(result) if isinstance(result, tuple | list) else 1
            raise WiringError(
                f"output_names: {len(names)} names ({', '.join(names)}) for {count}"
                f" returned value{'s' if count != 1 else ''}. Fix: name each of them."
            )
        return dict(zip(names, result, strict=True))

    def forward(self, named_inputs: Mapping[str, Any], stage: Stage) -> dict[str, Any]:
        """Runs the brick on its own and returns its outputs by name.

        Raises:
            UnknownNameError: If an input is missing.
        """
        if not self.is_alive(stage):
            return {}
        args, kwargs = self.arguments(named_inputs, stage)
        with gradients_in(stage), gradients_if(self.calculate_gradients):
            return self.name_outputs(self.call(self.function, stage, *args, **kwargs))

    def arguments(
        self, named_inputs: Mapping[str, Any], stage: Stage
    ) -> tuple[list[Any], dict[str, Any]]:
        """Picks the positional and keyword arguments out of `named_inputs`.

        Raises:
            UnknownNameError: If an input is missing.
        """
        own = self.output_names
        for read in self.reads or ():
            if not read.optional and not find(read, named_inputs, own):
                raise UnknownNameError("input_names", read.name, named_inputs)
        return bind(self.reads, named_inputs, own).pick({STAGE: stage, **named_inputs})

    def summarize(self, stage: Stage, reset: bool) -> dict[str, Any]:
        """Returns the metrics gathered in `stage`, by name; none for most bricks."""
        del stage, reset
        return {}


class BrickModule(Brick):
    """A module, or one of its methods, as a brick.

    Args:
        model: A module or any callable.
        input_names: See `Brick`.
        output_names: See `Brick`.
        alive_stages: See `Brick`.
        loss_output_names: See `Brick`.
        calculate_gradients: See `Brick`.
        trainable: True trains the weights, False freezes them and keeps the module in
            eval mode, None leaves them as they are.
        method: Name of the method to call; None calls the module itself.
        skip_missing: See `Brick`.

    Raises:
        UnknownNameError: If `model` has no such method.
    """

    def __init__(
        self,
        model: Callable[..., Any],
        input_names: InputNames,
        output_names: Iterable[str],
        alive_stages: Iterable[Stage | str] | str = "all",
        loss_output_names: Iterable[str] | str = "none",
        calculate_gradients: bool = True,
        trainable: bool | None = True,
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
        self.model: Any = model
        self.trainable = trainable
        self.method = method
        check_method(model, method)
        if isinstance(model, nn.Module) and trainable is not None:
            model.requires_grad_(trainable)
            self.train()

    @property
    def function(self) -> Callable[..., Any]:
        """The module, or its method."""
        return self.model if self.method is None else getattr(self.model, self.method)

    @property
    def label(self) -> str:
        """Class of the module, and the method if it is not `forward`."""
        name = getattr(self.model, "__name__", type(self.model).__name__)
        return name if self.method is None else f"{name}.{self.method}"

    def train(self, mode: bool = True) -> "BrickModule":
        """Sets the mode; a module that is not trainable stays in eval mode."""
        super().train(mode and self.trainable is not False)
        return self


def check_method(model: object, method: str | None) -> None:
    """Checks that `model` has the method.

    Raises:
        UnknownNameError: If it does not.
    """
    if method is not None and not callable(getattr(model, method, None)):
        known = [n for n in dir(type(model)) if not n.startswith("_")]
        # the methods of every module are a hundred that nobody means
        known = [n for n in known if n not in dir(nn.Module)]
        raise UnknownNameError(f"method of {type(model).__name__}", method, known)


def _names(names: Iterable[str], key: str) -> tuple[str, ...]:
    if isinstance(names, str):
        raise WiringError(f"{key}: {names!r} is a string. Fix: [{names}].")
    return tuple(names)


def _loss_names(
    names: Iterable[str] | str, outputs: tuple[str, ...]
) -> tuple[str, ...]:
    if isinstance(names, str):
        choices = {"all": outputs, "none": ()}
        if names in choices:
            return choices[names]
        names = [names]
    for name in names:
        if name not in outputs:
            raise UnknownNameError("loss_output_names", name, outputs)
    return tuple(names)
