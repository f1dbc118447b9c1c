"""Groups of parameters: who is in them, and which options they have."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, strategies as st
from lightning.pytorch.callbacks import LearningRateMonitor
from torch import nn
from torch.optim import Adam, AdamW, SGD
from torch.optim.lr_scheduler import CosineAnnealingLR, CyclicLR, OneCycleLR

from gwbricks.bricks import BrickCollection, BrickLoss, BrickTrainable
from gwbricks.errors import ConfigError
from gwbricks.training import LightningBrickCollection
from gwbricks.training.parameter_groups import group_parameters, Groups, make_optimizer
from gwbricks.training.schedule import make_schedule

Maker = Callable[..., Any]


class Frozen(nn.Linear):
    """A linear map that is not trained."""

    def __init__(self) -> None:
        super().__init__(2, 2)
        self.requires_grad_(False)


def parameters() -> dict[str, nn.Parameter]:
    nests = {
        name: nn.ModuleDict({"latent": nn.Linear(2, 2), "encode": nn.Linear(2, 2)})
        for name in ("t", "v")
    }
    tree = nn.ModuleDict({"gw": nn.ModuleDict(nests), "fixed": Frozen()})
    return dict(tree.named_parameters())


def options(groups: Groups, option: str) -> dict[str, Any]:
    """Returns what each parameter that has an option is given."""
    return {
        name: group[option]
        for group in group_parameters(parameters(), groups)
        if option in group
        for name, _ in group["params"]
    }


def names(groups: Groups) -> dict[str, list[str]]:
    found = group_parameters(parameters(), groups)
    return {group["name"]: [name for name, _ in group["params"]] for group in found}


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        pytest.param("gw.v.latent.bias", ["v.latent.bias"], id="parameter"),
        pytest.param("gw.v.latent", ["v.latent.bias", "v.latent.weight"], id="brick"),
        pytest.param(
            "gw.t",
            ["t.encode.bias", "t.encode.weight", "t.latent.bias", "t.latent.weight"],
            id="nest",
        ),
        pytest.param(
            "gw.?.latent.w*", ["t.latent.weight", "v.latent.weight"], id="letter"
        ),
        pytest.param("gw.[t].*.bias", ["t.encode.bias", "t.latent.bias"], id="class"),
        pytest.param(
            ["*v.latent.bias", "gw.t.encode.bias"],
            ["t.encode.bias", "v.latent.bias"],
            id="list",
        ),
    ],
)
def test_patterns_are_those_of_a_shell(
    patterns: str | list[str], expected: list[str]
) -> None:
    found = names({"some": {"params": patterns}})
    assert found["some"] == [f"gw.{name}" for name in expected]
    assert sum(map(len, found.values())) == 8


def test_a_parameter_has_the_options_of_all_its_groups() -> None:
    groups: Groups = {
        "latents": {"params": "gw.*.latent", "lr": 0.1},
        "no_decay": {"params": "*.bias", "weight_decay": 0.0},
        "off": None,
    }
    assert list(names(groups)) == ["rest", "latents", "latents+no_decay", "no_decay"]
    rates, decays = options(groups, "lr"), options(groups, "weight_decay")
    assert set(rates.values()) == {0.1}
    assert sorted(rates) == [n for n in sorted(parameters()) if "latent" in n]
    assert sorted(decays) == [
        n for n in sorted(parameters()) if "bias" in n and "gw" in n
    ]


NESTED = {
    "all": {"params": "gw", "lr": 1.0},
    "latents": {"params": "gw.*.latent", "lr": 2.0},
    "latent": {"params": "gw.v.latent", "lr": 3.0},
}


@given(order=st.permutations(list(NESTED)))
def test_the_group_inside_wins_whatever_the_order(order: list[str]) -> None:
    rates = options({name: NESTED[name] for name in order}, "lr")
    assert rates["gw.v.encode.bias"] == 1.0
    assert rates["gw.t.latent.bias"] == 2.0
    assert rates["gw.v.latent.bias"] == 3.0


def test_same_value_is_no_conflict() -> None:
    groups = {"a": {"params": "gw.v", "lr": 1}, "b": {"params": "*.bias", "lr": 1.0}}
    assert set(options(groups, "lr").values()) == {1}


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        pytest.param(
            {"a": {"params": "gw.v", "lr": 1}, "b": {"params": "*.bias", "lr": 2}},
            r"a and b both set lr of 'gw\.v\.\w+\.bias', and neither lies inside",
            id="overlap",
        ),
        pytest.param(
            {"a": {"params": "gw.v", "lr": 1}, "b": {"params": ["gw.v"], "lr": 2}},
            "a and b both set lr",
            id="tie",
        ),
        pytest.param(
            {"a": {"params": ["gw.v", "gw.v.latnt"]}},
            r"groups\.a\.params: 'gw\.v\.latnt' matches no .* mean 'gw\.v\.latent'\?",
            id="unknown",
        ),
        pytest.param(
            {"a": {"params": "fixed"}},
            r"all that 'fixed' matches is frozen, such as 'fixed\.bias'\. Fix: train",
            id="frozen",
        ),
        pytest.param(
            {"a": {"lr": 1}}, r"a\.params: None\. Expected a pat", id="missing"
        ),
        pytest.param({"a": {"params": []}}, r"a\.params: \[\]\. Expected", id="empty"),
        pytest.param({"rest": {"params": "gw"}}, "what the rest is called", id="rest"),
    ],
)
def test_wrong_group_is_an_error(groups: Groups, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        group_parameters(parameters(), groups)


def test_optimizer_rejects_a_groups_value() -> None:
    make = partial(AdamW, lr=0.1)
    with pytest.raises(
        ConfigError, match=r"optimizer\.groups\.a: Invalid learning rat"
    ):
        make_optimizer(make, parameters(), {"a": {"params": "gw", "lr": -1.0}})


GROUPS = {"slow": {"params": "near", "lr": 0.01}}


@pytest.mark.parametrize(
    ("scheduler", "name", "expected"),
    [
        pytest.param(
            partial(OneCycleLR, max_lr=0.2), "max_lr", [0.2, 0.02], id="one-cycle"
        ),
        pytest.param(
            partial(OneCycleLR, max_lr=[0.3, 0.4]), "max_lr", [0.3, 0.4], id="by-group"
        ),
        pytest.param(CosineAnnealingLR, "initial_lr", [0.1, 0.01], id="cosine"),
        pytest.param(
            partial(CyclicLR, base_lr=0.05, max_lr=0.1, cycle_momentum=False),
            "initial_lr",
            [0.05, 0.005],
            id="cyclic",
        ),
    ],
)
def test_schedule_scales_the_rate_of_each_group(
    scheduler: Callable[..., Any], name: str, expected: list[float]
) -> None:
    optimizer = make_optimizer(
        partial(SGD, lr=0.1), dict(build().brick_collection.named_parameters()), GROUPS
    )
    make_schedule(optimizer, scheduler, lambda: 10)
    assert [group[name] for group in optimizer.param_groups] == pytest.approx(expected)


def test_rate_of_zero_cannot_be_scaled() -> None:
    named = dict(build().brick_collection.named_parameters())
    optimizer = make_optimizer(partial(SGD, lr=0.0), named, GROUPS)
    with pytest.raises(ConfigError, match=r"scheduler\.max_lr: it cannot be scaled"):
        make_schedule(optimizer, partial(OneCycleLR, max_lr=0.1), lambda: 10)


def build(**settings: Any) -> LightningBrickCollection:
    """Returns two heads, each with a loss of its own."""
    torch.manual_seed(0)
    bricks = {
        "near": BrickTrainable(nn.Linear(2, 1), ["x"], ["near_out"]),
        "far": BrickTrainable(nn.Linear(2, 1), ["x"], ["far_out"]),
        "loss": BrickLoss(
            lambda a, b: (a + b).square().mean(), ["near_out", "far_out"], ["square"]
        ),
    }
    settings = {"parameter_groups": GROUPS, **settings}
    optimizer = settings.pop("optimizer", partial(SGD, lr=0.1))
    return LightningBrickCollection(BrickCollection(bricks), optimizer, **settings)


ROWS = {"x": torch.tensor([[1.0, 2.0], [3.0, -1.0]])}


def test_each_group_moves_at_its_own_rate(make_trainer: Maker, repeat: Maker) -> None:
    model, still = build(), build()
    make_trainer().fit(model, repeat(ROWS))
    objective = still.training_step(ROWS, 0)
    assert objective is not None
    objective.backward()
    before = dict(still.brick_collection.named_parameters())
    for name, after in model.brick_collection.named_parameters():
        rate = 0.01 if name.startswith("near") else 0.1
        gradient = before[name].grad
        assert gradient is not None
        torch.testing.assert_close(after, before[name] - rate * gradient)


def test_rates_are_logged_by_the_names_of_the_groups(
    make_trainer: Maker, repeat: Maker, tmp_path: Path
) -> None:
    from lightning.pytorch.loggers import CSVLogger

    logger = CSVLogger(tmp_path)
    trainer = make_trainer(logger=logger, callbacks=[LearningRateMonitor("step")])
    trainer.fit(build(), repeat(ROWS, 2))
    assert trainer.callback_metrics["lr-SGD/slow"] == pytest.approx(0.01)
    assert trainer.callback_metrics["lr-SGD/rest"] == pytest.approx(0.1)


@pytest.mark.parametrize("scheduled", [True, False], ids=["one-cycle", "constant"])
def test_resumed_run_ends_like_one_that_was_not_interrupted(
    make_trainer: Maker, repeat: Maker, tmp_path: Path, scheduled: bool
) -> None:
    schedule = partial(OneCycleLR, max_lr=0.1, total_steps=4) if scheduled else None
    settings = {"optimizer": partial(Adam, lr=0.1), "scheduler": schedule}
    whole, resumed = build(**settings), build(**settings)
    make_trainer(max_epochs=2).fit(whole, repeat(ROWS, 2))
    half = make_trainer(max_epochs=1)
    half.fit(build(**settings), repeat(ROWS, 2))
    half.save_checkpoint(tmp_path / "half.ckpt")
    make_trainer(max_epochs=2).fit(
        resumed, repeat(ROWS, 2), ckpt_path=tmp_path / "half.ckpt", weights_only=True
    )
    for first, second in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(first, second)
