"""What the process of a job does: it trains, and records how that ended."""

import multiprocessing
import os
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, ExitStack, redirect_stderr, redirect_stdout
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, cast, TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import setup_globals
from omegaconf import OmegaConf

from gwbricks.errors import one_line
from gwbricks.runs.folder.place import Place
from gwbricks.sweeps.job_spec import JobSpec
from gwbricks.sweeps.record import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    Job,
    KILLED,
    PRUNED,
    RUNNING,
)
from gwbricks.sweeps.sweep_folder import SweepFolder
from gwbricks.sweeps.thread_output import PrintedByThread
from gwbricks.training.callbacks.signals import terminable

if TYPE_CHECKING:
    from lightning.pytorch import Callback

    from gwbricks.training.stack.turns import StackedRun


def work(specs: Sequence[JobSpec], environment: Mapping[str, str]) -> None:
    """Runs jobs that nobody else runs, but for those that have ended before.

    Args:
        specs: At least one job; several are trained together.
        environment: Variables of the process that asks for them.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the sweep says when to stop
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM,))  # by this one
    os.environ.clear()  # those of the server that forked, which are older
    os.environ.update({**environment, **specs[0].config["hydra"]["job"]["env_set"]})
    os.environ.pop("WANDB_SERVICE", None)  # another's would outlive this process
    sweep = specs[0].sweep
    _print_into(sweep.log(specs[0].identity))
    _stop_with_parent()
    setup_globals()
    with terminable() as termination, _wandb_to_the_end(), ExitStack() as claims:
        begun = {}
        for spec in sorted(specs, key=lambda spec: spec.identity):  # so do all others
            job = claims.enter_context(sweep.claim(spec.identity))
            if _is_open(spec, job):
                begun[spec.identity] = (spec, job)
                sweep.write(job.begun())
        if len(specs) == 1:
            for spec, job in begun.values():
                run_job(spec, job)
            return
        termination.is_deferred = True  # each run ends in its own thread
        jobs = [begun[spec.identity] for spec in specs if spec.identity in begun]
        run_together(jobs)


@contextmanager
def _wandb_to_the_end() -> Iterator[None]:
    """Waits at the end until W&B has written all.

    Its service, which holds what was logged, ends at once with the process that it
    serves, and that of a job runs nothing that is registered for its exit.
    """
    try:
        yield
    finally:
        if "wandb" in sys.modules:
            sys.modules["wandb"].teardown()


def _is_open(spec: JobSpec, job: Job) -> bool:
    if job.status == RUNNING and job.attempts >= spec.attempts:
        cause = f"its process died {job.attempts} times"
        spec.sweep.write(job.ended(KILLED, job.error or cause))
        return False
    return job.status not in (FINISHED, PRUNED, FAILED, KILLED)


def run_together(jobs: Sequence[tuple[JobSpec, Job]]) -> None:
    """Runs jobs in threads of this process, which print into logs of their own."""
    from gwbricks.training.stack.turns import StackedRun, train_together

    def action(spec: JobSpec, job: Job, run: StackedRun) -> None:
        with spec.sweep.log(spec.identity).open("a", encoding="utf-8") as log:
            printed.to(log)
            run_job(spec, job, run)

    printed = PrintedByThread(sys.stdout)
    with redirect_stdout(printed), redirect_stderr(printed):
        train_together([partial(action, spec, job) for spec, job in jobs])


def run_job(spec: JobSpec, job: Job, stacked: "StackedRun | None" = None) -> None:
    """Runs a job that has begun, and records how it ended.

    Args:
        spec: The job.
        job: What was known of it before it began.
        stacked: Computes its steps together with those of other jobs, if there are.
    """
    sweep = spec.sweep
    hydra = OmegaConf.create({"hydra": spec.config["hydra"]})
    HydraConfig.instance().cfg = cast(Any, hydra)
    ended = _train(spec, sweep, job, stacked)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it has ended anyway
    sweep.write(sweep.read(job.identity).ended(*ended))


def _train(
    spec: JobSpec, sweep: SweepFolder, job: Job, stacked: "StackedRun | None"
) -> tuple[str, str | None]:
    """Trains, from the last checkpoint if there is one, and tells how it ended."""
    from gwbricks.errors import PrunedError

    run, parent = sweep.path / job.name, f"sweeps/{sweep.path.name}"
    try:
        import torch

        from gwbricks.runs.train import train

        torch.set_num_threads(spec.share)

        last = _last_checkpoint(run) if job.status in (RUNNING, INTERRUPTED) else None
        if last is None and run.exists():
            shutil.rmtree(run)  # it starts afresh, and in no other folder
        place = Place(parent, job.name, job.overrides, again=last is not None)
        checkpoint, further = last or spec.ckpt_path, _callbacks(spec)
        if stacked is None:
            train(spec.cfg, place, spec.trusted, checkpoint, further)
        else:
            further, compute = [*further, stacked], stacked.compute
            train(spec.cfg, place, spec.trusted, checkpoint, further, compute)
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
    from gwbricks.sweeps.search.prune import pruning

    return pruning(HydraConfig.get().sweeper, spec.sweep.path, spec.cfg.sweep.metric)


def _last_checkpoint(run: Path) -> str | None:
    from gwbricks.errors import CheckpointError, FormatError
    from gwbricks.training.checkpoints import read_checkpoint

    path = run / "checkpoints" / "last.ckpt"
    try:
        read_checkpoint(path, "ckpt_path")
    except FormatError:  # what a newer gwbricks has learnt is not to be thrown away
        raise
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
