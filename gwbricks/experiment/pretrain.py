"""Pretrains the domains that are not there yet."""

import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningDataModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint, RichProgressBar
from torch import Tensor

from gwbricks.bricks import BrickCollection, BrickTrainable
from gwbricks.bricks.stage import EVALUATED
from gwbricks.config.instantiate import instantiate
from gwbricks.config.optimizer import build_optimizer
from gwbricks.data import EvalLoader, TableDataModule, TrainLoader
from gwbricks.data.table import LAYOUT
from gwbricks.domains import DomainModule
from gwbricks.errors import ConfigError
from gwbricks.experiment.devices import on_any_device, on_one_device
from gwbricks.experiment.kept_weights import keep, pretraining_key
from gwbricks.experiment.trainer import check_training, make_trainer
from gwbricks.training import LightningBrickCollection
from gwbricks.training.callbacks.signals import interruptible
from gwbricks.training.checkpoints import load_weights, part_of, read_weights
from gwbricks.workspace import WorkspaceDomain
from gwbricks.workspace.graph.gw_bricks import UNIMODAL

ENDLESS = -1
"""Lightning's word for no limit."""


def check_domains(
    config: Mapping[str, Any],
    domains: Mapping[str, WorkspaceDomain],
    data: LightningDataModule,
    trusted: Collection[str] = (),
) -> None:
    """Loads the user's own weights, and checks what is to be pretrained.

    Nothing is written and nothing is trained.

    Args:
        config: A resolved config.
        domains: The domains.
        data: The data module; its training rows are what a domain is pretrained on.
        trusted: See `resolve_target`.

    Raises:
        CheckpointError: If a checkpoint is missing, damaged or of another shape.
        ConfigError: If a domain cannot be pretrained.
    """
    for name, domain in sorted(domains.items()):
        node, key = config["domains"][name], f"domains.{name}"
        if node.get("checkpoint") is not None:
            weights = _own_weights(Path(node["checkpoint"]), name)
            load_weights(domain.module, weights, f"{key}.checkpoint")
        elif node.get("pretrain") is not None:
            _check_loss(name, config, domain.module, data)
            trainer = _make_trainer(name, config)
            if trainer.max_epochs == trainer.max_steps == ENDLESS:
                raise ConfigError(
                    f"{key}.pretrain.trainer.max_epochs: {ENDLESS}. Expected an end."
                )
            with _alone(name, config, domain.module, trusted) as graph:
                check_training(graph, trainer, f"{key}.pretrain.")


def pretrain_domains(
    config: Mapping[str, Any],
    domains: Mapping[str, WorkspaceDomain],
    data: LightningDataModule,
    trusted: Collection[str] = (),
    tell: Callable[[str], None] = lambda _: None,
    is_maker: bool = True,
) -> dict[str, Path]:
    """Gives every domain that is pretrained its weights, new ones or those of before.

    Args:
        config: A resolved config, checked by `check_domains`.
        domains: The domains.
        data: The data module; its training rows are what a domain is pretrained on.
        trusted: See `resolve_target`.
        tell: Is told what happens, a line at a time.
        is_maker: See `keep`.

    Returns:
        Where weights are, the user's own too, by the config key of the domain.

    Raises:
        ConfigError: If the weights cannot be written.
    """
    files = {}
    for name, domain in sorted(domains.items()):
        key, node = f"domains.{name}", config["domains"][name]
        if node.get("checkpoint") is not None:
            tell(f"domain {name}: weights of {node['checkpoint']}")
            files[key] = Path(node["checkpoint"])
        elif node.get("pretrain") is not None:
            assert isinstance(data, TableDataModule)  # it was checked
            weights = partial(_train_alone, name, config, domain.module, data, trusted)
            files[key] = _pretrain(
                name, config, domain.module, data, weights, tell, is_maker
            )
    return files


def _own_weights(path: Path, name: str) -> dict[str, Tensor]:
    weights = read_weights(path, f"domains.{name}.checkpoint")
    return part_of(weights, f"gw.{name}.latent.model") or weights


def _pretrain(
    name: str,
    config: Mapping[str, Any],
    module: DomainModule,
    data: TableDataModule,
    train: Callable[[], dict[str, Tensor]],
    tell: Callable[[str], None],
    is_maker: bool,
) -> Path:
    key = f"domains.{name}.pretrain"
    file = f"{name}-{pretraining_key(name, config, data)}.ckpt"
    path = Path(config["paths"]["pretrained"]) / file
    weights = keep(
        path,
        f"domain {name}",
        key,
        train,
        tell,
        is_maker,
    )
    load_weights(module, weights, key)
    return path


def _train_alone(
    name: str,
    config: Mapping[str, Any],
    module: DomainModule,
    data: TableDataModule,
    trusted: Collection[str],
) -> dict[str, Tensor]:
    node = config["domains"][name]["pretrain"]
    train, val = _loaders(name, data, node["batch_size"], node["seed"])
    with (
        tempfile.TemporaryDirectory() as folder,
        _alone(name, config, module, trusted) as graph,
    ):
        best = ModelCheckpoint(folder, "best", "val/loss", enable_version_counter=False)
        trainer = _make_trainer(name, config, [best, RichProgressBar(leave=False)])
        with interruptible():
            trainer.fit(graph, train, val)
        weights = read_weights(Path(best.best_model_path), f"domains.{name}.pretrain")
        return part_of(weights, f"{name}.model")


@contextmanager
def _alone(
    name: str,
    config: Mapping[str, Any],
    module: DomainModule,
    trusted: Collection[str],
) -> Iterator[LightningBrickCollection]:
    """Gives the graph that trains a domain with its own loss, and nothing else."""
    key = f"domains.{name}.pretrain"
    node = config["domains"][name]["pretrain"]
    seed = node["seed"]
    trainable = [p.requires_grad for p in module.parameters()]
    brick = BrickTrainable(
        module, [name], [UNIMODAL], "all", EVALUATED, method="compute_domain_loss"
    )
    optimizer, groups = build_optimizer(
        node["optimizer"], f"{key}.optimizer", seed, trusted
    )
    yield LightningBrickCollection(
        BrickCollection({name: brick}, inputs=[name, LAYOUT]),
        optimizer,
        scheduler=instantiate(node.get("scheduler"), f"{key}.scheduler", seed, trusted),
        seed=seed,
        parameter_groups=groups,
    )
    for parameter, flag in zip(module.parameters(), trainable, strict=True):
        parameter.requires_grad_(flag)


def _make_trainer(
    name: str, config: Mapping[str, Any], callbacks: Sequence[Callback] = ()
) -> Trainer:
    """Builds a trainer on the first device of the run."""
    devices = on_any_device(config["trainer"])
    shared = {k: devices[k] for k in ("accelerator", "devices") if k in devices}
    return make_trainer(
        on_one_device({**shared, **config["domains"][name]["pretrain"]["trainer"]}),
        f"domains.{name}.pretrain.trainer",
        logger=False,
        callbacks=list(callbacks),
    )


def _loaders(
    name: str, data: TableDataModule, batch_size: int, seed: int
) -> tuple[TrainLoader, EvalLoader]:
    columns = {
        split: {name: data.splits[split].columns[name]} for split in ("train", "val")
    }
    present = {split: {name: data.present(split)[name]} for split in ("train", "val")}
    items = present["train"][name].nonzero().flatten()
    if not len(items):
        raise ConfigError(f"domains.{name}: no training row has this domain.")
    train = TrainLoader(columns["train"], {(name,): items}, batch_size, seed)
    return train, EvalLoader(columns["val"], present["val"], batch_size)


def _check_loss(
    name: str,
    config: Mapping[str, Any],
    module: DomainModule,
    data: LightningDataModule,
) -> None:
    key = f"domains.{name}.pretrain"
    if not isinstance(data, TableDataModule):
        raise ConfigError(
            f"{key}: only data of gwbricks' own kind (TableDataModule) can pretrain a"
            f" domain. Fix: {key}=null, or domains.{name}.checkpoint=PATH."
        )
    node = config["domains"][name]["pretrain"]
    train, _ = _loaders(name, data, node["batch_size"], node["seed"])
    rows = next(iter(train)).columns[name][:2]
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        if module.compute_domain_loss(rows) is None:
            raise ConfigError(
                f"{key}: {type(module).__name__} has no loss of its own. Fix: give it"
                f" compute_domain_loss(domain) -> LossOutput, or {key}=null."
            )
