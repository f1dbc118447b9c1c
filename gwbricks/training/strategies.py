"""Lightning's ways to train over processes, whose evaluation is exact."""

from contextlib import ExitStack
from typing import Any

import torch
from lightning.fabric.plugins import ClusterEnvironment
from lightning.pytorch.strategies import DDPStrategy, FSDPStrategy
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch.distributed.fsdp import FullyShardedDataParallel


class DataParallel(DDPStrategy):
    """Every process has all weights and a part of the rows; gradients are averaged.

    Weights that no loss of a step reaches are no mistake: sampled routes, and losses
    with a coefficient of 0, leave some out. In evaluation, where processes need not
    have the same number of batches, they do not wait for one another.

    Args:
        environment: What tells the processes apart; None lets Lightning find out.
        finds_unused: Whether weights may be left out of a step; without, a step is
            slightly faster.
    """

    def __init__(
        self, environment: ClusterEnvironment | None = None, finds_unused: bool = True
    ) -> None:
        super().__init__(
            cluster_environment=environment, find_unused_parameters=finds_unused
        )

    def on_validation_start(self) -> None:
        """Gives all processes the buffers of the first, such as running means."""
        module = self.lightning_module
        assert module is not None
        for buffer in module.buffers():
            torch.distributed.broadcast(buffer, 0)

    def validation_step(self, *args: Any, **kwargs: Any) -> STEP_OUTPUT:
        """Validates a batch without a word to the other processes."""
        module = self.lightning_module
        assert module is not None
        with self.precision_plugin.val_step_context():
            return module.validation_step(*args, **kwargs)


class ShardedParallel(FSDPStrategy):
    """Every process of a GPU has a part of the weights and a part of the rows.

    Checkpoints hold all weights, as those of one process. So does each process in
    evaluation, where processes need not have the same number of batches.

    Args:
        environment: What tells the processes apart; None lets Lightning find out.
    """

    def __init__(self, environment: ClusterEnvironment | None = None) -> None:
        super().__init__(cluster_environment=environment, state_dict_type="full")
        self._whole = ExitStack()

    def on_validation_start(self) -> None:
        """Puts the weights together."""
        assert self.model is not None
        gather = FullyShardedDataParallel.summon_full_params
        self._whole.enter_context(gather(self.model, writeback=False))

    def on_validation_end(self) -> None:
        """Parts with the weights of other processes."""
        self._whole.close()

    def on_test_start(self) -> None:
        """Puts the weights together."""
        self.on_validation_start()

    def on_test_end(self) -> None:
        """Parts with the weights of other processes."""
        self.on_validation_end()

    def validation_step(self, *args: Any, **kwargs: Any) -> STEP_OUTPUT:
        """Validates a batch without a word to the other processes."""
        module = self.lightning_module
        assert module is not None
        with self.precision_plugin.val_step_context():
            return module.validation_step(*args, **kwargs)

    def test_step(self, *args: Any, **kwargs: Any) -> STEP_OUTPUT:
        """Tests a batch without a word to the other processes."""
        module = self.lightning_module
        assert module is not None
        with self.precision_plugin.test_step_context():
            return module.test_step(*args, **kwargs)
