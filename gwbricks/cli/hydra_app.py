"""Runs a task under Hydra, with Hydra's whole command line."""

import os
import sys
from collections.abc import Callable, Sequence
from typing import cast

import hydra
from hydra import initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from gwbricks.cli.hydra_registration import register_launchers, register_sweeper
from gwbricks.config.composition_errors import explain
from gwbricks.config.groups import without_null_groups
from gwbricks.config.hydra_session import UNCOMPOSABLE
from gwbricks.config.saved import masked_overrides
from gwbricks.config.search_path import packaged_configs, register
from gwbricks.errors import ConfigError, SweepError
from gwbricks.runs.folder.place import Place, safe_name, timestamp
from gwbricks.sweeps.task import SweepTask

DISARMED = (
    "hydra.callbacks=${oc.create:null}",
    "hydra.job_logging.root=null",
    "hydra.hydra_logging.root=null",
)
"""Overrides of keys whose classes Hydra would build before gwbricks checks them."""


def run_hydra(
    task: Callable[[DictConfig], None], args: Sequence[str], command: str
) -> None:
    """Runs `task` once, or once a job of a sweep; a failed job stops no other.

    Args:
        task: Is given the composed config.
        args: The command line behind the command.
        command: Name of the command, for Hydra's help.

    Raises:
        ConfigError: If the config cannot be composed.
        SweepError: If jobs of a sweep failed.
    """
    register()
    overrides = without_null_groups([arg for arg in args if is_override(arg)])
    cfg = None if len(overrides) < len(args) else _compose_run(overrides)
    if cfg is None:
        _run_guarded(task, args, command)
    else:
        task(cfg)


def run_sweep(task: SweepTask, args: Sequence[str], command: str) -> None:
    """Runs a job of a sweep for each combination of values.

    Args:
        task: Runs a job.
        args: The command line behind the command.
        command: Name of the command, for Hydra's help.

    Raises:
        ConfigError: If a config cannot be composed.
    """
    register()
    register_launchers()
    register_sweeper()
    _run_app(task, args, command)


def _compose_run(overrides: list[str]) -> DictConfig | None:
    """Composes as Hydra's app does, in half of its time; returns None for a sweep."""
    try:
        with initialize_config_dir(str(packaged_configs()), version_base="1.3"):
            cfg = hydra.compose("train", overrides, return_hydra_config=True)
    except UNCOMPOSABLE as error:
        raise explain(error, overrides) from error
    if cfg.hydra.mode is RunMode.MULTIRUN:
        return None
    HydraConfig.instance().set_config(cfg)
    cfg = cfg.copy()
    with open_dict(cfg):
        del cfg["hydra"]
    return cfg


def _run_app(
    task: Callable[[DictConfig], None], args: Sequence[str], command: str
) -> None:
    """Runs Hydra's own app; its command line must have the flags first."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors are shown by gwbricks
    overrides = [arg for arg in args if is_override(arg)]
    flags = [arg for arg in args if not is_override(arg)]
    given = [*flags, *without_null_groups(overrides), *DISARMED]
    previous = sys.argv
    sys.argv = [f"gwbricks {command}", *given]
    decorate = hydra.main(str(packaged_configs()), "train", version_base="1.3")
    try:
        decorate(task)()
    except UNCOMPOSABLE as error:
        if isinstance(error.__cause__, ConfigError):  # of a launcher
            raise error.__cause__ from None
        raise explain(error, overrides) from error
    finally:
        sys.argv = previous


def _run_guarded(
    task: Callable[[DictConfig], None], args: Sequence[str], command: str
) -> None:
    failures: list[tuple[list[str], Exception]] = []
    launcher = ("hydra/launcher=", "hydra.launcher.")  # only trainings need one
    args = [arg for arg in args if not arg.startswith(launcher)]

    def guarded(cfg: DictConfig) -> None:
        try:
            task(cfg)
        except Exception as error:
            failures.append((job_overrides(), error))

    _run_app(guarded, args, command)
    if failures and not is_sweep(args):
        raise failures[0][1]
    if failures:
        lines = [f"{' '.join(job)}: {error}" for job, error in failures]
        raise SweepError("\n  ".join([f"{len(failures)} jobs failed:", *lines]))


def job_overrides() -> list[str]:
    """Returns the overrides of the job as they were given, references unresolved."""
    given = OmegaConf.to_container(HydraConfig.get().overrides.task, resolve=False)
    return masked_overrides(cast(list[str], given))


def place_of_run() -> Place:
    """Returns the folder of a run that is no job of a sweep: by experiment and time."""
    choices = HydraConfig.get().runtime.choices
    experiment = safe_name(str(choices.get("experiment") or "none"))
    return Place(experiment, timestamp(), job_overrides())


def is_override(arg: str) -> bool:
    """Whether an argument changes the config, and is no flag of Hydra's."""
    return arg.startswith("~") or ("=" in arg and not arg.startswith("-"))


def is_sweep(args: Sequence[str]) -> bool:
    """Whether the command line asks for a sweep."""
    return not {"-m", "--multirun", "hydra.mode=MULTIRUN"}.isdisjoint(args)
