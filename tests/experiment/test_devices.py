from collections.abc import Callable
from typing import Any

import pytest
import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.strategies import DDPStrategy
from omegaconf import DictConfig

from gwbricks.errors import ConfigError
from gwbricks.experiment import devices
from gwbricks.experiment.devices import make_strategy
from gwbricks.experiment.trainer import make_trainer
from gwbricks.runs.check import check
from gwbricks.runs.train import Place, train
from gwbricks.training.strategies import DataParallel, ShardedParallel

Config = Callable[..., DictConfig]


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"strategy": "ddp", "devices": 2}, id="ddp"),
        pytest.param({"devices": 2}, id="two-devices"),
        pytest.param({"devices": 1, "num_nodes": 2}, id="two-machines"),
    ],
)
def test_several_processes_train_by_gwbricks_own_ddp(settings: dict[str, Any]) -> None:
    trainer = make_trainer({"accelerator": "cpu", **settings}, "trainer", logger=False)
    assert isinstance(trainer.strategy, DataParallel)
    assert trainer.world_size == 2


@pytest.mark.parametrize("name", ["true", "false"])
def test_unused_parameters_may_be_ruled_out(name: str) -> None:
    strategy = make_strategy(f"ddp_find_unused_parameters_{name}", "cpu", "trainer")
    assert isinstance(strategy, DDPStrategy)
    assert strategy._ddp_kwargs["find_unused_parameters"] is (name == "true")


def test_one_task_of_slurm_starts_its_processes_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SLURM_NTASKS", "1")
    monkeypatch.setenv("SLURM_JOB_NAME", "train")
    trainer = make_trainer(
        {"accelerator": "cpu", "devices": 2, "strategy": "ddp"}, "trainer", logger=False
    )
    assert isinstance(trainer.strategy, DataParallel)
    assert isinstance(trainer.strategy.cluster_environment, LightningEnvironment)


def test_misspelt_strategy_names_the_close_match(config: Config) -> None:
    with pytest.raises(
        ConfigError, match=r"trainer\.strategy: unknown name 'dpp'\. Did you mean 'ddp'"
    ):
        check(config("trainer=ddp", "trainer.strategy=dpp"))


@pytest.mark.parametrize("trainer", ["ddp", "fsdp"])
def test_check_starts_no_process_and_needs_no_gpu(
    config: Config, monkeypatch: pytest.MonkeyPatch, trainer: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("subprocess.Popen", None)
    experiment = check(config(f"trainer={trainer}", "experiment=main_example"))
    assert experiment.config["trainer"]["strategy"] == trainer


def test_fsdp_without_gpus_says_so_before_anything_is_written(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    cfg = config("trainer=fsdp", "paths.pretrained=nowhere")
    with pytest.raises(
        ConfigError, match=r"strategy: fsdp needs GPUs, and this machine has none\. Fix"
    ):
        train(cfg, Place("example", "run"))


def test_fsdp_on_a_cpu_beside_gpus_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(ConfigError, match=r"GPUs, and trainer\.accelerator is cpu\."):
        devices.make_strategy("fsdp", "cpu", "trainer")
    assert isinstance(make_strategy("fsdp", "gpu", "trainer"), ShardedParallel)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="FSDP needs a GPU")
def test_fsdp_leaves_a_checkpoint_of_plain_tensors(config: Config) -> None:
    cfg = config("trainer=fsdp", "trainer.devices=1")
    results = train(cfg, Place("example", "run"))
    saved = torch.load(f"{cfg.paths.run}/checkpoints/last.ckpt", weights_only=True)
    assert "test/loss" in results
    assert all(type(value) is torch.Tensor for value in saved["state_dict"].values())
