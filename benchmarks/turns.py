"""Times several ways of doing the same in turn, so that a busy machine slows all.

Each way has a process of its own, so that none lives with what another one imports,
allocates or sets. A turn is ten steps: caches are as they are in training, and one of
the steps logs.
"""

import gwbricks.torchvision_import  # noqa: F401 - before torchmetrics

import multiprocessing
import statistics
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import CSVLogger

WARM_UP = 3
STEPS = 10


@dataclass
class Times:
    """What a step took in each turn, in milliseconds.

    Args:
        wall: Wall time.
        cpu: Time of the processor, which other processes disturb less.
    """

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def add(self, wall: int, cpu: int) -> None:
        """Adds a turn, in nanoseconds."""
        self.wall.append(wall / STEPS / 1e6)
        self.cpu.append(cpu / STEPS / 1e6)


class Turns:
    """The turns of a way, as its process sees them.

    Args:
        pipe: Tells when a turn is wanted, and takes its times.
    """

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._start: tuple[int, int] | None = None
        self._left = 0

    def next(self) -> bool:
        """Says whether another step is wanted; waits for the next turn, if one ends."""
        if self._left:
            self._left -= 1
            return True
        if self._start is not None:
            wall, cpu = self._start
            self._pipe.send((time.perf_counter_ns() - wall, _cpu() - cpu))
        is_wanted: bool = self._pipe.recv()
        self._left = STEPS - 1
        self._start = time.perf_counter_ns(), _cpu()
        return is_wanted


def _cpu() -> int:
    return time.process_time_ns()


class EveryStep(Callback):
    """Makes the steps of a Trainer, with loading and logging, in turns.

    Args:
        turns: The turns.
    """

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    def on_train_batch_end(self, trainer: Trainer, *_: object) -> None:
        """Waits until a step is wanted."""
        trainer.should_stop = not self._turns.next()


def every_turn(turns: Turns, action: Callable[[], object]) -> None:
    """Does the same in every step."""
    while turns.next():
        action()


def in_turn(
    ways: Mapping[str, Callable[[Turns], object]], turns: int, threads: int = 1
) -> dict[str, Times]:
    """Returns the times of each way, without those of the warm-up.

    Args:
        ways: What is timed, by name: a picklable function that takes its turns.
        turns: Number of turns that count.
        threads: Threads of torch in each process.

    Raises:
        RuntimeError: If a way ends before its last turn.
    """
    times = {name: Times() for name in ways}
    with ExitStack() as stack:
        pipes = {name: _start(stack, way, threads) for name, way in ways.items()}
        for turn in range(WARM_UP + turns):
            for name, pipe in pipes.items():
                try:
                    pipe.send(True)
                    found: tuple[int, int] = pipe.recv()
                except (EOFError, OSError):
                    raise RuntimeError(f"{name} ended before its last turn") from None
                if turn >= WARM_UP:
                    times[name].add(*found)
    return times


def _start(
    stack: ExitStack, way: Callable[[Turns], object], threads: int
) -> Connection:
    processes = multiprocessing.get_context("spawn")
    here, there = processes.Pipe()
    process = processes.Process(target=_serve, args=(there, way, threads), daemon=True)
    process.start()
    there.close()

    def end() -> None:
        with suppress(OSError):  # it has ended
            here.send(False)
        process.join()

    stack.callback(end)
    return here


def _serve(pipe: Connection, way: Callable[[Turns], object], threads: int) -> None:
    torch.set_num_threads(threads)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        way(Turns(pipe))


def ratio(times: list[float], to: list[float]) -> float:
    """Returns the median of the ratios, pair by pair."""
    return statistics.median(a / b for a, b in zip(times, to, strict=True))


def fit(
    module: LightningModule,
    loader: Any,  # noqa: ANN401 - any iterable of batches
    steps: int,
    folder: str,
    *callbacks: Callback,
) -> None:
    """Trains, and logs to a CSV file every tenth step.

    Args:
        module: What is trained.
        loader: Its batches.
        steps: Number of steps.
        folder: Where the file is written.
        callbacks: Callbacks of the Trainer.
    """
    trainer = Trainer(
        max_steps=steps,
        accelerator="cpu",
        logger=CSVLogger(folder),
        log_every_n_steps=10,
        limit_val_batches=0,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=list(callbacks),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.fit(module, loader)
