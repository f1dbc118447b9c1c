"""CIFAR-10, read by torchvision."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from gwbricks.data.further_sets.further_set import FurtherSet
from gwbricks.data.module import TableDataModule
from gwbricks.data.split import Split
from gwbricks.data.stratified_split import stratified_split
from gwbricks.errors import ConfigError


class CIFAR10Data(TableDataModule):
    """60,000 photographs of ten classes: the columns `image` and `label`.

    Images are bytes of shape `(3, 32, 32)`, and all are in memory: 184 MB. Validation
    rows are taken from the 50,000 training rows, with the same share of each class.

    Args:
        path: Folder that holds `cifar-10-batches-py`.
        batch_size: See `TableDataModule`.
        download: Whether to fetch what is not in `path`.
        val: Share of the training rows that validate.
        split_seed: Seed of the split.
        seed: See `TableDataModule`.
        sets: See `TableDataModule`.

    Raises:
        ConfigError: If torchvision or the data are not there, or `val` is not between 0
            and 1.

    References:
        A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.
    """

    labels = ("label",)

    def __init__(
        self,
        path: str | Path,
        batch_size: int,
        download: bool = False,
        val: float = 0.1,
        split_seed: int = 0,
        seed: int = 0,
        sets: Mapping[str, FurtherSet | None] | None = None,
    ) -> None:
        super().__init__(["image"], batch_size, seed=seed, sets=sets)
        if not 0 < val < 1:
            raise ConfigError(f"data.val: {val}. Expected a share between 0 and 1.")
        self.path = Path(path)
        self.download = download
        self.val = val
        self.split_seed = split_seed

    def load(self) -> dict[str, Split]:
        """Reads and splits the images."""
        image, label = self._read(train=True)
        parts = {"train": 1 - self.val, "val": self.val}
        rows = stratified_split(label, parts, self.split_seed)
        splits = {
            name: Split({"image": image[index], "label": label[index]}, {})
            for name, index in rows.items()
        }
        image, label = self._read(train=False)
        return {**splits, "test": Split({"image": image, "label": label}, {})}

    def _read(self, train: bool) -> tuple[Tensor, Tensor]:
        try:
            from torchvision.datasets import CIFAR10
        except ImportError as error:
            raise ConfigError(
                "data: CIFAR-10 needs torchvision. Fix: pip install 'gwbricks[vision]'."
            ) from error
        try:
            data = CIFAR10(self.path, train=train, download=self.download)
        except (OSError, RuntimeError) as error:
            raise ConfigError(self._advice(error)) from error
        image = torch.from_numpy(data.data).permute(0, 3, 1, 2).contiguous()
        return image, torch.tensor(data.targets)

    def _advice(self, error: Exception) -> str:
        if not self.download:
            return (
                f"data.path: no CIFAR-10, or a damaged one, in {str(self.path)!r}."
                " Fix: data.download=true, which fetches 170 MB."
            )
        return (
            f"data.download: CIFAR-10 could not be fetched: {error}."
            f" Fix: put its folder cifar-10-batches-py into {str(self.path)!r}."
        )
