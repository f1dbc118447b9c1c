"""The same items, but not as they were seen in training."""

from collections.abc import Sequence

import torch
from torch import Tensor

from gwbricks.data.further_sets.further_set import FurtherSet, Source
from gwbricks.data.split import Split
from gwbricks.errors import ConfigError, suggest
from gwbricks.seeding import derive_seed


class CorruptedSet(FurtherSet):
    """The rows of `val` and `test` as `scale * row + shift + noise * normal`.

    Losses and metrics compare with the corrupted rows, as they do with any others.

    Args:
        noise: Deviation of the noise.
        scale: What rows are multiplied by.
        shift: What is added to every feature.
        domains: Domains that are corrupted; None for all.
        seed: Seed of the noise, which is the same for all runs.
    """

    def __init__(
        self,
        noise: float = 0.0,
        scale: float = 1.0,
        shift: float = 0.0,
        domains: Sequence[str] | None = None,
        seed: int = 0,
    ) -> None:
        self.noise = noise
        self.scale = scale
        self.shift = shift
        self.domains = domains
        self.seed = seed

    def make(self, source: Source) -> Split:
        """Returns the corrupted rows of the stage.

        Raises:
            ConfigError: If a domain is unknown or holds no real numbers.
        """
        columns = dict(source.own.columns)
        for name in source.domains if self.domains is None else self.domains:
            if name not in source.domains:
                known = suggest(name, source.domains)
                raise ConfigError(f"domains: no domain {name!r}.{known}")
            if not columns[name].is_floating_point():
                raise ConfigError(
                    f"domains: {name!r} holds {columns[name].dtype}, not real numbers."
                    " Fix: name other domains."
                )
            columns[name] = self._corrupt(columns[name], f"{source.stage}/{name}")
        return Split(columns, source.own.present)

    def _corrupt(self, rows: Tensor, key: str) -> Tensor:
        seed = derive_seed(self.seed, "corrupted", key)
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn(rows.shape, generator=generator, dtype=rows.dtype)
        return self.scale * rows + self.shift + self.noise * noise
