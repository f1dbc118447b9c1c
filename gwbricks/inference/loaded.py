"""Loads a trained run, and computes states and raw data from raw data."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor

from gwbricks.bricks import Stage
from gwbricks.config.instantiate import instantiate
from gwbricks.data import TableDataModule
from gwbricks.data.array_files import present_rows
from gwbricks.data.pairing import by_presence
from gwbricks.errors import ConfigError
from gwbricks.experiment.build import build_graph
from gwbricks.inference.outputs import Outputs
from gwbricks.inference.raw_rows import (
    assemble,
    like,
    read_columns,
    Rows,
    Shape,
    shape_of_rows,
)
from gwbricks.inference.saved_run import read_run
from gwbricks.seeding import derive_seed, seed_torch
from gwbricks.training import LightningBrickCollection
from gwbricks.training.checkpoints import load_weights
from gwbricks.workspace import WorkspaceView
from gwbricks.workspace.metrics import Matches, most_similar

Chunk = tuple[tuple[str, ...], Tensor]
"""Names of the data that rows have, and the rows; they are computed together."""


def load(
    target: str | PathLike[str],
    device: str | torch.device = "cpu",
    batch_size: int = 1024,
    trust: str | Sequence[str] = (),
) -> "LoadedRun":
    """Loads a trained run, to use it on raw data.

    The run's data set is not needed, and not read.

    Args:
        target: A run folder, or a lone checkpoint, which holds its config.
        device: Where to compute.
        batch_size: Most rows that are computed at once.
        trust: Packages of which the config may build classes, besides gwbricks, torch,
            torchmetrics and Lightning.

    Raises:
        CheckpointError: If there is no checkpoint, or it does not fit.
        ConfigError: If the config cannot be built here, or the device is not there.
    """
    if batch_size < 1:
        raise ConfigError(f"batch_size: {batch_size}. Expected 1 or more.")
    trusted = [trust] if isinstance(trust, str) else list(trust)
    config, weights = read_run(Path(target), (), trusted)
    _, make_module = build_graph(config, trusted)
    module = make_module(config=config)
    load_weights(module, weights, str(target))
    try:
        module.to(device).eval()
    except (RuntimeError, AssertionError) as error:
        message = str(error).splitlines()[0].rstrip(".")
        raise ConfigError(f"device: {device!r}: {message}. Fix: 'cpu'.") from error
    return LoadedRun(config, module, batch_size, trusted)


class LoadedRun:
    """A trained run; `load` makes it.

    Every method takes raw data: a mapping of some domains to tensors or numpy arrays of
    matched rows, of shape `(rows, ...)`. One item is one row, `x[None]`. Raw data are
    what the run's data set (`data`) holds: where that is standardised, give rows that
    are standardised the same way, and expect such results. A row of NaN says that the
    item lacks the domain. Where nothing can be computed, the result is a row of NaN.

    Tensors are returned for tensors, on the device of the run, and numpy arrays for
    numpy arrays. Modules are in eval mode, no gradients are calculated, and a call with
    the same rows gives the same result.

    Args:
        config: The run's config.
        module: The graph with its weights, on its device.
        batch_size: Most rows that are computed at once.
        trusted: See `resolve_target`.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        module: LightningBrickCollection,
        batch_size: int,
        trusted: Sequence[str] = (),
    ) -> None:
        self.config = config
        self.module = module
        self.batch_size = batch_size
        self.view = WorkspaceView(module.brick_collection)
        self._trusted = trusted

    def __repr__(self) -> str:
        return f"LoadedRun(domains={self.domains})"

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains of the workspace, sorted; none if the run has no workspace."""
        return self.view.domains

    @cached_property
    def data(self) -> LightningDataModule:
        """The run's data module: what `data.splits["test"].columns` holds is raw data.

        Raises:
            ConfigError: If the data set is not here.
        """
        seed = self.config["seed"]
        return instantiate(self.config["data"], "data", seed, self._trusted)

    def encode(self, x: Mapping[str, Rows]) -> Any:  # noqa: ANN401 - like the input
        """Returns the workspace's state of each row, of shape `(rows, dim)`.

        Raises:
            ConfigError: See `run`.
        """
        self._check((), "encode")
        return self.run(x, ["state"])["state"]

    def translate(self, x: Mapping[str, Rows], to: str) -> Any:  # noqa: ANN401 - like the input
        """Returns raw data of one domain, decoded from the state of all given domains.

        Args:
            x: Raw data of one domain, or several.
            to: The domain that is wanted; one of those given is fine.

        Raises:
            ConfigError: See `run`.
        """
        self._check([to], "to")
        return self.run(x, [f"{to}/raw"])[f"{to}/raw"]

    def broadcast(self, x: Mapping[str, Rows]) -> dict[str, Any]:
        """Returns raw data of every domain, decoded from the state of all given ones.

        Raises:
            ConfigError: See `run`.
        """
        self._check((), "broadcast")
        found = self.run(x, [f"{name}/raw" for name in self.domains])
        return {name: found[f"{name}/raw"] for name in self.domains}

    def cycle(
        self, x: Mapping[str, Rows], through: str | Iterable[str] | None = None
    ) -> dict[str, Any]:
        """Returns raw data of the given domains, translated to others and back.

        Args:
            x: Raw data of one domain, or several.
            through: The domains that are decoded and encoded again, together; None for
                all that are not given.

        Raises:
            ConfigError: See `run`; or if there is no domain to go through.
        """
        absent = [name for name in self.domains if name not in {*x}]
        names = self._check(absent if through is None else through, "through")
        if not names:
            raise ConfigError(
                "through: there is no domain to go through. Fix: give fewer domains, or"
                f" name one of {', '.join(self.domains)}."
            )

        def compute(rows: Mapping[str, Tensor]) -> dict[str, Any]:
            return self.view.cycle(rows, names, [f"{name}/raw" for name in rows])

        found = self._compute(x, [f"{name}/raw" for name in x], compute)
        return {name: found[f"{name}/raw"] for name in x}

    def retrieve(
        self, queries: Mapping[str, Rows], gallery: Mapping[str, Rows], k: int = 5
    ) -> Matches:
        """Finds the items of a gallery whose states are most like those of queries.

        States are compared by cosine similarity, as in `RetrievalRecall`.

        Args:
            queries: Raw data of one domain, or several; each row is a query.
            gallery: Raw data of one domain, or several, such as another.
            k: Number of items that are wanted.

        Raises:
            ConfigError: See `run`; or if `k` is not between 1 and the gallery's rows.
        """
        states = {
            key: self._encode_all(x, key)
            for key, x in (("queries", queries), ("gallery", gallery))
        }
        rows = len(states["gallery"])
        if not isinstance(k, int) or not 1 <= k <= rows:
            raise ConfigError(
                f"k: {k}. Expected a whole number, 1 or more, and at most the gallery's"
                f" {rows} rows."
            )
        found = most_similar(states["queries"], states["gallery"], k)
        return Matches(*(like(value, queries) for value in found))

    def _encode_all(self, x: Mapping[str, Rows], key: str) -> Tensor:
        states = torch.as_tensor(self.encode(x))
        lacking = states.isnan().all(dim=1)
        if lacking.any():
            raise ConfigError(
                f"{key}: row {int(lacking.nonzero()[0])} has no domain, so it has no"
                " state. Fix: leave it out."
            )
        return states

    def run(
        self,
        x: Mapping[str, Rows],
        outputs: Sequence[str],
        present: Mapping[str, Tensor] | None = None,
        track: Callable[[Sequence[Chunk]], Iterable[Chunk]] = iter,
    ) -> dict[str, Any]:
        """Returns values of the graph by name; the graph may have no workspace.

        Args:
            x: Raw data by name.
            outputs: Names of the graph, such as `logits`, or routes in raw space, such
                as `v-to-t` and `v-through-t`, which take only what they name from each
                row.
            present: Which rows there are of each, of shape `(rows,)`; None for those
                that are not NaN.
            track: Iterates over the chunks that are computed; may show progress.

        Raises:
            UnknownNameError: If a name of data or an output does not exist.
            ConfigError: If rows differ, have another shape, or lack what an output
                needs.
        """
        compute = Outputs(self.view, outputs)
        return self._compute(x, outputs, compute, present, track)

    def _compute(
        self,
        x: Mapping[str, Rows],
        outputs: Iterable[str],
        compute: Callable[[dict[str, Tensor]], Mapping[str, Any]],
        present: Mapping[str, Tensor] | None = None,
        track: Callable[[Sequence[Chunk]], Iterable[Chunk]] = iter,
    ) -> dict[str, Any]:
        columns = read_columns(x, self.view.inputs, self._item_shape, self._dtype)
        rows = len(next(iter(columns.values())))
        if present is None:
            present = {n: present_rows(n, c, "x").cpu() for n, c in columns.items()}
        chunks = [
            (group, items)
            for group, found in by_presence(present).items()
            for items in found.split(self.batch_size)
        ]
        parts: dict[str, list[tuple[Tensor, Any]]] = {name: [] for name in outputs}
        with isolate_rng():  # the same rows give the same result, whatever was drawn
            seed_torch(derive_seed(self.config["seed"], Stage.INFERENCE.value))
            for group, items in track(chunks):
                batch = {n: columns[n][items].to(self.module.device) for n in group}
                for name, value in compute(batch).items():
                    parts[name].append((items, value))
        found = {name: assemble(name, made, rows) for name, made in parts.items()}
        return {name: like(value, x) for name, value in found.items()}

    @cached_property
    def _dtype(self) -> torch.dtype:
        dtypes = (p.dtype for p in self.module.parameters() if p.is_floating_point())
        return next(dtypes, torch.get_default_dtype())

    def _item_shape(self, name: str) -> Shape | None:
        """Returns the shape of a row, from the config or else from the data set."""
        node = (self.config.get("domains") or {}).get(name, {})
        known = shape_of_rows(node, self.view.domain_mods.get(name))
        return self._data_shapes.get(name) if known is None else known

    @cached_property
    def _data_shapes(self) -> dict[str, Shape]:
        try:
            data = self.data
            is_table = isinstance(data, TableDataModule)
            columns = data.splits["train"].columns if is_table else {}
        except ConfigError:
            return {}
        return {name: tuple(column.shape[1:]) for name, column in columns.items()}

    def _check(self, names: str | Iterable[str], key: str) -> list[str]:
        return self.view.check_domains(names, key)
