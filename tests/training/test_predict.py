from collections.abc import Callable
from typing import Any

import pytest
import torch

from gwbricks.bricks import Stage
from gwbricks.data import as_named_inputs
from gwbricks.training import LightningBrickCollection
from gwbricks.workspace import SingleDomainSelection

Maker = Callable[..., Any]


@pytest.fixture
def workspace(
    make_workspace: Maker, all_kinds: dict[str, float]
) -> LightningBrickCollection:
    return make_workspace(all_kinds)


def test_data_module_predicts_its_test_rows(
    make_trainer: Maker, make_vectors: Maker, workspace: LightningBrickCollection
) -> None:
    data = make_vectors()
    found = make_trainer().predict(workspace, datamodule=data)
    expected = [
        workspace.brick_collection.eval()(as_named_inputs(batch), Stage.INFERENCE)
        for batch in data.test_dataloader()
    ]
    assert sum(len(batch["state"]) for batch in found) == 12
    for batch, whole in zip(found, expected, strict=True):
        assert batch.keys() >= {"state", "t/raw", "v/raw", "v/latent"}
        for name, value in batch.items():
            torch.testing.assert_close(value, whole[name])


def test_several_loaders_are_predicted_one_after_the_other(
    make_trainer: Maker, make_vectors: Maker, workspace: LightningBrickCollection
) -> None:
    data, trainer = make_vectors(), make_trainer()
    loaders = [data.val_dataloader(), data.test_dataloader()]
    found = trainer.predict(workspace, loaders)
    rows = [sum(len(batch["state"]) for batch in batches) for batches in found]
    assert rows == [20, 12]
    (alone,) = [trainer.predict(workspace, [loaders[1]])]
    for batch, again in zip(found[1], alone, strict=True):
        torch.testing.assert_close(batch, again)


def test_draws_are_the_same_again_and_the_random_state_is_put_back(
    make_trainer: Maker,
    make_workspace: Maker,
    make_vectors: Maker,
    all_kinds: dict[str, float],
) -> None:
    model = make_workspace(all_kinds, selection=SingleDomainSelection())
    torch.manual_seed(5)
    before = torch.get_rng_state()
    runs = [make_trainer().predict(model, datamodule=make_vectors()) for _ in range(2)]
    assert torch.get_rng_state().equal(before)
    for first, second in zip(*runs, strict=True):
        torch.testing.assert_close(first["state"], second["state"])


def test_graph_without_a_workspace_predicts(
    make_trainer: Maker, make_classifier: Maker, repeat: Maker
) -> None:
    rows = torch.randn(4, 6)
    (found,) = make_trainer().predict(make_classifier(), repeat({"mor": rows}))
    assert found["logits"].shape == (4, 10)
    assert "cross_entropy" not in found
