from typing import Any

import pytest
import torch
from torch import Tensor

from gwbricks.data import VectorsData
from gwbricks.errors import ConfigError


def vectors(**changes: Any) -> VectorsData:
    options = {"num_train": 50, "num_val": 20, "num_test": 10, "batch_size": 8}
    return VectorsData(**{"sizes": {"v": 3, "t": 2}, **options, **changes})


def test_training_has_the_groups_that_were_drawn() -> None:
    data = vectors(matched=12, unpaired=["t"])
    sizes = {group: len(items) for group, items in data.groups.items()}
    assert sizes == {("t",): 50, ("t", "v"): 12}
    table = next(iter(data.train_dataloader()))
    assert [(g.columns, g.rows) for g in table.layout.groups] == [
        (("t",), 8),
        (("t", "v"), 8),
    ]


@pytest.mark.parametrize(("split", "rows"), [("val", 20), ("test", 10)])
def test_evaluation_has_all_rows_matched(split: str, rows: int) -> None:
    data = vectors(matched=0)
    loader = data.val_dataloader() if split == "val" else data.test_dataloader()
    tables = list(loader)
    assert {table.layout.groups[0].columns for table in tables} == {("t", "v")}
    assert sum(table.layout.rows for table in tables) == rows


def test_other_columns_are_of_another_object_with_the_same_rows() -> None:
    data = vectors()
    asked = []

    def doubled(split: str, trainer: object) -> dict[str, Tensor]:
        asked.append((split, trainer))
        return {name: 2 * rows for name, rows in data.splits[split].columns.items()}

    other = data.with_columns(doubled)
    assert type(other) is type(data)
    for made, plain in ((other, data), (data, data)):
        batches = zip(made.val_dataloader(), plain.val_dataloader(), strict=True)
        factor = 2 if made is other else 1
        assert all(
            torch.equal(a.columns["v"], factor * b.columns["v"]) for a, b in batches
        )
    assert asked == [("val", None)]


def test_data_are_loaded_once() -> None:
    data = vectors()
    assert data.splits is data.splits
    assert data.groups is data.groups


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param(
            {"domains": ["v", "tt"]},
            r"domains: no data for 'tt'\. Did you mean 't'\? Known names: t, v",
            id="unknown-domain",
        ),
        pytest.param(
            {"num_val": 0}, r"data: the val split has no rows\. Expected", id="no-rows"
        ),
        pytest.param(
            {"matched": 0, "unpaired": False},
            r"data: no training rows: .*Fix: data\.matched above 0, or data\.unpaired",
            id="nothing-drawn",
        ),
    ],
)
def test_data_that_cannot_be_trained_on_are_an_error(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        vectors(**changes).train_dataloader()


@pytest.mark.parametrize("name", ["batch_size", "test_repeats"])
@pytest.mark.parametrize("count", [0, -1])
def test_count_below_one_is_an_error(name: str, count: int) -> None:
    message = rf"data\.{name}: {count}\. Expected 1 or more"
    with pytest.raises(ConfigError, match=message):
        vectors(**{name: count})


def test_only_test_rows_are_repeated() -> None:
    once, twice = vectors(), vectors(test_repeats=2)
    assert len(twice.test_dataloader()) == 2 * len(once.test_dataloader())
    assert len(twice.val_dataloader()) == len(once.val_dataloader())
