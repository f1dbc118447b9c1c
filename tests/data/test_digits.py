import numpy as np
import pytest
import torch

from gwbricks.data import DigitsData
from gwbricks.data.digits import MFEAT, standardise
from gwbricks.data.stratified_split import stratified_split

VIEWS = {"pix": 240, "fou": 76, "fac": 216, "kar": 64, "zer": 47, "mor": 6}


@pytest.fixture(scope="module")
def digits() -> DigitsData:
    return DigitsData(list(VIEWS), batch_size=32)


def test_every_digit_has_the_same_share_of_each_split(digits: DigitsData) -> None:
    for name, count in {"train": 140, "val": 20, "test": 40}.items():
        label = digits.splits[name].columns["label"]
        assert label.dtype is torch.int64
        assert label.bincount().tolist() == [count] * 10


def test_every_row_is_in_one_split(digits: DigitsData) -> None:
    with np.load(MFEAT) as file:
        raw = torch.from_numpy(file["pix"]).float()
    rows = torch.cat([split.columns["pix"] for split in digits.splits.values()])
    # Standardising is one to one, so as many rows are alike as in the file.
    counts = (x.unique(dim=0, return_counts=True)[1] for x in (rows, raw))
    found, expected = (sorted(c.tolist()) for c in counts)
    assert sum(found) == 2000
    assert found == expected


@pytest.mark.parametrize(("view", "features"), VIEWS.items(), ids=list(VIEWS))
def test_features_are_standardised_on_the_training_rows(
    digits: DigitsData, view: str, features: int
) -> None:
    columns = {name: split.columns[view] for name, split in digits.splits.items()}
    assert {rows.shape[1] for rows in columns.values()} == {features}
    train = columns["train"].double()
    torch.testing.assert_close(
        train.mean(dim=0), torch.zeros(features).double(), atol=1e-4, rtol=0
    )
    deviation = train.std(dim=0)
    assert ((deviation - 1).abs().lt(1e-3) | deviation.eq(0)).all()
    # The test rows are scaled by the same numbers, not by their own.
    assert not columns["test"].mean(dim=0).abs().lt(1e-4).all()


def test_split_is_fixed_by_its_own_seed(digits: DigitsData) -> None:
    again, reseeded, resplit = (
        DigitsData(["mor"], 32, seed=seed, split_seed=split_seed)
        for seed, split_seed in ((0, 0), (1, 0), (0, 1))
    )
    test = digits.splits["test"].columns["mor"]
    assert torch.equal(again.splits["test"].columns["mor"], test)
    assert torch.equal(reseeded.splits["test"].columns["mor"], test)
    assert not torch.equal(resplit.splits["test"].columns["mor"], test)


def test_batches_carry_the_label(digits: DigitsData) -> None:
    assert digits.columns == ("fac", "fou", "kar", "label", "mor", "pix", "zer")
    table = next(iter(digits.train_dataloader()))
    assert all("label" in group.columns for group in table.layout.groups)
    assert len(table.columns["label"]) == table.layout.rows == 7 * 32


def test_rows_of_a_batch_are_those_of_their_label() -> None:
    # Digits whose Fourier coefficients are alike have one label; in mor 6 is often 9.
    data = DigitsData(["fou"], batch_size=50)
    train = data.splits["train"].columns
    label_of = {
        tuple(row): label
        for row, label in zip(
            train["fou"].tolist(), train["label"].tolist(), strict=True
        )
    }
    table = next(iter(data.train_dataloader()))
    found = [label_of[tuple(row)] for row in table.columns["fou"].tolist()]
    assert table.columns["label"].tolist() == found


def test_stratified_parts_are_disjoint_and_complete() -> None:
    label = torch.tensor([0] * 7 + [1] * 3 + [2] * 10)
    parts = stratified_split(label, {"a": 0.5, "b": 0.3, "c": 0.2}, seed=0)
    assert sorted(torch.cat(list(parts.values())).tolist()) == list(range(20))
    counts = {name: label[rows].bincount().tolist() for name, rows in parts.items()}
    for value, total in enumerate([7, 3, 10]):
        for name, share in {"a": 0.5, "b": 0.3, "c": 0.2}.items():
            assert abs(counts[name][value] - share * total) <= 1


def test_constant_feature_is_only_centred() -> None:
    values = torch.tensor([[3.0, 1.0], [3.0, 2.0], [5.0, 9.0]])
    scaled = standardise(values, torch.tensor([0, 1]))
    assert scaled[:, 0].tolist() == [0.0, 0.0, 2.0]
    assert scaled[:2, 1].mean().item() == pytest.approx(0.0)
