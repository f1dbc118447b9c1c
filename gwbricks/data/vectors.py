"""Random vectors, as in Shimmer's tutorial."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from gwbricks.data.further_sets.further_set import FurtherSet
from gwbricks.data.module import TableDataModule
from gwbricks.data.pairing import Matched
from gwbricks.data.split import Split
from gwbricks.errors import ConfigError
from gwbricks.seeding import derive_seed


class VectorsData(TableDataModule):
    """Standard normal vectors, whose domains may have factors in common.

    Args:
        sizes: Number of features of each domain.
        num_train: Number of training rows.
        num_val: Number of validation rows.
        num_test: Number of test rows.
        batch_size: See `TableDataModule`.
        domains: Domains to use; None uses all of `sizes`.
        matched: See `TableDataModule`.
        unpaired: See `TableDataModule`.
        data_seed: Seed of the values.
        seed: See `TableDataModule`.
        common: Number of factors that all domains of a row are linear maps of; 0 for
            domains that have nothing in common.
        sets: See `TableDataModule`.
        test_repeats: See `TableDataModule`.

    Raises:
        ConfigError: If a size is below 1, or `common` is negative.
    """

    def __init__(
        self,
        sizes: Mapping[str, int],
        num_train: int,
        num_val: int,
        num_test: int,
        batch_size: int,
        domains: Sequence[str] | None = None,
        matched: Matched = None,
        unpaired: bool | Sequence[str] = True,
        data_seed: int = 0,
        seed: int = 0,
        common: int = 0,
        sets: Mapping[str, FurtherSet | None] | None = None,
        test_repeats: int = 1,
    ) -> None:
        names = domains or list(sizes)
        super().__init__(names, batch_size, matched, unpaired, seed, sets, test_repeats)
        for name, size in sizes.items():
            if size < 1:
                raise ConfigError(
                    f"data.sizes.{name}: {size}. Expected 1 or more features."
                )
        if common < 0:
            raise ConfigError(f"data.common: {common}. Expected 0 or more factors.")
        self.common = common
        self.sizes = dict(sizes)
        self.counts = {"train": num_train, "val": num_val, "test": num_test}
        self.data_seed = data_seed

    def load(self) -> dict[str, Split]:
        """Draws the rows."""
        return {
            split: Split({name: self._draw(split, name) for name in self.sizes}, {})
            for split in self.counts
        }

    def _draw(self, split: str, name: str) -> Tensor:
        rows, size = self.counts[split], self.sizes[name]
        if not self.common:
            return self._normal((split, name), rows, size)
        factors = self._normal((split, "common factors"), rows, self.common)
        weights = self._normal(("common factors", name), self.common, size)
        return factors @ (weights / weights.norm(dim=0))

    def _normal(self, path: tuple[str, str], *shape: int) -> Tensor:
        seed = derive_seed(self.data_seed, *path)
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed))
