"""Experiments that bricks start from: each is trained once, kept, and used again."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from gwbricks.config.brick_sources import find_experiments
from gwbricks.config.compose import compose, experiment_name
from gwbricks.config.saved import plain_config
from gwbricks.data import TableDataModule
from gwbricks.errors import CheckpointError, ConfigError
from gwbricks.experiment.build import Experiment
from gwbricks.experiment.devices import on_one_device
from gwbricks.experiment.kept_weights import digest, keep
from gwbricks.runs.folder.place import Place, safe_name, timestamp
from gwbricks.runs.loggers.wandb_run import PRETRAIN
from gwbricks.training.checkpoints import read_weights

SHARED = ("paths", "logger", "threads")
"""Sections that an experiment takes from the run that needs it."""

DEVICES = ("accelerator", "devices")
"""Keys of `trainer` that it takes from that run, for one device."""


def compose_experiment(overrides: Sequence[str], cfg: DictConfig) -> DictConfig:
    """Composes an experiment that is trained for another run.

    Args:
        overrides: What it is trained with, such as `experiment=digits`.
        cfg: Config of the run that needs it, which says where it goes, what it logs to,
            and the device, which is the first one if it has several.

    Raises:
        ConfigError: If an override, an option or a key does not exist.
    """
    source, needing = (
        OmegaConf.to_container(c, resolve=False) for c in (compose(overrides), cfg)
    )
    assert isinstance(source, dict)
    assert isinstance(needing, dict)
    trainer, other = source["trainer"], needing["trainer"]
    shared = {name: needing[name] for name in SHARED if name in needing}
    devices = {k: v for k, v in on_one_device(other).items() if k in DEVICES}
    trainer = {**on_one_device(trainer), **devices}
    return OmegaConf.create({**source, **shared, "trainer": trainer})


def check_experiments(
    cfg: DictConfig,
    config: Mapping[str, Any],
    check: Callable[..., Experiment],
    needed_by: Sequence[Sequence[str]],
) -> dict[str, Experiment]:
    """Checks the experiments that bricks start from, without training them.

    Args:
        cfg: Config of the run that needs them.
        config: The same, resolved.
        check: Checks a config.
        needed_by: Overrides of the experiments that start from this one.

    Returns:
        The experiments by the config key of the brick or nest.

    Raises:
        ConfigError: If one has mistakes, or starts from itself.
    """
    found = {}
    for key, overrides in find_experiments(config.get("bricks") or {}).items():
        where = f"{key}.from: {' '.join(overrides)}"
        if overrides in needed_by:
            raise ConfigError(f"{where} starts from itself. Fix: another experiment.")
        try:
            source = compose_experiment(overrides, cfg)
            found[key] = check(source, needed_by=(*needed_by, overrides))
        except (ConfigError, CheckpointError) as error:
            raise ConfigError(f"{where}: {error}") from error
    return found


def keep_experiments(
    experiment: Experiment,
    cfg: DictConfig,
    train: Callable[[DictConfig, Place], object],
    tell: Callable[[str], None],
    is_maker: bool = True,
) -> tuple[dict[str, Path], dict[str, dict[str, Tensor]]]:
    """Trains the experiments that bricks start from, unless that was done before.

    Args:
        experiment: What needs them.
        cfg: Its config.
        train: Trains an experiment, as a run of its own.
        tell: Is told what happens, a line at a time.
        is_maker: See `keep`.

    Returns:
        Their files and their weights, by the config key of the brick or nest.

    Raises:
        CheckpointError: If kept weights are damaged.
        ConfigError: If the weights cannot be written.
    """
    files, weights = {}, {}
    bricks = experiment.config.get("bricks") or {}
    for key, overrides in sorted(find_experiments(bricks).items()):
        name = safe_name(experiment_name(overrides))
        file = f"{name}-{experiment_key(overrides, experiment.sources[key])}.ckpt"
        path = Path(experiment.config["paths"]["pretrained"]) / file
        files[key] = path
        weights[key] = keep(
            path,
            f"{key}: {' '.join(overrides)}",
            f"{key}.from",
            partial(_train, overrides, cfg, train, f"{key}.from"),
            tell,
            is_maker,
        )
    return files, weights


def experiment_key(overrides: Sequence[str], experiment: Experiment) -> str:
    """Returns a key made of everything that determines an experiment's weights.

    That is its config, its training and validation rows, the weights that it starts
    from, and the versions of gwbricks and torch.

    Args:
        overrides: What it is trained with.
        experiment: The experiment, checked and not yet trained.
    """
    config = plain_config(compose(overrides))
    parts = {name: config[name] for name in config if name not in (*SHARED, "sweep")}
    weights = dict(sorted(experiment.module.state_dict().items()))
    return digest([parts], [*_rows(experiment), *weights.values()])


def _rows(experiment: Experiment) -> list[Tensor]:
    data = experiment.data
    if not isinstance(data, TableDataModule):
        return []
    return [
        rows[name]
        for split in sorted(data.splits)
        if not split.startswith("test")
        for rows in (data.splits[split].columns, data.present(split))
        for name in sorted(rows)
    ]


def _train(
    overrides: Sequence[str],
    cfg: DictConfig,
    train: Callable[[DictConfig, Place], object],
    key: str,
) -> dict[str, Tensor]:
    source = compose_experiment(overrides, cfg)
    for node in (source.logger or {}).values():
        if node is not None and "job_type" in node:
            node.job_type = PRETRAIN
    name = safe_name(experiment_name(overrides))
    train(source, Place(name, timestamp(), overrides))
    return read_weights(Path(source.paths.run), key)
