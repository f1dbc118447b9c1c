from typing import Any

import pytest
from torch.utils.data import Dataset

from gwbricks.data import RepeatedDataset


class Letters(Dataset[str]):
    def __init__(self, letters: str) -> None:
        self.letters = letters

    def __len__(self) -> int:
        return len(self.letters)

    def __getitem__(self, index: int) -> str:
        return self.letters[index]


@pytest.mark.parametrize(
    ("min_size", "drop_last", "expected"),
    [
        pytest.param(3, False, "abc", id="once"),
        pytest.param(7, False, "abcabcabc", id="whole-passes"),
        pytest.param(7, True, "abcabca", id="drop-last"),
        pytest.param(6, True, "abcabc", id="exact"),
    ],
)
def test_starts_over_until_it_is_long_enough(
    min_size: int, drop_last: bool, expected: str
) -> None:
    repeated = RepeatedDataset(Letters("abc"), min_size, drop_last)
    assert len(repeated) == len(expected)
    assert "".join(repeated[index] for index in range(len(repeated))) == expected


def test_iteration_ends() -> None:
    # A data set without __iter__ is iterated until an IndexError.
    repeated: Any = RepeatedDataset(Letters("ab"), 4)
    assert "".join(repeated) == "abab"


def test_index_past_the_end_is_an_error() -> None:
    with pytest.raises(IndexError, match=r"index: 4\. Expected 0 to 3"):
        RepeatedDataset(Letters("ab"), 4)[4]


def test_empty_data_set_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"dataset: it is empty"):
        RepeatedDataset(Letters(""), 4)


def test_data_set_that_is_longer_already_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"min_size: 2 is below .* 3 items"):
        RepeatedDataset(Letters("abc"), 2)
