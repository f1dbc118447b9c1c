"""Builds what a config describes, after checking all of it."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial

from omegaconf import DictConfig

from gwbricks.config.problems import config_problems
from gwbricks.config.saved import plain_config, saved_config
from gwbricks.errors import ConfigError, ConfigErrors
from gwbricks.experiment.build import build_experiment, Experiment
from gwbricks.experiment.devices import on_any_device
from gwbricks.experiment.dry_run import check_bricks
from gwbricks.experiment.kept_latents import check_latents
from gwbricks.experiment.load_sources import load_sources
from gwbricks.experiment.monitored import monitor_problems
from gwbricks.experiment.pretrain import check_domains
from gwbricks.experiment.threads import set_threads
from gwbricks.experiment.trainer import build_trainer, check_training
from gwbricks.quiet_libraries import quiet_libraries
from gwbricks.runs.loggers.run_loggers import logger_problems
from gwbricks.runs.source_experiments import check_experiments


@quiet_libraries()
def check(
    cfg: DictConfig,
    trusted: Collection[str] = (),
    needed_by: Sequence[Sequence[str]] = (),
    is_saved: bool = False,
) -> Experiment:
    """Builds what a config describes, after checking all of it.

    Experiments that its bricks start from are checked too; their weights are those of
    before their training.

    Args:
        cfg: A composed config.
        trusted: See `resolve_target`.
        needed_by: Overrides of the experiments that start from this one.
        is_saved: Whether the config is resolved, and was checked before.

    Raises:
        ConfigError: With all mistakes that can be told together.
    """
    problems = config_problems(cfg, trusted, is_saved)
    if problems:
        raise ConfigErrors(problems)
    config = plain_config(cfg)
    problems = logger_problems(config, trusted)
    if problems:
        raise ConfigErrors(problems)
    set_threads(config)
    experiment = build_experiment(config, trusted, saved_config(cfg))
    problems = check_bricks(experiment.module, experiment.data)
    if problems:
        raise ConfigErrors(problems)
    module = experiment.module
    single = on_any_device(config["trainer"])
    check_training(module, build_trainer({**config, "trainer": single}, trusted))
    problems = monitor_problems(config, module, experiment.data)
    if problems:
        raise ConfigErrors(problems)
    checked = partial(check, trusted=trusted)
    sources = check_experiments(cfg, config, checked, needed_by)
    untrained = {key: source.module.state_dict() for key, source in sources.items()}
    bricks = config.get("bricks") or {}
    loaded = load_sources(bricks, module.brick_collection, untrained)
    experiment = replace(experiment, sources=sources, loaded=frozenset(loaded))
    _check_loaded_once(experiment)
    check_domains(config, experiment.own_domains, experiment.data, trusted)
    check_latents(config, experiment.domains, experiment.data)
    return experiment


def _check_loaded_once(experiment: Experiment) -> None:
    for name in experiment.domains.keys() - experiment.own_domains.keys():
        if experiment.config["domains"][name].get("checkpoint") is not None:
            raise ConfigError(
                f"domains.{name}.checkpoint: a brick's `from` gives these weights too."
                " Fix: leave one of the two out."
            )
