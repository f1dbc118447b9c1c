"""Times several ways of doing the same in turn, so that a busy machine slows all."""

import statistics
import time
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Semaphore
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import CSVLogger

WARM_UP = 10


@dataclass
class Times:
    """What each turn took, in milliseconds.

    Args:
        wall: Wall time.
        cpu: Time of the processor, which other processes disturb less.
    """

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def add(self, action: Callable[[], object]) -> None:
        """Runs the action once."""
        wall, cpu = time.perf_counter_ns(), time.process_time_ns()
        action()
        self.cpu.append((time.process_time_ns() - cpu) / 1e6)
        self.wall.append((time.perf_counter_ns() - wall) / 1e6)


def in_turn(ways: Mapping[str, Callable[[], object]], turns: int) -> dict[str, Times]:
    """Returns the times of each way, without those of the warm-up.

    Args:
        ways: What is timed, by name.
        turns: Number of turns that count.
    """
    for _ in range(WARM_UP):
        for way in ways.values():
            way()
    times = {name: Times() for name in ways}
    for _ in range(turns):
        for name, way in ways.items():
            times[name].add(way)
    return times


def ratio(times: list[float], to: list[float]) -> float:
    """Returns the median of the ratios, pair by pair."""
    return statistics.median(a / b for a, b in zip(times, to, strict=True))


def fit(
    module: LightningModule,
    loader: Any,  # noqa: ANN401 - any iterable of batches
    steps: int,
    folder: str,
    callback: Callback,
) -> None:
    """Trains, and logs to a CSV file every tenth step.

    Args:
        module: What is trained.
        loader: Its batches.
        steps: Number of steps.
        folder: Where the file is written.
        callback: A callback of the Trainer.
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
        callbacks=[callback],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.fit(module, loader)


class TrainerSteps(Callback):
    """Makes one step of a Trainer, with loading and logging, at each call.

    The Trainer runs in a thread of its own and waits between calls.

    Args:
        fit: Fits with a Trainer that has the given callback.
    """

    def __init__(self, fit: Callable[[Callback], Any]) -> None:
        self._wanted, self._made = Semaphore(0), Semaphore(0)
        self._is_last = False
        self._pool = ThreadPoolExecutor(1)
        self._fitting = self._pool.submit(self._fit, fit)
        self._wait()

    def __call__(self) -> None:
        """Makes one step."""
        self._wanted.release()
        self._wait()

    def close(self) -> None:
        """Lets the Trainer end."""
        self._is_last = True
        self._wanted.release()
        self._pool.shutdown()

    def on_train_batch_end(self, trainer: Trainer, *_: object) -> None:
        """Waits until a step is wanted."""
        self._made.release()
        self._wanted.acquire()
        trainer.should_stop = self._is_last

    def _fit(self, fit: Callable[[Callback], Any]) -> None:
        try:
            fit(self)
        finally:
            self._made.release()

    def _wait(self) -> None:
        self._made.acquire()
        if self._fitting.done():
            self._fitting.result()
            raise RuntimeError("The Trainer made all its steps. Fix: give it more.")
