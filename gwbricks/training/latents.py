"""Latents of frozen domains, computed once instead of in every step."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor

from gwbricks.bricks import BrickModule, Stage
from gwbricks.bricks.graph.step import Step
from gwbricks.data import TableDataModule
from gwbricks.data.table import LAYOUT
from gwbricks.domains import DomainModule
from gwbricks.errors import ConfigError
from gwbricks.training.module import LightningBrickCollection
from gwbricks.workspace.planning.planner import Planner

ROWS = 512
"""Number of rows that are encoded at once."""

Keep = Callable[
    [str, Sequence[Tensor], Callable[[], Tensor], Callable[[Tensor], bool]], Tensor
]
"""Returns latents of before, or makes them.

It is given the name of a domain, the weights and rows that latents are made of, what
makes them, and what tells whether those of before are the same.
"""


def make_anew(
    name: str,
    sources: Sequence[Tensor],
    make: Callable[[], Tensor],
    fits: Callable[[Tensor], bool],
) -> Tensor:
    """Makes latents, and keeps them for no other run."""
    del name, sources, fits
    return make()


class CachedLatents:
    """Gives loaders latents in the place of raw data that nothing else reads.

    It returns a split's columns; see `TableDataModule.with_columns`. When a split is
    first loaded, every frozen domain that is `cacheable` encodes all of its rows, with
    the weights and on the device that it then has, in the precision of the Trainer.
    Groups, order and all other columns stay what they are, and so do the results.

    Args:
        module: The graph, and the losses that are wanted.
        data: The data module.
        domains: Domains whose latents may be kept; None for all.
        required: Those whose latents must not be random; see `check_cacheable`.
        keep: Keeps latents for other runs.
    """

    def __init__(
        self,
        module: LightningBrickCollection,
        data: TableDataModule,
        domains: Collection[str] | None = None,
        required: Collection[str] = (),
        keep: Keep = make_anew,
    ) -> None:
        self.module = module
        self.data = data
        self.required = frozenset(required)
        self.keep = keep
        self._bricks = {
            name: brick
            for name, brick in _frozen(module).items()
            if brick.model.cacheable and (domains is None or name in domains)
        }
        self._columns: dict[str, dict[str, Tensor]] = {}

    def __call__(
        self, split: str, trainer: Trainer | None = None
    ) -> Mapping[str, Tensor]:
        """Returns the columns that batches of a split have.

        Args:
            split: Name of the split.
            trainer: Says in which precision domains encode; None for that of torch.

        Raises:
            ConfigError: If a required domain encodes the same rows in different ways.
        """
        if split not in self._columns:
            self._columns[split] = self._prepare(split, trainer)
        return self._columns[split]

    def _prepare(self, split: str, trainer: Trainer | None) -> dict[str, Tensor]:
        stage = Stage(split.partition("_")[0])
        columns, present = self.data.splits[split].columns, self.data.present(split)
        given = {name for name in self.data.columns if name in columns}
        run = [step.brick for step in self._steps(stage, given)]
        made = {}
        for name, brick in self._bricks.items():
            if brick in run and name in given and present[name].any():
                encode = partial(self._encode_some, brick, trainer)
                rows, there = columns[name], present[name]
                latents = self._encode(name, brick, encode, rows, there)
                if latents is not None:
                    made[brick.output_names[0]] = latents
        steps = self._steps(stage, {*given, *made})
        read = {name for step in steps if not _plans(step) for name in step.reads}
        sources = {name.partition("/")[0] for name in made}
        return {
            n: c for n, c in columns.items() if n in read or n not in sources
        } | made

    def _steps(self, stage: Stage, given: Collection[str]) -> Sequence[Step]:
        """Returns the bricks that run where a batch has `given`."""
        names = frozenset({*given, LAYOUT})
        losses = self.module.loss_names(stage, names)
        return self.module.brick_collection.steps(stage, names, losses)

    def _encode(
        self,
        name: str,
        brick: BrickModule,
        encode: Callable[[Tensor, Tensor], Tensor],
        rows: Tensor,
        present: Tensor,
    ) -> Tensor | None:
        """Returns the latents, zeros where there is none; None if they are random."""
        items = present.nonzero().flatten()
        some = items[:ROWS]
        with isolate_rng():
            first, again = (encode(rows, some) for _ in range(2))
        if not _is_close(first, again):
            return self._refuse(name, brick)

        def make() -> Tensor:
            latents = first.new_zeros(len(rows), *first.shape[1:])
            for part in items.split(ROWS):
                latents[part] = encode(rows, part)
            return latents

        weights = [value for _, value in sorted(brick.model.state_dict().items())]
        return self.keep(
            name,
            [*weights, rows, present],
            make,
            lambda latents: _is_close(latents[some], first),
        )

    @torch.no_grad()
    def _encode_some(
        self, brick: BrickModule, trainer: Trainer | None, rows: Tensor, items: Tensor
    ) -> Tensor:
        taken = rows.index_select(0, items).to(self.module.device)
        if trainer is None:
            return brick.function(taken).cpu()
        with trainer.precision_plugin.forward_context():
            return brick.function(trainer.precision_plugin.convert_input(taken)).cpu()

    def _refuse(self, name: str, brick: BrickModule) -> None:
        if name in self.required:
            raise ConfigError(
                f"domains.{name}.cache: true, but {type(brick.model).__name__} encodes"
                " the same rows in different ways. Fix: false."
            )


def check_cacheable(name: str, module: DomainModule, trainable: bool) -> None:
    """Checks that latents of a domain may be computed once.

    Args:
        name: Name of the domain.
        module: The domain.
        trainable: Whether it is trained.

    Raises:
        ConfigError: If they may not.
    """
    if trainable:
        raise ConfigError(
            f"domains.{name}.cache: true, but the domain is trained, so its latents"
            f" change. Fix: false, or domains.{name}.trainable=false."
        )
    if not module.cacheable:
        kind = type(module).__name__
        raise ConfigError(
            f"domains.{name}.cache: true, but {kind} does not say that its latents can"
            f" be computed once. Fix: false, or cacheable = True in {kind}."
        )


def _frozen(module: LightningBrickCollection) -> dict[str, BrickModule]:
    """Returns the bricks whose outputs data may have instead, by what they read."""
    bricks = module.brick_collection.flat().values()
    return {
        brick.reads[0].name: brick
        for brick in bricks
        if brick.replaceable and isinstance(brick, BrickModule) and brick.reads
    }


def _plans(step: Step) -> bool:
    """Whether a brick only looks at raw data to find out on which device it is."""
    return isinstance(getattr(step.brick, "model", None), Planner)


def _is_close(found: Tensor, expected: Tensor) -> bool:
    same = found.shape == expected.shape and found.dtype == expected.dtype
    return same and torch.allclose(found, expected, rtol=1e-3, atol=1e-5)
