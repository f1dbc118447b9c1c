"""The processes that train together: how many, where, and how they begin and end."""

import gwbricks.torchvision_import  # noqa: F401 - before torchmetrics

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.strategies import ParallelStrategy
from torch import distributed

from gwbricks.errors import GWBricksError, ProcessError
from gwbricks.experiment.devices import is_single
from gwbricks.experiment.trainer import make_trainer
from gwbricks.runs.processes.cores import cores
from gwbricks.runs.processes.other_processes import log_name, OtherProcesses, SLOW
from gwbricks.runs.processes.worker_spec import failure, WorkerSpec
from gwbricks.whole_file import write_whole


@dataclass(frozen=True)
class Processes:
    """The processes that train together, as one of them sees it.

    The first one of all pretrains, writes the run folder and prints; it is the process
    that was asked to train. Others are started by it, or by torchrun, Slurm and the
    like, which run the same command in each.

    Args:
        number: Number of this process among all.
        count: How many there are.
        local: How many of them are on this machine.
        environment: Where they meet, if this process is to start those of its machine.
    """

    number: int = 0
    count: int = 1
    local: int = 1
    environment: Mapping[str, str] | None = None

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> "Processes":
        """Finds out which processes train together.

        Args:
            arguments: What `trainer` says.

        Raises:
            ConfigError: If the devices are not there.
        """
        if is_single(arguments):
            return cls()
        quiet = {"enable_progress_bar": False, "callbacks": []}
        # Lightning knows torchrun, Slurm and others by the variables that they set.
        trainer = make_trainer(arguments, "trainer", logger=False, **quiet)
        strategy = trainer.strategy
        if not isinstance(strategy, ParallelStrategy):
            return cls()
        cluster = strategy.cluster_environment
        assert cluster is not None
        environment = None
        if not cluster.creates_processes_externally:
            environment = {
                "MASTER_ADDR": cluster.main_address,
                "MASTER_PORT": str(cluster.main_port),
                "NODE_RANK": str(cluster.node_rank()),
            }
        return cls(
            trainer.global_rank, trainer.world_size, trainer.num_devices, environment
        )

    @property
    def is_first(self) -> bool:
        """Whether this process writes and prints for all."""
        return self.number == 0

    def share_cores(self, threads: int | str | None) -> None:
        """Sets the threads of this process: no more than its part of the cores.

        Args:
            threads: Threads of each process; `auto` and None divide those of torch.
        """
        if self.local > 1:
            own = torch.get_num_threads() // self.local
            most = threads if isinstance(threads, int) else own
            torch.set_num_threads(max(1, min(most, cores() // self.local)))

    @contextmanager
    def together(self, spec: WorkerSpec, folder: Path) -> Iterator[None]:
        """Starts and ends the others of this machine, unless torchrun or Slurm does.

        Args:
            spec: What the others are given to do.
            folder: Where the processes of this machine write their logs.

        Raises:
            ProcessError: If one of the others failed, with its cause.
        """
        if self.count == 1:
            yield
            return
        others = OtherProcesses(self.count, folder)
        with ExitStack() as stack:
            stack.callback(_leave)
            if self.environment is not None:
                variables = {**self.environment, "LOCAL_RANK": "0"}
                stack.enter_context(_variables(variables))
                stack.enter_context(others)
                for local in range(1, self.local):
                    others.start(self.number + local, local, spec)
                others.wait()
            try:
                yield
            except GWBricksError:
                raise
            except BaseException as error:
                # Who loses a partner fails too, with an error of the network that names
                # no cause: the first to fail is asked for it.
                is_asked = isinstance(error, KeyboardInterrupt)
                patience = SLOW if self.is_first and not is_asked else 0.0
                cause = others.cause(patience, is_asked)
                if cause is None:
                    raise
                raise ProcessError(cause) from error


@contextmanager
def _variables(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _leave() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()


class TellRunFolder(Callback):
    """Tells all processes the run folder, where a process that fails writes its log.

    Args:
        folder: The run folder; None in processes that do not know it.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Takes the folder of the first process."""
        del pl_module, stage
        self.folder = trainer.strategy.broadcast(self.folder)

    @contextmanager
    def reported(self, number: int) -> Iterator[None]:
        """Writes why this process fails, unless what started it writes its log."""
        try:
            yield
        except Exception as error:
            log = None if self.folder is None else self.folder / log_name(number)
            if log is not None and not log.exists():
                write_whole(log, failure(error))
            raise
