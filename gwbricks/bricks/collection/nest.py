"""Bricks in a dictionary that may hold further dictionaries, and is a module."""

from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from torch import nn

from gwbricks.bricks.brick import Brick, BrickModule
from gwbricks.bricks.collection.description import describe_bricks
from gwbricks.bricks.graph.checks import check_name
from gwbricks.errors import WiringError


class Nest(nn.ModuleDict):
    """Bricks and nests of bricks by name; a change that does not fit is taken back.

    Args:
        bricks: Bricks by name; nested dictionaries become nests.

    Raises:
        WiringError: If a name has a dot, a value is no brick, or bricks do not fit.
    """

    def __init__(self, bricks: Mapping[str, Any]) -> None:
        super().__init__()
        self._flat: tuple[Structure, dict[str, Brick]] = (EMPTY, {})
        self.update(bricks)

    @abstractmethod
    def check_change(self) -> None:
        """Checks that the bricks still fit together.

        Raises:
            WiringError: If they do not.
        """

    @abstractmethod
    def make_nest(self, bricks: Mapping[str, Any]) -> "Nest":
        """Returns a nest of the same kind, which is part of this one."""

    def __setitem__(self, key: str, module: nn.Module | Mapping[str, Any]) -> None:
        """Adds or replaces a brick; see `update`."""
        self.update({key: module})

    def update(self, modules: Mapping[str, Any]) -> None:
        """Adds or replaces bricks like a dictionary; the wiring is checked again.

        A nest may share bricks of the collection around it, so a change inside a nest
        is checked when that collection is run.

        Raises:
            WiringError: If they do not fit; nothing is changed then.
        """
        previous = dict(self._modules)
        self._modules |= {check_name(n): self._brick(n, b) for n, b in modules.items()}
        try:
            self.check_change()
        except WiringError:
            self._modules = previous
            raise

    def _brick(self, name: str, brick: object) -> nn.Module:
        if isinstance(brick, Brick | Nest):
            return brick
        if isinstance(brick, Mapping):
            return self.make_nest(brick)
        raise WiringError(
            f"bricks.{name}: {type(brick).__name__} is not a brick. Expected a brick or"
            " a dictionary of bricks. Fix: BrickTrainable(module, [...], [...])."
        )

    def flat(self) -> dict[str, Brick]:
        """Returns all bricks by path, such as `gw.v.encode`.

        A brick with relative names, such as `./x`, is one with full names here, which
        holds the same module.

        Raises:
            WiringError: If a relative name leads out of the collection.
        """
        if self.differs(self._flat[0]):
            bricks = {path: brick.within(path) for path, brick in self.written()}
            self._flat = (self.structure(), bricks)
        return dict(self._flat[1])

    def written(self, nest: str = "") -> Iterator[tuple[str, Brick]]:
        """Yields all bricks by path, with the names that they were written with.

        Args:
            nest: Path of this nest, with a dot.
        """
        for name, module in self.items():
            if isinstance(module, Nest):
                yield from module.written(f"{nest}{name}.")
            elif isinstance(module, Brick):
                yield nest + name, module

    def structure(self) -> "Structure":
        """Returns the bricks and nests that there are now; see `differs`.

        A nest may be changed without the collection around it being told, so that has
        to compare.
        """
        modules = dict(self._modules)
        nests = [module for module in modules.values() if isinstance(module, Nest)]
        return modules, [(nest, nest.structure()) for nest in nests]

    def differs(self, structure: "Structure") -> bool:
        """Whether a brick was added, replaced or removed since; asked at each call.

        Args:
            structure: What `structure` returned.
        """
        modules, nests = structure
        return self._modules != modules or any(  # modules are equal if they are one
            nest.differs(inner) for nest, inner in nests
        )

    def to_dict(self) -> dict[str, Any]:
        """Returns the bricks as nested dictionaries."""
        return {
            name: module.to_dict() if isinstance(module, Nest) else module
            for name, module in self.items()
        }

    def part(self, paths: Collection[str], nest: str = "") -> dict[str, Any]:
        """Returns the bricks with these paths as nested dictionaries.

        Args:
            paths: Paths of bricks.
            nest: Path of this nest, with a dot.
        """
        found: dict[str, Any] = {}
        for name, module in self.items():
            if isinstance(module, Nest):
                inner = module.part(paths, f"{nest}{name}.")
                found |= {name: inner} if inner else {}
            elif nest + name in paths:
                found[name] = module
        return found

    def train(self, mode: bool = True) -> "Nest":
        """Sets the mode; modules that are not trainable stay in eval mode."""
        super().train(mode)
        for _, brick in self.written():  # a loss may hold a frozen brick's module
            if isinstance(brick, BrickModule) and brick.trainable is False:
                brick.eval()
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Leaves out what is cached, and gives a copy a dictionary of its own.

        Else a change of a shallow copy would change the original.
        """
        modules = dict(self._modules)
        return {**self.__dict__, "_flat": (EMPTY, {}), "_modules": modules}

    def __repr__(self) -> str:
        """Lists the bricks as they were written, one on a line, sorted by path."""
        return describe_bricks(type(self).__name__, dict(self.written()))


Structure = tuple[Mapping[str, nn.Module | None], list[tuple[Nest, Any]]]
"""The modules of a nest by name, and the structure of each nest among them."""

EMPTY: Structure = ({}, [])
