"""A user's own arrays."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from gwbricks.data.array_files import as_split, Files, read_files, SPLITS
from gwbricks.data.further_sets.further_set import FurtherSet
from gwbricks.data.module import TableDataModule
from gwbricks.data.pairing import Matched
from gwbricks.data.split import Split
from gwbricks.errors import ConfigError


class TensorsData(TableDataModule):
    """Arrays from `.npz`, `.npy` or `.pt` files, one a domain, with aligned rows.

    A row of NaN says that the item lacks the domain. Labels must be complete; a class
    label of -100 is ignored by torch's losses. Nothing is unpickled. Rows of `.npy`
    files that are given by split stay on disk until a batch has them.

    Args:
        files: One `.npz` or `.pt` file with an array a column, or a file a column. Each
            may be given by split: `{train: …, val: …, test: …}`.
        domains: Columns that are domains.
        batch_size: See `TableDataModule`.
        labels: Columns that are not domains.
        split: Share of each of train, val and test, where the files are not split.
        split_seed: Seed of the split.
        matched: See `TableDataModule`.
        unpaired: See `TableDataModule`.
        seed: See `TableDataModule`.
        sets: See `TableDataModule`.
        test_repeats: See `TableDataModule`.

    Raises:
        ConfigError: If a file is missing or unreadable, a column is missing, columns
            differ in their rows, or a row holds NaN or infinity among numbers.
    """

    def __init__(
        self,
        files: Files | Mapping[str, Files],
        domains: Sequence[str],
        batch_size: int,
        labels: Sequence[str] = (),
        split: Mapping[str, float] | None = None,
        split_seed: int = 0,
        matched: Matched = None,
        unpaired: bool | Sequence[str] = True,
        seed: int = 0,
        sets: Mapping[str, FurtherSet | None] | None = None,
        test_repeats: int = 1,
    ) -> None:
        super().__init__(
            domains, batch_size, matched, unpaired, seed, sets, test_repeats
        )
        self.labels = tuple(sorted(labels))
        self.files = files
        self.split = dict(split or {"train": 0.8, "val": 0.1, "test": 0.1})
        self.split_seed = split_seed
        if set(self.split) != set(SPLITS) or abs(sum(self.split.values()) - 1) > 1e-6:
            raise ConfigError(
                f"data.split: {self.split}. Expected shares of train, val and test that"
                " add up to 1."
            )

    def load(self) -> dict[str, Split]:
        """Reads and splits the arrays."""
        if isinstance(self.files, Mapping) and set(self.files) > set(SPLITS):
            further = min(set(self.files) - set(SPLITS))
            raise ConfigError(
                f"data.files.{further}: files are of train, val and test. Fix:"
                " +set@data.sets.ood=files data.sets.ood.test=FILE for further ones."
            )
        if isinstance(self.files, Mapping) and set(self.files) == set(SPLITS):
            return {
                split: as_split(self._read(self.files[split]), self.domains)
                for split in SPLITS
            }
        columns = self._read(self.files)
        rows = len(next(iter(columns.values())))
        generator = torch.Generator().manual_seed(self.split_seed)
        order = torch.randperm(rows, generator=generator)
        ends = [
            round(rows * self.split["train"]),
            round(rows * (1 - self.split["test"])),
        ]
        parts = dict(zip(SPLITS, order.tensor_split(ends), strict=True))
        return {
            name: as_split(
                {c: values[part.sort().values] for c, values in columns.items()},
                self.domains,
            )
            for name, part in parts.items()
        }

    def _read(self, files: Files | Mapping[str, Files]) -> dict[str, Tensor]:
        return read_files(files, self.domains, self.labels)  # pyright: ignore[reportArgumentType] - files by split were told apart
