"""Trainings of one process, each in a thread, that meet at every step."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar

from gwbricks.bricks import BrickCollection, Stage
from gwbricks.errors import ConfigError
from gwbricks.training.batch_losses import compute_objective, Objective
from gwbricks.training.stack import Meeting, RandomState, Request

PRECISION = "32-true"


class StackedRun(Callback):
    """One run, which only does anything while it has the turn.

    Its training has to be given `compute`, which has the objective of each training
    step computed together with those of the other runs, and the run as a callback.

    Args:
        action: Trains with the callback, and does all that belongs to it.
    """

    def __init__(self, action: "Callable[[StackedRun], None]") -> None:
        self._random = RandomState()
        # One run at a time: torch's random state, and much of Lightning, is of the
        # process, so threads are a way to stop in the middle of a step, not of speed.
        self._given, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, args=(action,), daemon=True)
        self._has_met = False
        self.threads = 1
        self.request: Request | None = None
        self._thread.start()

    def go_on(self) -> None:
        """Gives the run the turn, until it asks for a step or has ended."""
        self.request = None
        with self._random.active():
            self._given.release()
            self._back.acquire()

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Takes away the progress bars, of which there can only be one."""
        del pl_module, stage
        kept = [c for c in trainer.callbacks if not isinstance(c, ProgressBar)]  # pyright: ignore[reportAttributeAccessIssue] - Lightning's type hides the list
        trainer.callbacks = kept  # pyright: ignore[reportAttributeAccessIssue]

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Checks what is trained.

        Raises:
            ConfigError: If the trainer does what cannot be stacked.
        """
        del pl_module
        if trainer.world_size > 1:
            raise ConfigError(
                f"trainer.devices: {trainer.world_size} processes cannot be stacked."
                " Fix: trainer.devices=1."
            )
        if trainer.precision != PRECISION:
            raise ConfigError(
                f"trainer.precision: {trainer.precision!r} cannot be stacked. Fix:"
                f" trainer.precision={PRECISION}, or hydra/launcher=basic."
            )

    def compute(
        self,
        graph: BrickCollection,
        run: Callable[..., dict[str, Any]],
        inputs: Mapping[str, Any],
        stage: Stage,
        names: Sequence[str],
        coefs: Mapping[str, float],
    ) -> Objective:
        """Waits for the turn in which the steps of all runs have been computed."""
        if stage is not Stage.TRAIN:
            return compute_objective(graph, run, inputs, stage, names, coefs)
        request = Request(graph, inputs, names, coefs, self._random, not self._has_met)
        # The turn goes back with the request, and returns once it has its answer.
        self.request, self._has_met = request, True
        self.threads = torch.get_num_threads()
        self._back.release()
        self._given.acquire()
        if isinstance(request.answer, Exception):
            raise request.answer
        assert request.answer is not None
        return request.answer

    def _run(self, action: "Callable[[StackedRun], None]") -> None:
        self._given.acquire()
        try:
            action(self)
        finally:
            self._back.release()


def train_together(actions: Sequence[Callable[[StackedRun], None]]) -> None:
    """Trains runs in turn; their steps are computed together.

    Args:
        actions: See `StackedRun`; each records itself how it ended.
    """
    meeting = Meeting()
    runs = [StackedRun(action) for action in actions]
    while runs:
        for run in runs:
            run.go_on()
        runs = [run for run in runs if run.request is not None]
        requests = [run.request for run in runs if run.request is not None]
        if requests:
            torch.set_num_threads(runs[0].threads)  # it is each thread's own
            meeting.answer(requests)
