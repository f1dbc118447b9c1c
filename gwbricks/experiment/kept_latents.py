"""Which domains' latents are computed once, and where they are kept."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningDataModule
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from gwbricks.data import TableDataModule
from gwbricks.errors import ConfigError
from gwbricks.experiment.build import Experiment
from gwbricks.experiment.kept_weights import digest
from gwbricks.training.latents import CachedLatents, check_cacheable
from gwbricks.whole_file import make_folder, whole_file
from gwbricks.workspace import WorkspaceDomain

LONG = 10.0
"""Seconds of work that are worth a file."""

LATENTS = "latents"
"""Folder in `paths.outputs`, and name of the tensor in each of its files."""


def check_latents(
    config: Mapping[str, Any],
    domains: Mapping[str, WorkspaceDomain],
    data: LightningDataModule,
) -> None:
    """Checks that latents can be computed once where the config says so.

    Args:
        config: A resolved config.
        domains: The domains.
        data: The data module.

    Raises:
        ConfigError: If they cannot.
    """
    for name, domain in sorted(domains.items()):
        if config["domains"][name].get("cache") is True:
            check_cacheable(name, domain.module, domain.trainable)
            if not isinstance(data, TableDataModule):
                raise ConfigError(
                    f"domains.{name}.cache: true, but only data of gwbricks' own kind"
                    " (TableDataModule) can hold latents. Fix: false."
                )


def with_latents(experiment: Experiment) -> LightningDataModule:
    """Returns the data, with latents in batches where they can be computed once.

    Args:
        experiment: The experiment, checked by `check_latents`.
    """
    data, module, config = experiment.data, experiment.module, experiment.config
    choices = {
        name: node.get("cache", "auto")
        for name, node in (config.get("domains") or {}).items()
    }
    if not choices or not isinstance(data, TableDataModule):
        return data
    domains = [name for name, choice in choices.items() if choice is not False]
    required = [name for name, choice in choices.items() if choice is True]
    keep = LatentFiles(config)
    return data.with_columns(CachedLatents(module, data, domains, required, keep))


@dataclass(frozen=True)
class LatentFiles:
    """Keeps latents that took long to compute in files, which are memory-mapped.

    Args:
        config: A resolved config.
    """

    config: Mapping[str, Any]

    def __call__(
        self,
        name: str,
        sources: Sequence[Tensor],
        make: Callable[[], Tensor],
        fits: Callable[[Tensor], bool],
    ) -> Tensor:
        """Returns latents of before, or makes them and keeps them if that took long.

        A file that is damaged, or was made by other code, is replaced. Runs at the same
        time may write the same file: each takes its place whole.

        Args:
            name: Name of the domain.
            sources: Weights and rows.
            make: Makes the latents.
            fits: Whether latents of before are those of these weights and rows.
        """
        module = self.config["domains"][name]["module"]
        precision = self.config["trainer"].get("precision")
        key = digest([LATENTS, module, precision], [s.cpu() for s in sources])
        folder = Path(self.config["paths"]["outputs"]) / LATENTS
        path = folder / f"{name}-{key}.safetensors"
        before = _read(path)
        if before is not None and fits(before):
            return before
        start = time.monotonic()
        latents = make()
        if time.monotonic() - start > LONG:
            make_folder(folder, "paths.outputs")
            with whole_file(path) as made:
                save_file({LATENTS: latents}, made)
        return latents


def _read(path: Path) -> Tensor | None:
    if not path.is_file():
        return None
    try:
        return load_file(path).get(LATENTS)
    except SafetensorError:
        return None
