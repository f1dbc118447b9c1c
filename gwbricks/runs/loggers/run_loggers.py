"""The loggers of a run: built from its config, told its results, and finished."""

import gwbricks.torchvision_import  # noqa: F401 - before torchmetrics

import logging
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from filelock import FileLock
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import (
    CSVLogger,
    Logger,
    MLFlowLogger,
    TensorBoardLogger,
    WandbLogger,
)

from gwbricks.config.allowed_targets import resolve_target
from gwbricks.config.instantiate import instantiate
from gwbricks.config.saved import CHANGES_NOTHING, masked_overrides
from gwbricks.runs.folder.place import Place
from gwbricks.runs.folder.results import is_of, Results
from gwbricks.runs.loggers.wandb_account import account_problem
from gwbricks.runs.loggers.wandb_run import (
    log_tables,
    log_weights,
    start_run,
    summarize,
    use_weights,
    wandb_arguments,
)

EXTRAS = {"TensorBoardLogger": "tensorboard", "MLFlowLogger": "mlflow"}
"""Packages that loggers need."""

LONGEST = 128
"""Characters of a name: W&B's limit."""


def logger_problems(
    config: Mapping[str, Any], trusted: Collection[str] = ()
) -> list[str]:
    """Returns one line for each logger that could not start.

    Args:
        config: A resolved config.
        trusted: See `resolve_target`.
    """
    problems = []
    for name, node in _nodes(config).items():
        key = f"logger.{name}"
        target: Any = resolve_target(node["_target_"], key, trusted)
        extra = EXTRAS.get(target.__name__)
        if extra is not None and find_spec(extra) is None:
            fix = f"Fix: pip install 'gwbricks[{extra}]'."
            problems.append(f"{key}: {extra} is not installed. {fix}")
        if issubclass(target, WandbLogger) and node.get("mode") == "online":
            problem = account_problem()
            problems += [f"{key}.mode: online, and {problem}"] if problem else []
    return problems


def _nodes(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    nodes = (config.get("logger") or {}).items()
    return {name: node for name, node in sorted(nodes) if node is not None}


class RunLoggers:
    """The loggers of one run, from its start to its end.

    Attributes:
        started: The loggers.
    """

    def __init__(self) -> None:
        self.started: list[Logger] = []
        self._with_artifacts: list[WandbLogger] = []
        self._saved: dict[str, Any] = {}

    def start(
        self,
        config: Mapping[str, Any],
        saved: Mapping[str, Any],
        place: Place,
        trusted: Collection[str] = (),
    ) -> None:
        """Builds and starts the loggers.

        Args:
            config: A resolved config whose `paths.run` is the run folder.
            saved: The config that loggers are given.
            place: Where the run is.
            trusted: See `resolve_target`.

        Raises:
            ConfigError: If one rejects its arguments.
        """
        self._saved = dict(saved)
        run, outputs = Path(config["paths"]["run"]), Path(config["paths"]["outputs"])
        for name, node in _nodes(config).items():
            key = f"logger.{name}"
            target: Any = resolve_target(node["_target_"], key, trusted)
            given, extra = dict(node), {}
            if issubclass(target, WandbLogger):
                given["name"] = node.get("name") or run_label(place)
                given["log_model"] = node.get("log_model") == "all"
                given["save_dir"] = str(Path(node.get("save_dir") or run).resolve())
                extra = wandb_arguments(node, run, saved)
            elif issubclass(target, MLFlowLogger):
                given["run_name"] = node.get("run_name") or run_label(place)
            with _database(target, outputs):
                logger = instantiate(given, key, config["seed"], trusted, extra)
                if isinstance(logger, MLFlowLogger):
                    logger.log_hyperparams(self._saved)
            if isinstance(logger, WandbLogger):
                start_run(logger, run)
                self._with_artifacts += [logger] * (node.get("log_model") is True)
            self.started.append(logger)

    def log_sources(self, sources: Mapping[str, Path]) -> None:
        """Logs the weights that the run starts from to loggers that keep artifacts.

        Args:
            sources: Files, or run folders, by the config key that names them.
        """
        for logger in self._with_artifacts:
            use_weights(logger, sources)

    def log_best(self, checkpoint: Callback | None) -> None:
        """Logs the best value of the monitored metric, even if the run failed.

        Args:
            checkpoint: What keeps the best weights.
        """
        if not isinstance(checkpoint, ModelCheckpoint) or checkpoint.monitor is None:
            return
        if checkpoint.best_model_score is not None:
            best = {checkpoint.monitor: float(checkpoint.best_model_score)}
            for logger in self.started:
                if isinstance(logger, WandbLogger):
                    summarize(logger, best)

    def log_results(self, results: Results, run: Path, step: int) -> None:
        """Logs the final numbers; those of validation are of the best weights.

        Args:
            results: Final numbers by name.
            run: The run folder.
            step: Number of training steps.
        """
        found = results.items()
        numbers = {k: float(v) for k, v in found if isinstance(v, int | float)}
        best = {k: v for k, v in numbers.items() if is_of("val", k.partition("/")[0])}
        named = {f"best/{name}": value for name, value in best.items()}
        for logger in self.started:
            if isinstance(logger, WandbLogger):
                summarize(logger, best)
                log_tables(logger, results, run)
            elif isinstance(logger, TensorBoardLogger):
                tests = {k: v for k, v in numbers.items() if k.startswith("test")}
                logger.log_hyperparams(self._saved, named | tests, step)
            elif not isinstance(logger, CSVLogger):  # metrics.json has them
                logger.log_metrics(named, step)
        for logger in self._with_artifacts:
            log_weights(logger, run)

    def finish(self, exit_code: int) -> None:
        """Closes the loggers.

        Args:
            exit_code: 0 if all is well.
        """
        for logger in self.started:
            if isinstance(logger, WandbLogger):
                logger.experiment.finish(exit_code=exit_code)
            else:
                logger.finalize("failed" if exit_code else "success")


def run_label(place: Place) -> str:
    """Returns a name of a run that tells how it differs from other runs.

    Example:
        >>> run_label(Place("sweeps/lr", "003_optimizer.lr=0.1"))
        '003_optimizer.lr=0.1'
        >>> run_label(Place("digits", "now", ["experiment=digits", "seed=1"]))
        'digits seed=1'
    """
    if place.parent.startswith("sweeps/"):
        return place.name
    aside = ("experiment", "debug", *CHANGES_NOTHING)
    differs = [
        override
        for override in masked_overrides(place.overrides)
        if override.lstrip("+~").partition("=")[0].partition(".")[0] not in aside
    ]
    return " ".join([place.parent, *differs])[:LONGEST]


@contextmanager
def _database(target: type, outputs: Path) -> Iterator[None]:
    """Lets one process at a time make MLflow's database, and keeps it silent."""
    if not issubclass(target, MLFlowLogger):
        yield
        return
    import mlflow

    assert mlflow.__name__  # its import sets log levels, which are changed below
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("lightning.pytorch.loggers.mlflow").setLevel(logging.ERROR)
    with FileLock(outputs / ".mlflow.lock"):
        yield
