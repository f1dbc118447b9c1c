from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn, Tensor
from torch.optim.lr_scheduler import ConstantLR

from gwbricks.bricks import LossOutput, Stage
from gwbricks.data import VectorsData
from gwbricks.domains import DomainModule, LinearDomain
from gwbricks.errors import ConfigError, UnknownNameError
from gwbricks.training import (
    GlobalWorkspace,
    GlobalWorkspace2Domains,
    GlobalWorkspaceFusion,
    SchedulerArgs,
)
from gwbricks.workspace import (
    AttentionSelection,
    GWDecoder,
    GWEncoder,
    RandomSelection,
    SharedSelection,
)

Maker = Callable[..., Any]
Parts = tuple[dict[str, DomainModule], dict[str, nn.Module], dict[str, nn.Module]]

DIM = 6
SIZES = {"v": 4, "t": 3}
SIMPLE = {"translations": 1.0, "demi_cycles": 1.0, "cycles": 1.0, "contrastives": 0.01}
KINDS = pytest.mark.parametrize(
    "kind", [GlobalWorkspace, GlobalWorkspace2Domains, GlobalWorkspaceFusion]
)


def parts(sizes: Mapping[str, int] = SIZES) -> Parts:
    modules: dict[str, DomainModule] = {}
    encoders: dict[str, nn.Module] = {}
    decoders: dict[str, nn.Module] = {}
    for name, size in sizes.items():
        torch.manual_seed(size)
        modules[name] = LinearDomain(size, size)
        encoders[name] = GWEncoder(size, 16, DIM, 0)
        decoders[name] = GWDecoder(DIM, 16, size, 0)
    return modules, encoders, decoders


def vectors(**settings: Any) -> VectorsData:
    rows = {"num_train": 16, "num_val": 8, "num_test": 8, "batch_size": 4}
    return VectorsData(SIZES, **{**rows, **settings})


@KINDS
def test_trains_and_validates(make_trainer: Maker, kind: type[GlobalWorkspace]) -> None:
    model, trainer = kind(*parts(), DIM, SIMPLE), make_trainer(max_epochs=2)
    before = {n: p.clone() for n, p in model.named_parameters() if p.requires_grad}
    trainer.fit(model, datamodule=vectors())
    moved = {n for n, p in model.named_parameters() if not p.equal(before.get(n, p))}
    assert moved == set(before) != set()
    logged = trainer.callback_metrics
    for stage in ("train", "val"):
        expected = sum(coef * logged[f"{stage}/{k}"] for k, coef in SIMPLE.items())
        assert logged[f"{stage}/loss"] == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize(
    ("kind", "coefs", "routes"),
    [
        pytest.param(
            GlobalWorkspace,
            SIMPLE,
            {"cycles/v-through-t", "cycles/t-through-v"},
            id="simple",
        ),
        pytest.param(
            GlobalWorkspaceFusion,
            {"fused": 1.0},
            {"fused/t+v-to-t", "fused/t+v-to-v"},
            id="fusion",
        ),
    ],
)
def test_each_kind_has_its_routes(
    make_trainer: Maker,
    kind: type[GlobalWorkspace],
    coefs: dict[str, float],
    routes: set[str],
) -> None:
    trainer = make_trainer()
    trainer.fit(kind(*parts(), DIM, coefs), vectors().train_dataloader())
    assert {f"train/{route}" for route in routes} < set(trainer.callback_metrics)


@pytest.mark.parametrize("only", sorted({*SIMPLE, "fused"}))
def test_fusion_trains_any_loss_alone(make_trainer: Maker, only: str) -> None:
    trainer = make_trainer()
    model = GlobalWorkspaceFusion(*parts(), DIM, {only: 1})
    trainer.fit(model, vectors().train_dataloader())
    logged = trainer.callback_metrics
    assert logged["train/loss"] == logged[f"train/{only}"] > 0


def test_shimmers_batches_train_as_tables_do(
    make_trainer: Maker, repeat: Maker
) -> None:
    generator = torch.Generator().manual_seed(0)
    v, t = (torch.randn(4, SIZES[name], generator=generator) for name in "vt")
    groups = {frozenset("v"): {"v": v}, frozenset("t"): {"t": t}}
    batch = {**groups, frozenset("tv"): {"v": v, "t": t}}
    reordered = dict(reversed(batch.items()))
    logged = []
    for given in (batch, reordered):
        trainer = make_trainer()
        torch.manual_seed(1)
        trainer.fit(GlobalWorkspace(*parts(), DIM, SIMPLE), repeat(given, 3))
        logged.append(dict(trainer.callback_metrics))
    assert logged[0] == logged[1]


@pytest.mark.parametrize("rows", [(2, 5, 3), (1, 1, 1)], ids=["unequal", "one-row"])
@pytest.mark.filterwarnings("ignore:contrastives. a group with a single row")
def test_attention_trains_on_groups_of_any_size_and_leaves_the_batch_alone(
    make_trainer: Maker, repeat: Maker, rows: tuple[int, int, int]
) -> None:
    batch = {
        frozenset(group): {name: torch.randn(count, SIZES[name]) for name in group}
        for group, count in zip(("v", "t", "tv"), rows, strict=True)
    }
    before = {g: {n: x.clone() for n, x in batch[g].items()} for g in batch}
    selection = AttentionSelection(DIM, head_dim=4)
    queries = parameters(selection)
    coefs = {**SIMPLE, "fused": 1.0}
    model = GlobalWorkspaceFusion(*parts(), DIM, coefs, selection=selection)
    trainer = make_trainer()
    trainer.fit(model, repeat(batch))
    assert trainer.callback_metrics["train/loss"].isfinite()
    assert not parameters(selection).equal(queries)
    for group, columns in before.items():
        assert all(batch[group][name].equal(x) for name, x in columns.items())


def test_order_of_domains_does_not_matter(make_trainer: Maker) -> None:
    results = []
    for order in (1, -1):
        sizes = dict(list(SIZES.items())[::order])
        modules, encoders, decoders = parts(sizes)
        model = GlobalWorkspaceFusion(modules, encoders, decoders, DIM, SIMPLE)
        torch.manual_seed(1)
        make_trainer().fit(model, datamodule=vectors())
        results.append(model.state_dict())
    assert results[0].keys() == results[1].keys()
    assert all(value.equal(results[1][name]) for name, value in results[0].items())


def test_three_domains_with_one_group_train(make_trainer: Maker, repeat: Maker) -> None:
    sizes = {"v": 4, "t": 3, "a": 2}
    batch = {name: torch.ones(4, size) for name, size in sizes.items()}
    trainer = make_trainer()
    model = GlobalWorkspaceFusion(*parts(sizes), DIM, SIMPLE)
    trainer.fit(model, repeat({frozenset(sizes): batch}))
    pairs = {"a-and-t", "a-and-v", "t-and-v"}
    assert {f"train/contrastives/{p}" for p in pairs} < set(trainer.callback_metrics)


def parameters(module: nn.Module) -> Tensor:
    return nn.utils.parameters_to_vector(module.parameters()).detach()


@pytest.mark.parametrize(
    "coefs",
    [{"cycles": 1.0}, {"contrastives": None, "cycles": 1}],
    ids=["absent", "null"],
)
def test_domains_are_frozen_until_they_are_unfrozen(
    make_trainer: Maker, coefs: dict[str, Any]
) -> None:
    modules, encoders, decoders = parts()
    modules["v"].unfreeze()
    before = {name: parameters(module) for name, module in modules.items()}
    model = GlobalWorkspace(modules, encoders, decoders, DIM, coefs)
    trainer = make_trainer()
    trainer.fit(model, datamodule=vectors())
    assert not parameters(modules["v"]).equal(before["v"])
    assert parameters(modules["t"]).equal(before["t"])
    logged = trainer.callback_metrics
    for stage in ("train", "val"):
        total = logged[f"{stage}/cycles"] + logged[f"{stage}/unimodal"]
        assert logged[f"{stage}/loss"] == pytest.approx(total.item())


def test_optimizer_takes_rate_and_decay(make_trainer: Maker) -> None:
    constant = partial(ConstantLR, factor=1.0)
    model = GlobalWorkspace(*parts(), DIM, SIMPLE, 0.25, 0.125, scheduler=constant)
    trainer = make_trainer()
    trainer.fit(model, datamodule=vectors())
    (optimizer,) = trainer.optimizers
    assert isinstance(optimizer, torch.optim.AdamW)
    assert optimizer.param_groups[0]["lr"] == 0.25
    assert optimizer.param_groups[0]["weight_decay"] == 0.125


@pytest.mark.parametrize(
    ("arguments", "max_lr", "steps"),
    [
        pytest.param(None, 1e-3, 8, id="nothing-given"),
        pytest.param({"max_lr": 0.5}, 0.5, 8, id="rate"),
        pytest.param({"total_steps": 20}, 1e-3, 20, id="steps"),
        pytest.param({"max_lr": 0.5, "total_steps": 20}, 0.5, 20, id="both"),
    ],
)
def test_schedule_is_one_cycle(
    make_trainer: Maker, arguments: SchedulerArgs | None, max_lr: float, steps: int
) -> None:
    model = GlobalWorkspace(*parts(), DIM, SIMPLE, scheduler_args=arguments)
    trainer = make_trainer(max_epochs=2)
    trainer.fit(model, datamodule=vectors())
    schedule = trainer.lr_scheduler_configs[0].scheduler
    assert schedule.total_steps == steps
    assert schedule.optimizer.param_groups[0]["max_lr"] == max_lr


@pytest.mark.parametrize("learn", [False, True], ids=["fixed", "learned"])
def test_scale_of_the_contrastive_loss_is_trained_when_asked(
    make_trainer: Maker, learn: bool
) -> None:
    trainer = make_trainer(max_epochs=2)
    coefs = {"contrastives": 1.0}
    model = GlobalWorkspace(*parts(), DIM, coefs, learn_logit_scale=learn)
    trainer.fit(model, datamodule=vectors())
    scale = trainer.callback_metrics["train/contrastives/logit_scale"].item()
    assert (scale != pytest.approx(1 / 0.07)) == learn


class Distance(nn.Module):
    """A contrastive loss that is three, whatever it compares."""

    def forward(self, x: Tensor, y: Tensor) -> LossOutput:
        """Returns three."""
        return LossOutput(3 + 0 * (x - y).mean())


def test_contrastive_loss_can_be_replaced(make_trainer: Maker) -> None:
    trainer, coefs = make_trainer(), {"contrastives": 0.5, "cycles": 1.0}
    model = GlobalWorkspace(*parts(), DIM, coefs, contrastive_loss=Distance())
    trainer.fit(model, vectors().train_dataloader())
    assert trainer.callback_metrics["train/contrastives"] == 3.0


def selection_of(model: GlobalWorkspace) -> nn.Module:
    return model.get_submodule("brick_collection.fuse.model.selection")


def test_selection_can_be_replaced() -> None:
    model = GlobalWorkspaceFusion(*parts(), DIM, SIMPLE, selection=SharedSelection())
    assert isinstance(selection_of(model), SharedSelection)


def test_selection_of_fusion_takes_its_temperature() -> None:
    model = GlobalWorkspaceFusion(*parts(), DIM, SIMPLE, 0.7)
    selection = selection_of(model)
    assert isinstance(selection, RandomSelection)
    assert selection.temperature == 0.7


def test_activation_can_be_replaced() -> None:
    model = GlobalWorkspace(
        *parts(), DIM, SIMPLE, fusion_activation_fn=torch.zeros_like
    )
    values = model.brick_collection({"v": torch.ones(2, 4)}, Stage.INFERENCE)
    assert values["state"].abs().max() == 0


def without(mapping: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if key != name}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            lambda m, e, d: (m, without(e, "v"), d),
            r"gw_encoders: nothing for the domain 'v'",
            id="no-encoder",
        ),
        pytest.param(
            lambda m, e, d: (m, e, without(d, "t")),
            r"gw_decoders: nothing for the domain 't'",
            id="no-decoder",
        ),
        pytest.param(
            lambda m, e, d: (without(m, "v"), e, d),
            r"gw_encoders: there is no domain module for 'v'\..*Known names: t\.",
            id="no-module",
        ),
        pytest.param(
            lambda m, e, d: (m, {**e, "v": GWEncoder(4, 8, 5, 0)}, d),
            r"gw_encoders\.v\.out_dim: 5\. Expected workspace_dim, which is 6\.",
            id="encoder-size",
        ),
        pytest.param(
            lambda m, e, d: (m, e, {**d, "t": GWDecoder(7, 8, 3, 0)}),
            r"gw_decoders\.t\.in_dim: 7\. Expected workspace_dim, which is 6\.",
            id="decoder-size",
        ),
    ],
)
@KINDS
def test_domains_that_do_not_fit_are_an_error(
    kind: type[GlobalWorkspace], change: Callable[..., Parts], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        kind(*change(*parts()), DIM, SIMPLE)


def test_misspelt_coefficient_names_the_close_match() -> None:
    with pytest.raises(UnknownNameError, match=r"'cylces'\. Did you mean 'cycles'\?"):
        GlobalWorkspace(*parts(), DIM, {"cylces": 1.0})


def test_unknown_argument_is_an_error() -> None:
    with pytest.raises(TypeError, match="optim_rate"):
        GlobalWorkspaceFusion(*parts(), DIM, SIMPLE, optim_rate=0.1)
