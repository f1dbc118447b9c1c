"""What the tests of several processes trust; it is imported in each of them."""

import os
import signal

from lightning.pytorch import Callback, LightningModule, Trainer


class Stumble(Callback):
    """Ends a process in the middle of a training.

    Args:
        number: The process.
        step: After how many steps.
        signal_name: What it is ended by; None raises an error.
    """

    def __init__(self, number: int, step: int, signal_name: str | None = None) -> None:
        self.number, self.step, self.signal_name = number, step, signal_name

    def on_train_batch_start(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        batch: object,
        batch_idx: int,
    ) -> None:
        """Ends the process."""
        del pl_module, batch, batch_idx
        if (trainer.global_rank, trainer.global_step) != (self.number, self.step):
            return
        if self.signal_name is None:
            raise RuntimeError("it stumbled\nhere")
        os.kill(os.getpid(), signal.Signals[self.signal_name])
