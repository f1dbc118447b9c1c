"""A checkpoint when SIGTERM arrives, from which a run goes on as if nothing was."""

import signal
import threading
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from gwbricks.bricks.across_processes import gather
from gwbricks.training.callbacks.signals import Termination


class KeepOnSignal(Callback):
    """Lets SIGTERM end a training after the batch, with a checkpoint of that moment.

    After the last batch of an epoch it lets the validation end, too. Processes that
    train together end together, whichever of them gets the signal; they ask each other
    every `log_every_n_steps` batches, and between epochs.

    Args:
        path: Where the checkpoint goes.
        termination: What SIGTERM does.
    """

    def __init__(self, path: Path, termination: Termination) -> None:
        self.path, self.termination = path, termination
        self._is_saving = False
        self._loader_state: dict[str, Any] | None = None
        self._random_states: list[list[torch.Tensor]] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Takes the signal over from Lightning, which would exit with status 0."""
        del pl_module
        self.termination.is_deferred = True
        if self._loader_state is not None:
            # Lightning forgets it where a schedule asks for the length of the training
            loader: Any = trainer.train_dataloader
            loader.load_state_dict(self._loader_state)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self.termination)

    def on_train_epoch_start(
        self, trainer: Trainer, pl_module: LightningModule
    ) -> None:
        """Ends between two epochs."""
        del pl_module
        if self._agree(trainer):
            self.termination.check()

    def on_train_batch_start(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        batch: Any,  # noqa: ANN401 - any batch
        batch_idx: int,
    ) -> None:
        """Goes on with the random state of the checkpoint."""
        del pl_module, batch, batch_idx
        # Not when the checkpoint is loaded: loaders draw numbers when they start.
        for state in self._random_states[trainer.global_rank :][:1]:
            torch.set_rng_state(state[0])
            torch.cuda.set_rng_state_all(state[1:])
        self._random_states = []

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,  # noqa: ANN401 - Lightning's signature
        batch: Any,  # noqa: ANN401 - any batch
        batch_idx: int,
    ) -> None:
        """Ends within an epoch."""
        del pl_module, outputs, batch
        every = 1 if trainer.world_size == 1 else max(1, trainer.log_every_n_steps)  # pyright: ignore[reportAttributeAccessIssue] - set by its logger connector
        is_asked = not trainer.is_last_batch and (batch_idx + 1) % every == 0
        if is_asked and self._agree(trainer):
            self._is_saving = True
            random = [torch.get_rng_state(), *torch.cuda.get_rng_state_all()]
            self._random_states = gather([state.cpu() for state in random])
            loader: Any = trainer.train_dataloader
            if hasattr(loader, "load_state_dict"):
                self._loader_state = loader.state_dict()
            # Here, not once the error is raised: all processes have to take part.
            trainer.save_checkpoint(self.path)
            self._is_saving = False
            self.termination.check()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Ends after the training; later, nothing is left to keep."""
        del pl_module
        self._agree(trainer)
        self.termination.is_deferred = False
        self.termination.check()

    def _agree(self, trainer: Trainer) -> bool:
        """Returns whether any process is to end; then all are."""
        is_asked = self.termination.is_received
        if trainer.world_size > 1:
            is_asked = trainer.strategy.reduce_boolean_decision(is_asked, all=False)
            if is_asked:
                self.termination.receive()
        return is_asked

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Lets the signal end what cleans up."""
        del trainer, pl_module, exception
        self.termination.is_deferred = False

    def state_dict(self) -> dict[str, Any]:
        """Returns what changes within an epoch; each epoch starts from its own seed."""
        if not self._is_saving:
            return {}
        return {"random": self._random_states, "loader": self._loader_state}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes what `state_dict` returned."""
        self._loader_state = state_dict["loader"]
        states = state_dict["random"]
        self._random_states = [[part.cpu() for part in state] for state in states]
