import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import DictConfig
from torch import Tensor

from gwbricks.config.brick_sources import find_experiments
from gwbricks.errors import CheckpointError, ConfigError
from gwbricks.inference.evaluate import rebuild
from gwbricks.runs.check import check
from gwbricks.runs.source_experiments import experiment_key
from gwbricks.runs.train import Place, train
from gwbricks.training.checkpoints import part_of, read_weights

Config = Callable[..., DictConfig]
SMALL = ("experiment=digits_classifier", "bricks.backbone.model.widths=[2,2,2]")
SOURCE = (*SMALL, "trainer.max_epochs=1", "seed=3")
FROZEN = "bricks.backbone._target_=gwbricks.BrickNotTrainable"


def starts_from(*overrides: str) -> str:
    quoted = ",".join(f"'{override}'" for override in overrides)
    return f"+bricks.backbone.from=[{quoted}]"


def backbone(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    found = part_of(weights, "backbone")
    assert found
    return found


def key_of(cfg: DictConfig) -> str:
    experiment = check(cfg)
    (overrides,) = find_experiments(experiment.config["bricks"]).values()
    return experiment_key(overrides, experiment.sources["bricks.backbone"])


def test_experiment_is_trained_once_as_a_run_and_its_weights_are_used(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    told = "bricks.backbone: " + " ".join(SOURCE)
    runs = []
    for seed in (0, 1):
        own = f"seed={seed}", "paths.pretrained=kept"
        cfg = config(*SMALL, *own, FROZEN, starts_from(*SOURCE))
        train(cfg, Place("example", "run"))
        runs.append(rebuild(Path(cfg.paths.run)).module.state_dict())
        words = "pretrained before (kept/digits_classifier-" if seed else "pretraining"
        assert f"{told}: {words}" in capsys.readouterr().out
    (source,) = Path("outputs/digits_classifier").iterdir()
    assert json.loads((source / "run.json").read_text())["seed"] == 3
    assert {path.suffix for path in Path("kept").iterdir()} == {".ckpt", ".lock"}
    expected = backbone(read_weights(source, "source"))
    for weights in runs:
        found = backbone(weights)
        assert all(torch.equal(found[name], w) for name, w in expected.items())


def test_check_trains_nothing_and_sees_what_does_not_fit(config: Config) -> None:
    check(config(*SMALL, starts_from(*SOURCE)))
    other = "bricks.backbone.model.widths=[2,2,3]"
    with pytest.raises(ConfigError, match=r"backbone\.from: the weights do not fit"):
        check(config(*SMALL, starts_from(*SOURCE, other)))
    assert not Path("outputs").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "more",
    [
        pytest.param("seed=4", id="seed"),
        pytest.param("trainer.max_epochs=2", id="training"),
        pytest.param("optimizer.lr=0.1", id="optimizer"),
        pytest.param("data.split_seed=1", id="rows"),
    ],
)
def test_key_changes_with_what_determines_the_weights(
    config: Config, more: str
) -> None:
    changed = key_of(config(*SMALL, starts_from(*SOURCE, more)))
    assert changed != key_of(config(*SMALL, starts_from(*SOURCE)))


@pytest.mark.slow
def test_key_changes_with_the_content_of_files_that_are_started_from(
    config: Config, saved: Callable[..., Any]
) -> None:
    keys = set()
    for seed in (1, 2):
        folder, _ = saved(*SMALL, f"seed={seed}", name=f"saved{seed}")
        Path("file").unlink(missing_ok=True)
        Path("file").symlink_to(folder)
        keys.add(key_of(config(*SMALL, starts_from(*SOURCE, "+bricks.head.from=file"))))
    assert len(keys) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "own",
    [
        pytest.param("seed=7", id="seed"),
        pytest.param("optimizer.lr=0.1", id="optimizer"),
        pytest.param("paths.outputs=elsewhere", id="outputs"),
        pytest.param("logger=null", id="logger"),
    ],
)
def test_key_does_not_change_with_the_run_that_needs_it(
    config: Config, own: str
) -> None:
    cfg = config(*SMALL, own, starts_from(*SOURCE))
    assert key_of(cfg) == key_of(config(*SMALL, starts_from(*SOURCE)))


@pytest.mark.slow
def test_damaged_weights_are_an_error_that_names_the_file(config: Config) -> None:
    cfg = config(*SMALL, "paths.pretrained=kept", starts_from(*SOURCE))
    Path("kept").mkdir()
    key = key_of(cfg)
    (Path("kept") / f"digits_classifier-{key}.ckpt").write_bytes(b"garbage")
    with pytest.raises(
        CheckpointError,
        match=rf"backbone\.from: .*-{key}\.ckpt.*\. Fix: delete that file",
    ):
        train(cfg, Place("example", "run"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        pytest.param(
            ["experiment=digit_classifier"],
            r"digit_classifier: unknown option\. Did you mean 'digits_classifier'",
            id="unknown-experiment",
        ),
        pytest.param(
            [*SMALL, "optimizer.lr=fast"],
            r".*lr=fast: 2 problems.* optimizer\.lr: 'fast'\. Expected a",
            id="mistake",
        ),
        pytest.param(
            ["experiment=main_example"],
            r"'experiment=main_example' holds no weights of 'bricks\.backbone'",
            id="no-such-brick",
        ),
        pytest.param(
            ["experiment=mine"],
            r"experiment=mine: .*experiment=mine starts from itself\. Fix",
            id="itself",
        ),
    ],
)
def test_experiment_that_cannot_be_used_is_an_error_before_anything_is_written(
    config: Config, overrides: list[str], message: str
) -> None:
    folder = Path("configs") / "experiment"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(
        "# @package _global_\n"
        "defaults: [digits_classifier, _self_]\n"
        "bricks: {backbone: {from: [experiment=mine]}}\n"
    )
    cfg = config(*SMALL, starts_from(*overrides))
    with pytest.raises(ConfigError, match=rf"(?s)bricks\.backbone\.from: .*{message}"):
        train(cfg, Place("example", "run"))
    assert not Path("outputs").exists()


@pytest.mark.parametrize("wrong", ["[]", "[1]", "{a: b}"])
def test_source_of_another_kind_is_an_error(config: Config, wrong: str) -> None:
    cfg = config(*SMALL, f"+bricks.backbone.from={wrong}")
    with pytest.raises(
        ConfigError, match=r"backbone\.from: .*Expected RUN_OR.* \[experiment=NAME\]"
    ):
        check(cfg)
