"""Handwritten digits in six views (UCI Multiple Features)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gwbricks.data.further_sets.further_set import FurtherSet
from gwbricks.data.module import TableDataModule
from gwbricks.data.pairing import Matched
from gwbricks.data.split import Split
from gwbricks.data.stratified_split import stratified_split

MFEAT = Path(__file__).parent / "mfeat" / "mfeat.npz"
PARTS = {"train": 0.7, "val": 0.1, "test": 0.2}


class DigitsData(TableDataModule):
    """2,000 digits, each in six views: pix, fou, fac, kar, zer and mor.

    Every feature is standardised with the mean and the deviation of the training rows.
    The split is stratified: 1,400 rows to train, 200 to validate, 400 to test. The
    digit is the column `label`, int64.

    Args:
        domains: Views to use.
        batch_size: See `TableDataModule`.
        matched: See `TableDataModule`.
        unpaired: See `TableDataModule`.
        split_seed: Seed of the split.
        seed: See `TableDataModule`.
        sets: See `TableDataModule`.
        test_repeats: See `TableDataModule`.

    References:
        R. Duin, Multiple Features, UCI Machine Learning Repository, 1998,
        https://doi.org/10.24432/C5HC70.
    """

    labels = ("label",)

    def __init__(
        self,
        domains: Sequence[str],
        batch_size: int,
        matched: Matched = None,
        unpaired: bool | Sequence[str] = True,
        split_seed: int = 0,
        seed: int = 0,
        sets: Mapping[str, FurtherSet | None] | None = None,
        test_repeats: int = 1,
    ) -> None:
        super().__init__(
            domains, batch_size, matched, unpaired, seed, sets, test_repeats
        )
        self.split_seed = split_seed

    def load(self) -> dict[str, Split]:
        """Reads, splits and standardises the views."""
        with np.load(MFEAT, allow_pickle=False) as file:
            arrays = {name: torch.from_numpy(file[name]) for name in file.files}
        label = arrays.pop("label").long()
        rows = stratified_split(label, PARTS, self.split_seed)
        splits = {
            name: Split({"label": label[index]}, {}) for name, index in rows.items()
        }
        train = rows["train"][self.kept(splits["train"].columns)]
        for view, raw in arrays.items():
            values = standardise(raw.float(), train)
            for name, index in rows.items():
                splits[name].columns[view] = values[index]
        return splits


def standardise(values: Tensor, rows: Tensor) -> Tensor:
    """Scales each feature by the mean and deviation that it has in `rows`.

    A feature that is constant there is only centred.
    """
    mean, deviation = values[rows].mean(dim=0), values[rows].std(dim=0)
    return (values - mean) / torch.where(deviation > 0, deviation, 1.0)
