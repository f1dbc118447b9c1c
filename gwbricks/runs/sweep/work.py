"""What the process of a job does: it trains, and records how that ended."""

import multiprocessing
import os
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import Mapping
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, cast, TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import setup_globals
from omegaconf import OmegaConf

from gwbricks.runs.folder import Place
from gwbricks.runs.signals import terminable
from gwbricks.runs.sweep.folder import SweepFolder
from gwbricks.runs.sweep.process import JobSpec
from gwbricks.runs.sweep.record import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    Job,
    KILLED,
    one_line,
    PRUNED,
    RUNNING,
)

if TYPE_CHECKING:
    from lightning.pytorch import Callback


def work(spec: JobSpec, environment: Mapping[str, str]) -> None:
    """Runs a job that nobody else runs, unless it has ended before.

    Args:
        spec: The job.
        environment: Variables of the process that asks for it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the sweep says when to stop
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM,))  # by this one
    os.environ.clear()
    os.environ.update({**environment, **spec.config["hydra"]["job"]["env_set"]})
    os.environ.pop("WANDB_SERVICE", None)  # another's would outlive this process
    sweep, identity = spec.sweep, spec.identity
    _print_into(sweep.log(identity))
    _stop_with_parent()
    setup_globals()
    hydra = OmegaConf.create({"hydra": spec.config["hydra"]})
    HydraConfig.instance().cfg = cast(Any, hydra)
    with terminable(), sweep.claim(identity) as job:
        if job.status in (FINISHED, PRUNED, FAILED, KILLED):
            return
        if job.status == RUNNING and job.attempts >= spec.attempts:
            cause = f"its process died {job.attempts} times"
            sweep.write(job.ended(KILLED, job.error or cause))
            return
        begun = job.begun()
        sweep.write(begun)
        ended = begun.ended(*_train(spec, sweep, job))
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it has ended anyway
        sweep.write(ended)


def _train(spec: JobSpec, sweep: SweepFolder, job: Job) -> tuple[str, str | None]:
    """Trains, from the last checkpoint if there is one, and tells how it ended."""
    from gwbricks.errors import PrunedError

    run, parent = sweep.path / job.name, f"sweeps/{sweep.path.name}"
    try:
        import torch

        from gwbricks.runs.execute import train

        torch.set_num_threads(spec.share)

        last = _last_checkpoint(run) if job.status in (RUNNING, INTERRUPTED) else None
        if last is None and run.exists():
            shutil.rmtree(run)
        place = Place(parent, job.name, job.overrides, again=last is not None)
        checkpoint = last or spec.ckpt_path
        train(spec.cfg, place, spec.trusted, checkpoint, _callbacks(spec))
    except KeyboardInterrupt:
        return INTERRUPTED, None
    except PrunedError as error:
        return PRUNED, str(error)
    except Exception as error:
        traceback.print_exc()
        return FAILED, one_line(error)
    return FINISHED, None


def _callbacks(spec: JobSpec) -> "list[Callback]":
    """Returns what a search adds to a training."""
    if not spec.is_trial:
        return []
    from gwbricks.runs.search.prune import pruning

    return pruning(HydraConfig.get().sweeper, spec.sweep.path, spec.cfg.sweep.metric)


def _last_checkpoint(run: Path) -> str | None:
    from gwbricks.errors import CheckpointError
    from gwbricks.runs.weights import read_checkpoint

    path = run / "checkpoints" / "last.ckpt"
    try:
        read_checkpoint(path, "ckpt_path")
    except CheckpointError:  # there is none, or it was being written
        return None
    return str(path)


def _print_into(path: Path) -> None:
    with path.open("a", encoding="utf-8") as file:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(file.fileno(), stream.fileno())


def _stop_with_parent() -> None:
    """Ends this process, in good order, when the one that started it dies."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch(sentinel: int) -> None:
        wait([sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, args=(parent.sentinel,), daemon=True).start()
