"""A run in W&B: how it starts or goes on, its summary, tables and artifacts."""

import gwbricks.torchvision_import  # noqa: F401 - before torchmetrics

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TYPE_CHECKING

from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch.loggers import WandbLogger

from gwbricks.config.saved import masked_overrides
from gwbricks.runs.folder.results import Results, route_tables
from gwbricks.runs.loggers.wandb_account import WANDB
from gwbricks.runs.loggers.wandb_files import run_id, staged_in, wandb_files
from gwbricks.training.checkpoints import find_checkpoint

if TYPE_CHECKING:
    import wandb

ARTIFACT, FILE = "model", "model.ckpt"
"""Type of an artifact of weights, and the file in it, as Lightning has them."""

PRETRAIN = "pretrain"
"""Job type of a run that is trained for another."""


def wandb_arguments(
    node: Mapping[str, Any], run: Path, saved: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns arguments of a W&B logger besides those of the config.

    A run that goes on in its folder keeps its id. A run that is trained for another one
    gets a new id, as an agent of W&B would give both of them the same.

    Args:
        node: The logger's config.
        run: The run folder.
        saved: The config that W&B is given.
    """
    import wandb

    arguments: dict[str, Any] = {
        "config": dict(saved),
        "settings": wandb.Settings(silent=True),
        "reinit": "create_new",  # one process may have several runs
    }
    earlier = wandb_files(run)
    if earlier:
        arguments["id"] = run_id(earlier[-1])
    elif node.get("job_type") == PRETRAIN:
        arguments["id"] = uuid.uuid4().hex[:8]
    return arguments


@rank_zero_only
def start_run(logger: WandbLogger, run: Path) -> None:
    """Starts a run, or goes on with it after the last step that it had logged.

    Args:
        logger: The logger, whose run has not started.
        run: The run folder.
    """
    logger._wandb_init.pop("anonymous", None)  # wandb warns of it
    earlier = wandb_files(run) if logger._wandb_init.get("mode") == "offline" else []
    with _masked_command(), _without_launch():
        experiment: Any = logger.experiment
    steps = (_last_step(file) for file in reversed(earlier))
    last = next((step for step in steps if step is not None), None)
    if last is not None:
        experiment.log({}, step=last + 1)


@contextmanager
def _masked_command() -> Iterator[None]:
    """Hides secrets in the command line, which W&B records."""
    before = sys.argv
    sys.argv = masked_overrides(before)
    try:
        yield
    finally:
        sys.argv = before


@contextmanager
def _without_launch() -> Iterator[None]:
    """Skips W&B's search for launcher inputs: half a second, a tenth of a short run."""
    from wandb.sdk.wandb_run import Run

    name = "_detect_and_apply_job_inputs"
    before = getattr(Run, name, None)
    if before is None or "wandb.sdk.launch" in sys.modules:  # it may have inputs
        yield
        return
    setattr(Run, name, lambda _: None)
    try:
        yield
    finally:
        setattr(Run, name, before)


def _last_step(file: Path) -> int | None:
    """Returns the last step of an offline file; None if it holds none."""
    command = [*WANDB, "leet", "inspect", "--summary", "--json", str(file)]
    environment = {**os.environ, "WANDB_ERROR_REPORTING": "false"}
    done = subprocess.run(command, capture_output=True, env=environment)
    try:
        return int(json.loads(done.stdout)["summary"]["_step"])
    except (ValueError, KeyError, TypeError):  # its process was killed
        return None


@rank_zero_only
def summarize(logger: WandbLogger, best: Mapping[str, float]) -> None:
    """Puts numbers of the best weights into the summary, beside the last ones.

    Args:
        logger: The logger.
        best: Numbers by name.
    """
    logger.experiment.summary.update({f"best/{k}": v for k, v in best.items()})


@rank_zero_only
def log_tables(logger: WandbLogger, results: Results, run: Path) -> None:
    """Logs the metrics of routes as a table of each set, such as `test/routes`."""
    import wandb

    tables = {
        f"{set_name}/routes": wandb.Table(["route", *metrics], rows)
        for set_name, (metrics, rows) in route_tables(results).items()
    }
    if tables:
        with staged_in(run):
            logger.experiment.log(tables)


@rank_zero_only
def log_weights(logger: WandbLogger, run: Path) -> None:
    """Logs the best checkpoint of a run, if it keeps any, as an artifact."""
    if any(run.glob("checkpoints/*.ckpt")):
        artifact = _artifact(f"model-{logger.version}", find_checkpoint(run))
        logger.experiment.log_artifact(artifact, aliases=["best"])


@rank_zero_only
def use_weights(logger: WandbLogger, sources: Mapping[str, Path]) -> None:
    """Logs the weights that a run starts from as artifacts that it uses.

    Weights of another run get the name of that run's artifact. With the same content
    they are the same artifact to W&B, which then shows what came from which run.

    Args:
        logger: The logger.
        sources: Files, or run folders, by the config key that names them.
    """
    for key, path in sorted(sources.items()):
        file = find_checkpoint(path)
        earlier = wandb_files(file.parents[1]) if len(file.parents) > 1 else []
        name = f"model-{run_id(earlier[-1])}" if earlier else key
        logger.experiment._log_artifact(  # use_artifact, which needs a network
            _artifact(name, file),
            aliases=[],
            is_user_created=True,
            use_after_commit=True,
        )


def _artifact(name: str, file: Path) -> "wandb.Artifact":
    import wandb

    artifact = wandb.Artifact(name, ARTIFACT, metadata={"file": str(file)})
    artifact.add_file(str(file.resolve()), FILE, policy="immutable")
    return artifact
