from collections.abc import Mapping
from typing import Any

import pytest
import torch

from gwbricks.data import (
    CorruptedSet,
    DigitsData,
    EvalLoader,
    FurtherSet,
    HeldOutSet,
    Source,
    Split,
    TableDataModule,
    VectorsData,
)
from gwbricks.errors import ConfigError


class FirstRow(FurtherSet):
    """The first row of the test set."""

    def make(self, source: Source) -> Split | None:
        """Returns one row to test on, and none to validate on."""
        if source.stage == "val":
            return None
        return source.own.take(torch.arange(len(source.own.columns["v"])) == 0)


class Narrow(FurtherSet):
    """Rows with one feature."""

    def make(self, source: Source) -> Split:
        """Returns rows of another shape."""
        return Split({"t": torch.zeros(2, 2), "v": torch.zeros(2, 1)}, {})


def vectors(sets: Mapping[str, Any] | None) -> VectorsData:
    return VectorsData({"v": 3, "t": 2}, 50, 20, 10, batch_size=8, sets=sets)


def digits(**sets: FurtherSet) -> DigitsData:
    return DigitsData(["fou", "kar"], batch_size=32, sets=sets)


def labels(data: DigitsData) -> dict[str, set[int]]:
    return {n: set(s.columns["label"].tolist()) for n, s in data.splits.items()}


def test_each_set_has_a_loader_by_name() -> None:
    data = vectors({"far": CorruptedSet(shift=9.0), "first": FirstRow(), "off": None})
    val, test = data.val_dataloader(), data.test_dataloader()
    assert isinstance(val, dict)
    assert isinstance(test, dict)
    rows = {
        n: sum(t.layout.rows for t in loader) for n, loader in {**val, **test}.items()
    }
    assert rows == {
        "val": 20,
        "val_far": 20,
        "test": 10,
        "test_far": 10,
        "test_first": 1,
    }


@pytest.mark.parametrize("sets", [None, {}, {"off": None}])
def test_without_further_sets_there_is_one_loader(sets: dict[str, None] | None) -> None:
    assert isinstance(vectors(sets).val_dataloader(), EvalLoader)


def test_held_out_classes_are_in_their_set_only() -> None:
    seen, held = set(range(8)), {8, 9}
    data = digits(ood=HeldOutSet([8, 9]))
    assert labels(data) == {
        **dict.fromkeys(("train", "val", "test"), seen),
        **dict.fromkeys(("val_ood", "test_ood"), held),
    }
    assert len(data.splits["test_ood"].columns["fou"]) == 80
    assert len(data.splits["train"].columns["fou"]) == 1120


def test_two_sets_hold_out_each_their_classes_whatever_their_order() -> None:
    data = digits(b=HeldOutSet([1]), a=HeldOutSet([1, 2]), noisy=CorruptedSet(1.0))
    found = labels(data)
    assert found["test_a"] == {1, 2}
    assert found["test_b"] == {1}
    assert found["train"] == found["test_noisy"] == {0, *range(3, 10)}


def test_features_are_scaled_without_the_held_out_rows() -> None:
    columns = digits(ood=HeldOutSet([0])).splits["train"].columns["fou"]
    torch.testing.assert_close(columns.mean(0), torch.zeros(76), atol=1e-4, rtol=0)
    torch.testing.assert_close(columns.std(0), torch.ones(76), atol=1e-3, rtol=0)


def test_corruption_is_the_same_every_time_and_leaves_the_rest_alone() -> None:
    noisy = CorruptedSet(noise=2.0, scale=3.0, shift=1.0, domains=["v"])
    first, second = (vectors({"noisy": noisy}).splits for _ in range(2))
    own, changed = first["test"].columns, first["test_noisy"].columns
    assert torch.equal(changed["v"], second["test_noisy"].columns["v"])
    assert torch.equal(changed["t"], own["t"])
    noise = (changed["v"] - 1.0 - 3.0 * own["v"]) / 2.0
    assert noise.std().item() == pytest.approx(1.0, abs=0.3)
    other = vectors({"noisy": CorruptedSet(2.0, seed=1)}).splits
    assert not torch.equal(other["test_noisy"].columns["v"], changed["v"])
    assert torch.equal(own["v"], vectors(None).splits["test"].columns["v"])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(
            digits(ood=HeldOutSet([1], column="lable")),
            r"data\.sets\.ood\.column: 'lable' is no column .* mean 'label'\?",
            id="unknown-column",
        ),
        pytest.param(
            digits(ood=HeldOutSet([3, 11])),
            r"data\.sets\.ood\.values: no val row has the label 11\. .* of 0, 1, 2",
            id="class-that-no-row-has",
        ),
        pytest.param(
            digits(noisy=CorruptedSet(1.0, domains=["fuo"])),
            r"data\.sets\.noisy\.domains: no domain 'fuo'\. Did you mean 'fou'\?",
            id="unknown-domain",
        ),
        pytest.param(
            vectors({"a/b": CorruptedSet()}),
            r"data\.sets: 'a/b' is no name of a set\. Expected letters",
            id="name",
        ),
        pytest.param(
            vectors({"x": Narrow()}),
            r"data\.sets\.x\.v: rows of shape \(1,\)\. Expected \(3,\), as in training",
            id="shape",
        ),
    ],
)
def test_set_that_cannot_be_made_is_an_error(
    data: TableDataModule, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        _ = data.splits


def test_whole_numbers_cannot_be_corrupted() -> None:
    own = Split({"v": torch.zeros(3, 2, dtype=torch.uint8)}, {})
    with pytest.raises(ConfigError, match=r"'v' holds torch\.uint8, not real numbers"):
        CorruptedSet().make(Source("val", own, own, ("v",), ()))


def test_nothing_to_hold_out_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"values: none\. Expected classes"):
        HeldOutSet([])
