"""A data set that starts over until it is long enough."""

from collections.abc import Sized
from typing import Any

from torch.utils.data import Dataset


class RepeatedDataset(Dataset[Any]):
    """A data set repeated to at least `min_size` items, as in Shimmer.

    Args:
        dataset: A data set with a length.
        min_size: Least number of items.
        drop_last: Whether to end at exactly `min_size`; else the last pass is whole.

    Raises:
        ValueError: If the data set is empty, or longer than `min_size`.
    """

    def __init__(
        self, dataset: Dataset[Any], min_size: int, drop_last: bool = False
    ) -> None:
        assert isinstance(dataset, Sized)
        self.dataset = dataset
        self.dataset_size = len(dataset)
        if not self.dataset_size:
            raise ValueError("dataset: it is empty, so it cannot be repeated.")
        if min_size < self.dataset_size:
            raise ValueError(
                f"min_size: {min_size} is below the data set's {self.dataset_size}"
                " items."
            )
        passes = -(-min_size // self.dataset_size)
        self.total_size = min_size if drop_last else passes * self.dataset_size

    def __len__(self) -> int:
        return self.total_size

    def __getitem__(self, index: int) -> Any:  # noqa: ANN401 - whatever the data set holds
        if not 0 <= index < self.total_size:
            raise IndexError(f"index: {index}. Expected 0 to {self.total_size - 1}.")
        return self.dataset[index % self.dataset_size]
