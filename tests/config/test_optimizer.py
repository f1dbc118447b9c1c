"""Parameter groups of a config, from the check to a resumed run."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from omegaconf import DictConfig

from gwbricks.errors import CheckpointError, ConfigError
from gwbricks.runs.check import check

Run = Callable[..., Any]
Config = Callable[..., DictConfig]

LATENT = (
    "domains.domain1.trainable=true",
    "+optimizer.groups.latents={params:gw.*.latent,lr:1e-4}",
)
NO_DECAY = "+optimizer.groups.no_decay={params:['*.bias'],weight_decay:0}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        pytest.param(
            ["+optimizer.groups.a={params:gw,weight_decai:0}"],
            r"optimizer\.groups\.a\.weight_decai: AdamW .* mean 'weight_decay'\?",
            id="option",
        ),
        pytest.param(
            ["+optimizer.groups.a={params:gw,lr:abc}"],
            r"optimizer\.groups\.a\.lr: 'abc'\. Expected a value of type float",
            id="type",
        ),
        pytest.param(
            ["+optimizer.groups.a=3"], r"groups\.a: 3\. Expected a node", id="no-node"
        ),
        pytest.param(
            ["optimizer.groups=3"], r"groups: 3\. Expected groups of", id="no-groups"
        ),
        pytest.param(
            ["+optimizer.groups.a={params:gw.domain1.latent}"],
            r"optimizer\.groups\.a\.params: .* is frozen, .* Fix: train it, as in",
            id="frozen",
        ),
        pytest.param(
            ["+domains.domain1.pretrain.optimizer.groups.a={params:gw}"],
            r"domain1\.pretrain\.optimizer\.groups\.a\.params: 'gw' matches no",
            id="pretraining",
        ),
    ],
)
def test_mistake_in_a_group_is_found(
    config: Config, overrides: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        check(config(*overrides))


def test_group_can_be_switched_off_and_composed(config: Config) -> None:
    off = "+optimizer.groups.off=null"
    experiment = check(config(*LATENT, NO_DECAY, off))
    groups = experiment.module.make_optimizer().param_groups
    assert {g["name"]: (g["lr"], g["weight_decay"]) for g in groups} == {
        "rest": (1e-3, 0.0),
        "latents": (1e-4, 0.0),
        "latents+no_decay": (1e-4, 0),
        "no_decay": (1e-3, 0),
    }


@pytest.mark.slow
def test_run_with_groups_can_be_resumed_with_the_same_members_only(run: Run) -> None:
    folder, _, _ = run(*LATENT, NO_DECAY)
    path = folder / "checkpoints" / "last.ckpt"
    header, *rows = (folder / "metrics.csv").read_text().splitlines()
    rate = header.split(",").index("lr-AdamW/latents+no_decay")
    rates = [float(row.split(",")[rate]) for row in rows if row.split(",")[rate]]
    assert max(rates) == pytest.approx(1e-4, rel=0.05)
    longer = ("trainer.max_epochs=2", "scheduler=null")
    with pytest.raises(
        CheckpointError, match="trained with other parameters in the op"
    ):
        run(*LATENT, *longer, ckpt_path=path)
    faster = "optimizer.groups.latents.lr=1e-2"
    second = run(*LATENT, NO_DECAY, *longer, faster, ckpt_path=path).folder
    last = torch.load(second / "checkpoints" / "last.ckpt", weights_only=True)
    groups = last["optimizer_states"][0]["param_groups"]
    assert [group["lr"] for group in groups] == [1e-3, 1e-2, 1e-2, 1e-3]
