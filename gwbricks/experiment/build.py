"""From a resolved config to data, graph and module."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningDataModule
from torch import nn

from gwbricks.bricks import Brick, BrickCollection
from gwbricks.config.allowed_targets import resolve_target
from gwbricks.config.arguments import filled_arguments
from gwbricks.config.brick_sources import without_sources
from gwbricks.config.instantiate import instantiate
from gwbricks.config.keys.checks import check_parts, parts_of
from gwbricks.config.optimizer import build_optimizer
from gwbricks.data import TableDataModule, TensorsData
from gwbricks.data.table import LAYOUT
from gwbricks.errors import ConfigError, ConfigErrors, UnknownNameError
from gwbricks.experiment.sizes import check_data_sizes, check_sizes
from gwbricks.losses import ROUTES, without_routes
from gwbricks.training import LightningBrickCollection
from gwbricks.training.batch_losses import compute_objective, Objective
from gwbricks.workspace import missing_kinds, Workspace, WorkspaceDomain
from gwbricks.workspace.graph.gw_bricks import UNIMODAL

MakeModule = Callable[..., LightningBrickCollection]
"""Makes a LightningModule around a graph; takes what belongs to a run by name."""


@dataclass(frozen=True)
class Experiment:
    """What a config describes, ready to be trained.

    Args:
        config: The resolved config.
        data: The data module.
        domains: The domains of the workspace, if there is one.
        module: The LightningModule around the graph.
        make_module: Makes another one around the same graph.
        loaded: Modules whose weights were loaded; see `load_sources`.
        sources: Experiments that bricks start from, by the config key of the brick.
    """

    config: dict[str, Any]
    data: LightningDataModule
    domains: dict[str, WorkspaceDomain]
    module: LightningBrickCollection
    make_module: MakeModule
    loaded: frozenset[nn.Module] = frozenset()
    sources: Mapping[str, "Experiment"] = field(default_factory=dict)

    @property
    def own_domains(self) -> dict[str, WorkspaceDomain]:
        """The domains that were not loaded as parts of the graph."""
        domains = self.domains.items()
        return {name: d for name, d in domains if d.module not in self.loaded}

    def in_folder(
        self,
        folder: Path,
        config: dict[str, Any],
        saved: Mapping[str, Any],
        compute: Callable[..., Objective] = compute_objective,
    ) -> "Experiment":
        """Returns the experiment of a run, with the same data and graph.

        Args:
            folder: The run folder, in which pictures are kept.
            config: The resolved config, which names the folder.
            saved: The config that checkpoints keep.
            compute: See `LightningBrickCollection`.
        """
        module = self.make_module(
            config=saved, path_experiments=folder, compute=compute
        )
        return replace(self, config=config, module=module)


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
    data = instantiate(config["data"], "data", config["seed"], trusted)
    if isinstance(data, TableDataModule):
        _ = data.splits, data.groups  # raise early
    domains, make_module = build_graph(config, trusted, data)
    module = make_module(config=config if saved is None else saved)
    return Experiment(config, data, domains, module, make_module)


def build_graph(
    config: dict[str, Any],
    trusted: Collection[str] = (),
    data: LightningDataModule | None = None,
) -> tuple[dict[str, WorkspaceDomain], MakeModule]:
    """Builds domains and graph, without loading or training any weights.

    Args:
        config: See `build_experiment`.
        trusted: See `resolve_target`.
        data: The data that the graph has to fit; None checks nothing of it.

    Returns:
        The domains, and what makes a LightningModule around the graph.

    Raises:
        ConfigError: If the parts do not fit together.
    """
    seed = config["seed"]
    domains = build_domains(config, trusted)
    coefs = dict(config.get("loss_coefs") or {})
    if any(domain.trainable for domain in domains.values()):
        coefs = {UNIMODAL: 1.0, **coefs}
    workspace = build_workspace(config, trusted)
    if ROUTES in coefs and workspace is None:
        raise ConfigError(
            f"loss_coefs.{ROUTES}: there is no workspace, so there are no routes."
            f" Fix: ~loss_coefs.{ROUTES}, or workspace=gw."
        )
    _check_compile(config, workspace)
    check_sizes(config, domains)
    check_data_sizes(config, domains, data)
    sections = {"domains": domains, "workspace": workspace, "loss_coefs": coefs}
    node = without_sources(config.get("bricks") or {})
    bricks = _build_bricks(node, "bricks", seed, trusted, sections)
    _check_routes(coefs, data, domains, workspace)
    if not bricks:
        raise ConfigError(
            "bricks: there is none. Fix: bricks@bricks: [gw], or your own bricks."
        )
    optimizer, groups = build_optimizer(config["optimizer"], "optimizer", seed, trusted)
    return domains, partial(
        LightningBrickCollection,
        _connect(bricks, data),
        optimizer,
        without_routes(coefs),
        instantiate(config.get("scheduler"), "scheduler", seed, trusted),
        seed,
        parameter_groups=groups,
        compiled=bool(config.get("compile")),
    )


def _check_compile(config: Mapping[str, Any], workspace: Workspace | None) -> None:
    if config.get("compile") and workspace and workspace.routes.sample is not None:
        raise ConfigError(
            "compile: true, but workspace.routes.sample draws other routes for each"
            " batch. Fix: compile=false, or workspace.routes.sample=null."
        )


def _connect(
    bricks: Mapping[str, Any], data: LightningDataModule | None
) -> BrickCollection:
    if not isinstance(data, TableDataModule):
        return BrickCollection(bricks)
    try:
        return BrickCollection(bricks, inputs=[*data.columns, LAYOUT])
    except UnknownNameError as error:
        hint = (
            " Fix: name a column that is no domain in data.labels."
            if isinstance(data, TensorsData)
            else ""
        )
        raise ConfigError(
            f"{error} The data has {', '.join(data.columns)}.{hint}"
        ) from error


def build_domains(
    config: Mapping[str, Any], trusted: Collection[str] = ()
) -> dict[str, WorkspaceDomain]:
    """Builds the domains; one that is pretrained starts from its pretraining seed."""
    domains = {}
    for name, node in sorted((config.get("domains") or {}).items()):
        key = f"domains.{name}"
        if not isinstance(node, Mapping):
            raise ConfigError(
                f"{key}: {node!r}. Expected a domain. Fix: ~{key} to remove it."
            )
        check_parts(node, "domains.*", key)
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
    check_parts(node, "workspace", "workspace")
    parts = {
        part.name: instantiate(node[part.name], part.path, config["seed"], trusted)
        for part in parts_of("workspace")
        if node.get(part.name) is not None
    }
    return Workspace(**parts, gather=bool(node.get("gather", False)))


def _build_bricks(
    node: Mapping[str, Any],
    key: str,
    seed: int,
    trusted: Collection[str],
    sections: Mapping[str, Any],
) -> dict[str, Any]:
    bricks = {}
    for name in sorted(node):
        path, brick = f"{key}.{name}", node[name]
        if brick is None:
            continue
        if "_target_" not in brick:
            bricks[name] = _build_bricks(brick, path, seed, trusted, sections)
            continue
        target = resolve_target(brick["_target_"], path, trusted)
        wanted = [given for given in filled_arguments(target) if given not in brick]
        if "workspace" in wanted and sections["workspace"] is None:
            raise ConfigError(f"{path}: there is no workspace. Fix: workspace=gw.")
        extra = {given: sections[given] for given in wanted}
        bricks[name] = instantiate(brick, path, seed, trusted, extra)
        if not isinstance(bricks[name], Brick | Mapping):
            raise ConfigError(f"{path}: a {type(bricks[name]).__name__} is no brick.")
    return bricks


def _check_routes(
    coefs: Mapping[str, Any],
    data: LightningDataModule | None,
    domains: Mapping[str, WorkspaceDomain],
    workspace: Workspace | None,
) -> None:
    if workspace is None or not domains or not isinstance(data, TableDataModule):
        return
    kinds = [kind for kind, c in without_routes(coefs).items() if c is not None]
    names = sorted(domains)
    groups = [tuple(d for d in group if d in domains) for group in data.groups]
    problems = missing_kinds(kinds, groups, names, workspace.routes)
    if problems:
        raise ConfigErrors(problems)
