"""What is logged is what is optimised, with domains that are trained too."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.optim import SGD

from gwbricks.bricks import BrickCollection, Stage
from gwbricks.data import as_named_inputs
from gwbricks.domains import LinearDomain
from gwbricks.training import LightningBrickCollection
from gwbricks.workspace import (
    FusionRoutes,
    gw_bricks,
    GWDecoder,
    GWEncoder,
    SharedSelection,
    Workspace,
    WorkspaceDomain,
)

Maker = Callable[..., Any]

COEFS = {
    "translations": 2.0,
    "demi_cycles": 0.5,
    "cycles": 0.25,
    "contrastives": 0.1,
    "fused": 0.0,
    "unimodal": 3.0,
}


def build() -> LightningBrickCollection:
    torch.manual_seed(0)
    domains = {
        name: WorkspaceDomain(
            LinearDomain(size, size),
            GWEncoder(size, 8, 4, 0),
            GWDecoder(4, 8, size, 0),
            trainable=True,
        )
        for name, size in (("t", 3), ("v", 4))
    }
    graph = gw_bricks(
        domains, Workspace(SharedSelection(), routes=FusionRoutes()), COEFS
    )
    optimizer = partial(SGD, lr=1.0)
    return LightningBrickCollection(BrickCollection(graph), optimizer, COEFS)


def test_gradient_that_is_applied_is_that_of_the_logged_losses(
    make_trainer: Maker, make_vectors: Maker
) -> None:
    batch = next(iter(make_vectors().train_dataloader()))
    trained, still = build(), build()
    trainer = make_trainer(limit_train_batches=1)
    trainer.fit(trained, make_vectors().train_dataloader())
    collection = still.brick_collection
    values = collection.run(as_named_inputs(batch), Stage.TRAIN, list(COEFS))
    losses: dict[str, Tensor] = collection.extract_losses(values)
    logged = trainer.callback_metrics
    for kind, loss in losses.items():
        assert logged[f"train/{kind}"] == pytest.approx(loss.item(), rel=1e-5), kind
    total = torch.stack([coef * losses[kind] for kind, coef in COEFS.items()]).sum()
    assert logged["train/loss"] == pytest.approx(total.item(), rel=1e-5)
    total.backward()
    before = dict(collection.named_parameters())
    moved = dict(trained.brick_collection.named_parameters())
    assert any(".latent." in name for name in moved)
    for name, after in moved.items():
        gradient = before[name].grad
        if gradient is None:
            assert torch.equal(after, before[name]), name
            continue
        torch.testing.assert_close(
            after, before[name] - gradient, atol=1e-5, rtol=1e-4, msg=name
        )
