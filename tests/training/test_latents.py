from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import nn, Tensor
from torch.optim import Adam

from gwbricks.bricks import BrickCollection, BrickMetricSingle, LossOutput
from gwbricks.data import CorruptedSet, Split, Table, VectorsData
from gwbricks.domains import AutoencoderDomain, DomainModule, LinearDomain
from gwbricks.errors import ConfigError
from gwbricks.training import LightningBrickCollection
from gwbricks.training.latents import CachedLatents, check_cacheable
from gwbricks.workspace import (
    AdditiveNoise,
    Corruption,
    FusionRoutes,
    gw_bricks,
    GWDecoder,
    GWEncoder,
    RouteReconstruction,
    Workspace,
    WorkspaceDomain,
)

Maker = Callable[..., Any]
SIZES = {"a": 3, "t": 4, "v": 5}
KINDS = {"translations": 1.0, "demi_cycles": 0.5, "cycles": 2.0, "contrastives": 0.1}


class CountingDomain(LinearDomain):
    """Counts the rows that it encodes, each to the same bits whatever the others."""

    def __init__(self, size: int) -> None:
        super().__init__(size, 4)
        self.dropout = nn.Dropout(0.5)  # which must not be active
        self.encoded = 0

    def encode(self, x: Tensor) -> Tensor:
        self.encoded += len(x)
        assert isinstance(self.encoder, nn.Linear)
        return self.dropout(x[:, :1] * self.encoder.weight[:, 0])


class RawDomain(CountingDomain):
    """Its loss compares with raw data too."""

    def compute_loss(  # pyright: ignore[reportIncompatibleMethodOverride] - names differ
        self, pred: Tensor, target: Tensor, raw_target: Tensor
    ) -> LossOutput:
        error = (self.decode(pred) - raw_target).square().mean(dim=1)
        return LossOutput(error + (pred - target).square().mean(dim=1))


class Noise(nn.Module):
    """Adds noise, which is not declared."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :3] + torch.randn(len(x), 3)


class GappyData(VectorsData):
    """Lacks some cells, whose data are NaN."""

    def load(self) -> dict[str, Split]:
        splits = super().load()
        for split in splits.values():
            has = torch.arange(len(split.columns["v"])) % 3 > 0
            split.columns["v"][~has] = torch.nan
            split.present["v"] = has
        return splits


@pytest.fixture
def make_model() -> Maker:
    """Makes a workspace of three frozen domains, measured in raw space in the test."""

    def make(
        modules: Mapping[str, DomainModule] | None = None,
        trainable: bool = False,
        routes: FusionRoutes | None = None,
        corruption: Corruption | None = None,
    ) -> LightningBrickCollection:
        torch.manual_seed(0)
        known = {name: CountingDomain(size) for name, size in SIZES.items()}
        domains = {
            name: WorkspaceDomain(
                module,
                GWEncoder(module.latent_dim, 16, 6, 0),
                GWDecoder(6, 16, module.latent_dim, 0),
                trainable,
            )
            for name, module in {**known, **(modules or {})}.items()
        }
        workspace = Workspace(routes=routes or FusionRoutes(), corruption=corruption)
        reconstruction = BrickMetricSingle(
            RouteReconstruction(),
            ["*/raw", "*/raw_target", "plan"],
            alive_stages=["test"],
        )
        bricks = {
            "gw": gw_bricks(domains, workspace, KINDS),
            "reconstruction": reconstruction,
        }
        graph = BrickCollection(bricks)
        return LightningBrickCollection(graph, partial(Adam, lr=1e-2), KINDS, seed=0)

    return make


@pytest.fixture
def make_data() -> Maker:
    """Makes random vectors, some of them matched, and a further set."""

    def make(kind: type[VectorsData] = VectorsData, **settings: Any) -> VectorsData:
        rows = {"num_train": 40, "num_val": 20, "num_test": 12, "batch_size": 8}
        mixture = {"t+v": 9, "a+t+v": 10}
        sets = {"noisy": CorruptedSet(noise=1.0)}
        return kind(SIZES, **{**rows, "matched": mixture, "sets": sets, **settings})

    return make


def modules_of(model: LightningBrickCollection) -> dict[str, Any]:
    bricks = model.brick_collection.flat()
    return {name: bricks[f"gw.{name}.latent"].model for name in SIZES}


def outcome(
    model: LightningBrickCollection, data: VectorsData, make_trainer: Maker
) -> dict[str, Any]:
    trainer = make_trainer(max_epochs=2)
    trainer.fit(model, data)
    logged = dict(trainer.callback_metrics)
    trainer.test(model, data, verbose=False)
    return {**logged, **trainer.callback_metrics, **model.state_dict()}


def same(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> None:
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


NOISE = Corruption(AdditiveNoise(), [0.5, 1.0])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parts", "kind"),
    [
        pytest.param({}, VectorsData, id="mixture"),
        pytest.param({"corruption": NOISE}, VectorsData, id="corruption"),
        pytest.param({"routes": FusionRoutes(chunk=3)}, VectorsData, id="chunks"),
        pytest.param({"modules": {"v": RawDomain(5)}}, VectorsData, id="raw-loss"),
        pytest.param({}, GappyData, id="missing-cells"),
    ],
)
def test_cached_latents_change_no_result(
    parts: dict[str, Any],
    kind: type[VectorsData],
    make_model: Maker,
    make_data: Maker,
    make_trainer: Maker,
) -> None:
    plain = outcome(make_model(**parts), make_data(kind), make_trainer)
    model, data = make_model(**parts), make_data(kind)
    data = data.with_columns(CachedLatents(model, data))
    cached = outcome(model, data, make_trainer)
    assert {"train/loss", "val/loss", "val_noisy/loss", "test_noisy/loss"} <= set(plain)
    same(plain, cached)


def test_every_row_is_encoded_once_and_once_more_to_compare(
    make_model: Maker, make_data: Maker, make_trainer: Maker
) -> None:
    model, data = make_model(), make_data()
    data = data.with_columns(CachedLatents(model, data))
    make_trainer(max_epochs=5).fit(model, data)
    assert all(m.encoded == 3 * (40 + 20 + 20) for m in modules_of(model).values())


def test_batches_hold_raw_data_only_where_something_reads_it(
    make_model: Maker, make_data: Maker
) -> None:
    model, data = make_model({"v": RawDomain(5)}), make_data()
    data = data.with_columns(CachedLatents(model, data))
    train = next(iter(data.train_dataloader()))
    tested = next(iter(data.test_dataloader()["test"]))
    latents = {f"{name}/latent" for name in SIZES}
    assert set(train.columns) == {*latents, "v"}
    assert set(tested.columns) == {*latents, *SIZES}
    assert isinstance(train, Table)
    encode = modules_of(model)["v"].encode
    assert torch.allclose(train.columns["v/latent"], encode(train.columns["v"]))
    assert set(next(iter(data.predict_dataloader())).columns) == set(SIZES)


@pytest.mark.slow
def test_a_resumed_run_with_cached_latents_is_that_of_before(
    make_model: Maker, make_data: Maker, make_trainer: Maker, tmp_path: Path
) -> None:
    settings = {"max_epochs": 3, "enable_checkpointing": True}

    def fit(ckpt_path: Path | None = None) -> LightningBrickCollection:
        keeper = ModelCheckpoint(tmp_path, "{epoch}", save_top_k=-1)
        model, data = make_model(), make_data()
        with torch.no_grad():
            if ckpt_path is not None:
                for weights in model.parameters():
                    weights.add_(1.0)  # the weights of the checkpoint count
        data = data.with_columns(CachedLatents(model, data))
        trainer = make_trainer(**settings, callbacks=[keeper])
        trainer.fit(model, data, ckpt_path=ckpt_path, weights_only=True)
        return model

    whole = fit().state_dict()
    same(whole, fit(tmp_path / "epoch=1.ckpt").state_dict())


def test_random_latents_are_left_as_they_are_or_refused(
    make_model: Maker, make_data: Maker
) -> None:
    noisy = AutoencoderDomain(3, Noise(), nn.Linear(3, 5))
    model, data = make_model({"v": noisy}), make_data()
    state = torch.get_rng_state()
    columns = CachedLatents(model, data)("train")
    assert torch.equal(state, torch.get_rng_state())
    assert set(columns) == {"a/latent", "t/latent", "v"}
    with pytest.raises(ConfigError, match=r"v\.cache: true, but Autoenc.* encodes the"):
        CachedLatents(model, data, required=["v"])("train")


def test_trained_domains_and_those_that_are_not_named_are_left_alone(
    make_model: Maker, make_data: Maker
) -> None:
    data = make_data()
    assert set(CachedLatents(make_model(trainable=True), data)("train")) == set(SIZES)
    some = CachedLatents(make_model(), data, domains=["t"])("train")
    assert set(some) == {"a", "t/latent", "v"}


@pytest.mark.parametrize(
    ("module", "trainable", "message"),
    [
        pytest.param(LinearDomain(2, 2), True, "the domain is trained", id="trained"),
        pytest.param(DomainModule(2), False, "DomainModule does not say", id="unknown"),
    ],
)
def test_what_cannot_be_cached_is_refused(
    module: DomainModule, trainable: bool, message: str
) -> None:
    with pytest.raises(ConfigError, match=rf"domains\.v\.cache: true, but {message}"):
        check_cacheable("v", module, trainable)
