"""From a resolved config to data, graph, module and trainer."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningDataModule, Trainer
from lightning.pytorch.loggers import Logger

from gwbricks.bricks import Brick, BrickCollection
from gwbricks.data import TableDataModule
from gwbricks.data.table import LAYOUT
from gwbricks.errors import ConfigError, ConfigErrors
from gwbricks.runs.instantiate import instantiate
from gwbricks.training import LightningBrickCollection
from gwbricks.workspace import missing_kinds, Workspace, WorkspaceDomain
from gwbricks.workspace.graph import UNIMODAL

PARTS = ("selection", "fusion", "routes", "contrastive")


@dataclass
class Experiment:
    """What a config describes, ready to be trained.

    Args:
        config: The resolved config.
        data: The data module.
        domains: The domains of the workspace, if there is one.
        module: The LightningModule around the graph.
    """

    config: dict[str, Any]
    data: LightningDataModule
    domains: dict[str, WorkspaceDomain]
    module: LightningBrickCollection


def build_experiment(
    config: dict[str, Any],
    trusted: Collection[str] = (),
    saved: Mapping[str, Any] | None = None,
) -> Experiment:
    """Builds data, graph and module, without loading or training any weights.

    Args:
        config: A resolved config without mistakes; see `config_problems`.
        trusted: See `resolve_target`.
        saved: The config that checkpoints keep; `config` if None.

    Raises:
        ConfigError: If the parts do not fit together.
    """
    seed = config["seed"]
    data = instantiate(config["data"], "data", seed, trusted)
    if isinstance(data, TableDataModule):
        _ = data.splits, data.groups  # raise early
    domains = build_domains(config, trusted)
    coefs = dict(config["loss_coefs"] or {})
    if any(domain.trainable for domain in domains.values()):
        coefs = {UNIMODAL: 1.0, **coefs}
    workspace = build_workspace(config, trusted)
    _check_sizes(config, domains)
    filled = {"domains": domains, "workspace": workspace, "loss_coefs": coefs}
    bricks = _build_bricks(config["bricks"] or {}, "bricks", seed, trusted, filled)
    _check_routes(coefs, data, domains, workspace)
    if not bricks:
        raise ConfigError(
            "bricks: there is none. Fix: bricks@bricks: [gw], or your own bricks."
        )
    inputs = [*data.columns, LAYOUT] if isinstance(data, TableDataModule) else None
    module = LightningBrickCollection(
        BrickCollection(bricks, inputs=inputs),
        instantiate(config["optimizer"], "optimizer", seed, trusted),
        coefs,
        instantiate(config.get("scheduler"), "scheduler", seed, trusted),
        seed,
        config if saved is None else saved,
    )
    return Experiment(config, data, domains, module)


def build_domains(
    config: Mapping[str, Any], trusted: Collection[str] = ()
) -> dict[str, WorkspaceDomain]:
    """Builds the domains; those that are pretrained start from their pretraining seed."""
    domains = {}
    for name, node in sorted((config.get("domains") or {}).items()):
        key = f"domains.{name}"
        if not isinstance(node, Mapping):
            raise ConfigError(f"{key}: {node!r}. Expected a domain. Fix: ~{key} to remove it.")
        for part in ("module", "encoder", "decoder"):
            if not isinstance(node.get(part), Mapping) or "_target_" not in node[part]:
                raise ConfigError(
                    f"{key}.{part}: missing. Fix: take a domain of the group, as in"
                    f" +domain@{key}=mlp, or give {key}.{part}._target_."
                )
        pretrain = node.get("pretrain") or {}
        seed = pretrain.get("seed", config["seed"])
        domains[name] = WorkspaceDomain(
            instantiate(node["module"], f"{key}.module", seed, trusted),
            instantiate(node["encoder"], f"{key}.encoder", config["seed"], trusted),
            instantiate(node["decoder"], f"{key}.decoder", config["seed"], trusted),
            bool(node.get("trainable", False)),
        )
    return domains


def build_workspace(
    config: Mapping[str, Any], trusted: Collection[str] = ()
) -> Workspace | None:
    """Builds what the domains share; None if the config has no workspace."""
    node = config.get("workspace")
    if node is None:
        return None
    parts = {
        part: instantiate(node[part], f"workspace.{part}", config["seed"], trusted)
        for part in PARTS
        if node.get(part) is not None
    }
    return Workspace(**parts)


def _build_bricks(
    node: Mapping[str, Any],
    key: str,
    seed: int,
    trusted: Collection[str],
    filled: Mapping[str, Any],
) -> dict[str, Any]:
    bricks = {}
    for name in sorted(node):
        path, brick = f"{key}.{name}", node[name]
        if brick is None:
            continue
        if "_target_" not in brick:
            bricks[name] = _build_bricks(brick, path, seed, trusted, filled)
            continue
        is_graph = str(brick["_target_"]).endswith("gw_bricks")
        if is_graph and filled["workspace"] is None:
            raise ConfigError(f"{path}: there is no workspace. Fix: workspace=gw.")
        bricks[name] = instantiate(
            brick, path, seed, trusted, filled if is_graph else None
        )
        if not isinstance(bricks[name], Brick | Mapping):
            raise ConfigError(f"{path}: a {type(bricks[name]).__name__} is no brick.")
    return bricks


def _check_sizes(
    config: Mapping[str, Any], domains: Mapping[str, WorkspaceDomain]
) -> None:
    dim = (config.get("workspace") or {}).get("dim")
    problems = []
    for name, domain in domains.items():
        latent = domain.module.latent_dim
        for part, side, size, what in (
            (
                "encoder",
                "in_dim",
                latent,
                f"the module's latent_dim, which is {latent}",
            ),
            ("encoder", "out_dim", dim, f"workspace.dim, which is {dim}"),
            ("decoder", "in_dim", dim, f"workspace.dim, which is {dim}"),
            (
                "decoder",
                "out_dim",
                latent,
                f"the module's latent_dim, which is {latent}",
            ),
        ):
            found = getattr(getattr(domain, part), side, size)
            if size is not None and found != size:
                problems.append(
                    f"domains.{name}.{part}.{side}: {found}. Expected {what}."
                )
    if problems:
        raise ConfigErrors(problems)


def _check_routes(
    coefs: Mapping[str, float | None],
    data: LightningDataModule,
    domains: Mapping[str, WorkspaceDomain],
    workspace: Workspace | None,
) -> None:
    if workspace is None or not domains or not isinstance(data, TableDataModule):
        return
    kinds = [kind for kind, coef in coefs.items() if coef is not None]
    names = sorted(domains)
    groups = [tuple(d for d in group if d in domains) for group in data.groups]
    problems = missing_kinds(kinds, groups, names, workspace.routes)
    if problems:
        raise ConfigErrors(problems)


def build_trainer(
    config: Mapping[str, Any],
    trusted: Collection[str] = (),
    saved: Mapping[str, Any] | None = None,
) -> Trainer:
    """Builds the trainer with its callbacks and loggers.

    Args:
        config: A resolved config whose `paths.run` is the run folder.
        trusted: See `resolve_target`.
        saved: The config that W&B is given.

    Raises:
        ConfigError: If Lightning rejects an argument.
    """
    seed = config["seed"]
    callbacks: list[Callback] = [
        instantiate(node, f"callbacks.{name}", seed, trusted)
        for name, node in sorted((config.get("callbacks") or {}).items())
        if node is not None
    ]
    loggers: list[Logger] = [
        _build_logger(name, node, config, saved or config, trusted)
        for name, node in sorted((config.get("logger") or {}).items())
        if node is not None
    ]
    if not loggers:
        callbacks = [c for c in callbacks if type(c).__name__ != "LearningRateMonitor"]
    return make_trainer(
        config["trainer"], "trainer", callbacks=callbacks, logger=loggers or False
    )


def _build_logger(
    name: str,
    node: Mapping[str, Any],
    config: Mapping[str, Any],
    saved: Mapping[str, Any],
    trusted: Collection[str],
) -> Logger:
    extra: dict[str, Any] = {}
    if str(node["_target_"]).endswith("WandbLogger"):
        import wandb

        run = Path(config["paths"]["run"])
        extra = {"config": dict(saved), "settings": wandb.Settings(silent=True)}
        node = {**node, "name": node.get("name") or "_".join(run.parts[-2:])}
    return instantiate(node, f"logger.{name}", config["seed"], trusted, extra)


def make_trainer(arguments: Mapping[str, Any], key: str, **extra: Any) -> Trainer:
    """Builds a Lightning Trainer.

    Args:
        arguments: Lightning's arguments.
        key: Config key that they stand at.
        extra: Further arguments.

    Raises:
        ConfigError: If Lightning rejects them.
    """
    defaults = {"enable_model_summary": False}
    if not any(
        type(c).__name__ == "ModelCheckpoint" for c in extra.get("callbacks", [])
    ):
        defaults["enable_checkpointing"] = False
    try:
        return Trainer(**{**defaults, **arguments, **extra})
    except Exception as error:
        given = arguments.get("accelerator")
        message = str(error).strip().splitlines()[0]
        if given is not None and ("accelerator" in message or "upported" in message):
            raise ConfigError(
                f"{key}.accelerator: {given!r} is not there. Expected one of this machine's:"
                f" {', '.join(_accelerators())}. Fix: {key}=cpu."
            ) from error
        raise ConfigError(f"{key}: {message}") from error


def _accelerators() -> list[str]:
    found = ["cpu"]
    if torch.cuda.is_available():
        found.append("gpu")
    if torch.backends.mps.is_available():
        found.append("mps")
    return found
