from typing import Any

import pytest
import torch

from gwbricks.data import VectorsData
from gwbricks.errors import ConfigError


def vectors(**changes: Any) -> VectorsData:
    options = {"num_train": 50, "num_val": 20, "num_test": 10, "batch_size": 8}
    return VectorsData(**{"sizes": {"v": 3, "t": 2}, **options, **changes})


def test_splits_have_the_rows_and_features_asked_for() -> None:
    splits = vectors().splits
    shapes = {
        name: {d: tuple(rows.shape) for d, rows in split.columns.items()}
        for name, split in splits.items()
    }
    assert shapes == {
        "train": {"v": (50, 3), "t": (50, 2)},
        "val": {"v": (20, 3), "t": (20, 2)},
        "test": {"v": (10, 3), "t": (10, 2)},
    }


def test_values_are_standard_normal_and_differ_between_splits_and_domains() -> None:
    sizes = {"v": 4, "t": 4}
    splits = vectors(sizes=sizes, num_train=5000, num_val=5000).splits
    columns = [splits[s].columns[d] for s in ("train", "val") for d in "tv"]
    for rows in columns:
        assert rows.mean().item() == pytest.approx(0, abs=0.05)
        assert rows.std().item() == pytest.approx(1, abs=0.05)
    correlations = torch.stack([rows.flatten() for rows in columns]).corrcoef()
    torch.testing.assert_close(correlations, torch.eye(4), atol=0.05, rtol=0)


def test_adding_a_domain_changes_no_other() -> None:
    fewer, more = vectors().splits, vectors(sizes={"a": 7, "t": 2, "v": 3}).splits
    for name, split in fewer.items():
        for domain, rows in split.columns.items():
            assert torch.equal(rows, more[name].columns[domain])


def test_seed_of_the_values_is_not_that_of_the_order() -> None:
    first, reordered, redrawn = vectors(), vectors(seed=1), vectors(data_seed=1)
    rows, same, other = (
        data.splits["train"].columns["v"] for data in (first, reordered, redrawn)
    )
    assert torch.equal(rows, same)
    assert not torch.equal(rows, other)
    tables = [next(iter(data.train_dataloader())) for data in (first, reordered)]
    assert not torch.equal(tables[0].columns["v"], tables[1].columns["v"])


def test_only_the_domains_asked_for_are_used() -> None:
    data = vectors(domains=["t"])
    assert data.columns == ("t",)
    assert next(iter(data.val_dataloader())).layout.columns == ("t",)


def test_size_below_one_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"data\.sizes\.t: 0\. Expected 1 or more"):
        vectors(sizes={"v": 3, "t": 0})


def test_domains_with_common_factors_are_linear_maps_of_them() -> None:
    sizes = {"v": 6, "t": 8}
    splits = vectors(sizes=sizes, num_train=2000, common=3).splits
    v, t = splits["train"].columns["v"], splits["train"].columns["t"]
    assert torch.linalg.matrix_rank(torch.cat([v, t], dim=1), rtol=1e-4).item() == 3
    assert torch.cat([v, t], dim=1).std(dim=0).tolist() == pytest.approx(
        [1.0] * 14, abs=0.1
    )
    # The map from one to the other is the same in every split.
    fitted = torch.linalg.lstsq(v, t, driver="gelsd").solution
    test = splits["test"].columns
    torch.testing.assert_close(test["v"] @ fitted, test["t"], atol=1e-3, rtol=1e-3)


def test_negative_number_of_common_factors_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"data\.common: -1\. Expected 0 or more"):
        vectors(common=-1)
