import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import DictConfig
from torch import nn, Tensor

from gwbricks.bricks import save_bricks
from gwbricks.errors import ConfigError
from gwbricks.inference.evaluate import rebuild
from gwbricks.runs.check import check
from gwbricks.runs.train import Place, train
from gwbricks.training.checkpoints import part_of

Config = Callable[..., DictConfig]
SMALL = ("experiment=digits_classifier", "bricks.backbone.model.widths=[2,2,2]")
"""A classifier whose graph is built in no time."""


def weights(module: nn.Module, path: str) -> dict[str, Tensor]:
    return {n: x.clone() for n, x in part_of(module.state_dict(), path).items()}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    assert first.keys() == second.keys()
    assert first
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "loaded"),
    [
        pytest.param("bricks.backbone.from={run}", ["backbone"], id="same-name"),
        pytest.param(
            "bricks.backbone.from={run}:bricks.backbone", ["backbone"], id="name"
        ),
        pytest.param(
            "bricks.head.from={run}/checkpoints/best.ckpt", ["head"], id="checkpoint"
        ),
        pytest.param("bricks.head.from={run}/x.safetensors", ["head"], id="bricks"),
        pytest.param("bricks.from={run}", ["backbone", "head"], id="whole-graph"),
        pytest.param("bricks.head.from=null", [], id="off"),
    ],
)
def test_bricks_start_from_the_weights_of_another_run(
    saved: Callable[..., Any], config: Config, given: str, loaded: list[str]
) -> None:
    folder, other = saved(*SMALL, "seed=1")
    save_bricks(other.module.brick_collection, folder / "x.safetensors")
    module = check(config(*SMALL, "+" + given.format(run=folder))).module
    for path in ("backbone", "head"):
        is_other = same(weights(module, path), weights(other.module, path))
        assert is_other == (path in loaded), path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "loaded"),
    [
        pytest.param("bricks.gw", "gw", id="nest-of-a-factory"),
        pytest.param("bricks.gw.domain1", "gw.domain1", id="nest-inside"),
        pytest.param("bricks.gw.domain1.encode", "gw.domain1.encode", id="brick"),
    ],
)
def test_nests_of_a_workspace_start_from_another_run(
    saved: Callable[..., Any], config: Config, given: str, loaded: str
) -> None:
    folder, other = saved("seed=1", "domains.domain1.pretrain.seed=1")
    module = check(config(f"+{given}.from={folder}")).module
    for path in ("gw.domain1.encode", "gw.domain2.encode"):
        is_other = same(weights(module, path), weights(other.module, path))
        assert is_other == path.startswith(loaded), path


def test_bricks_in_a_nest_of_the_config_start_from_another_run(
    saved: Callable[..., Any], config: Config
) -> None:
    heads = "experiment=image_classification", "bricks.backbone.model.widths=[2,2,2]"
    folder, other = saved(*heads, "seed=1")
    module = check(config(*heads, f"+bricks.digit.from={folder}")).module
    assert same(weights(module, "digit"), weights(other.module, "digit"))
    assert not same(weights(module, "loop"), weights(other.module, "loop"))


@pytest.mark.slow
def test_brick_can_start_from_another_brick(
    saved: Callable[..., Any], config: Config
) -> None:
    folder, other = saved("seed=1", "domains.domain2.data_dim=16")
    source = f"{folder}:bricks.gw.domain1.encode"
    module = check(config(f"+bricks.gw.domain2.encode.from={source}")).module
    expected = weights(other.module, "gw.domain1.encode")
    assert same(weights(module, "gw.domain2.encode"), expected)


@pytest.mark.slow
def test_loaded_weights_stay_frozen_and_evaluate_without_their_source(
    saved: Callable[..., Any], config: Config
) -> None:
    source, other = saved(*SMALL, "seed=1")
    cfg = config(
        *SMALL,
        f"+bricks.backbone.from={source}",
        "bricks.backbone._target_=gwbricks.BrickNotTrainable",
        "trainer.max_epochs=1",
    )
    train(cfg, Place("example", "run"))
    shutil.rmtree(source)
    again = rebuild(Path(cfg.paths.run)).module
    assert same(weights(again, "backbone"), weights(other.module, "backbone"))
    assert not same(weights(again, "head"), weights(other.module, "head"))


def test_loaded_domain_is_not_pretrained(
    saved: Callable[..., Any], config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, other = saved("seed=1", "domains.domain1.pretrain.seed=1")
    cfg = config(f"+bricks.gw.domain1.from={folder}")
    train(cfg, Place("example", "run"))
    printed = capsys.readouterr().out
    assert f"bricks.gw.domain1: weights of {folder}" in printed
    assert "domain domain1" not in printed
    assert "domain domain2: pretrain" in printed
    module = rebuild(Path(cfg.paths.run)).module
    latent = "gw.domain1.latent"
    assert same(weights(module, latent), weights(other.module, latent))


@pytest.mark.slow
@pytest.mark.parametrize("file", ["", "/checkpoints/best.ckpt", "/x.safetensors"])
def test_domains_checkpoint_may_be_a_run_or_bricks(
    saved: Callable[..., Any], config: Config, file: str
) -> None:
    folder, other = saved("seed=1", "domains.domain1.pretrain.seed=1")
    save_bricks(other.module.brick_collection, folder / "x.safetensors")
    module = check(config(f"+domains.domain1.checkpoint={folder}{file}")).module
    latent = "gw.domain1.latent"
    assert same(weights(module, latent), weights(other.module, latent))


def test_domain_with_two_sources_is_an_error(
    saved: Callable[..., Any], config: Config
) -> None:
    folder, _ = saved()
    both = f"+bricks.gw.from={folder}", f"+domains.domain1.checkpoint={folder}"
    with pytest.raises(ConfigError, match=r"^domains\.domain1\.checkpoint: a brick's"):
        check(config(*both))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param(
            "bricks.head.from={run}:bricks.haed",
            r"bricks\.head\.from: '.*saved' holds no weights of 'bricks\.haed'\."
            r" Did you mean 'bricks\.head'\?",
            id="unknown-source",
        ),
        pytest.param(
            "bricks.head.from={run}:head",
            r"no weights of 'head'\. Did you mean 'bricks\.head'\?",
            id="no-config-key",
        ),
        pytest.param(
            "bricks.haed.from={run}",
            r"bricks\.haed\.from: unknown name 'bricks\.haed'\. Did you",
            id="unknown-brick",
        ),
        pytest.param(
            "bricks.head.model.from={run}",
            r"bricks\.head\.model\.from: unknown name .* Did you mean 'bricks\.head'",
            id="module-in-a-brick",
        ),
        pytest.param(
            "bricks.head.from={run}:bricks.backbone",
            r"bricks\.head\.from: the weights do not fit BrickTrainable: 2 missing",
            id="another-shape",
        ),
        pytest.param(
            "bricks.head.from=nowhere", r"bricks\.head\.from: no file 'nowh", id="path"
        ),
        pytest.param(
            "bricks.head.from=.", r"bricks\.head\.from: '\.': no run fold", id="folder"
        ),
        pytest.param(
            "bricks.head.from=3", r"bricks\.head\.from: 3\. Expected RUN_OR", id="type"
        ),
        pytest.param(
            "bricks.head.from=''", r"bricks\.head\.from: ''\. Expected RU", id="empty"
        ),
        pytest.param(
            "bricks.extra={{_target_: os.system, from: x}}",
            r"'os\.system' is not allowed",
            id="target",
        ),
    ],
)
def test_wrong_source_is_an_error_before_anything_is_written(
    saved: Callable[..., Any], config: Config, given: str, message: str
) -> None:
    folder, _ = saved(*SMALL)
    cfg = config(*SMALL, "+" + given.format(run=folder))
    with pytest.raises(ConfigError, match=message):
        train(cfg, Place("example", "run"))
    assert not Path(cfg.paths.outputs).exists()


def test_all_wrong_sources_are_reported_together(config: Config) -> None:
    both = "+bricks.head.from=here", "+bricks.backbone.from=there"
    with pytest.raises(ConfigError, match=r"^2 problems.*(\n  bricks.*no file.*){2}"):
        check(config(*SMALL, *both))
