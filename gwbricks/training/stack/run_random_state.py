"""The random state of one of several runs in a process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


class RandomState:
    """What torch's generators hold while a run has its turn.

    It starts as torch's is now.

    Example:
        >>> mine, other = RandomState(), RandomState()
        >>> mine.draw(lambda: torch.rand(2)).equal(other.draw(lambda: torch.rand(2)))
        True
    """

    def __init__(self) -> None:
        self._cpu = torch.get_rng_state()
        self._gpu: list[Tensor] = []

    @contextmanager
    def active(self) -> Iterator[None]:
        """Has all draws be those of the run, from where it was left."""
        torch.set_rng_state(self._cpu)
        if self._gpu:
            torch.cuda.set_rng_state_all(self._gpu)
        try:
            yield
        finally:
            self._cpu = torch.get_rng_state()
            # Asking for it would initialise CUDA, which a run on a CPU does without.
            if torch.cuda.is_initialized():
                self._gpu = torch.cuda.get_rng_state_all()

    def draw(self, sample: Callable[[], Tensor]) -> Tensor:
        """Returns what a function draws."""
        with self.active():
            return sample()

    def copy(self) -> "RandomState":
        """Returns the state as it is now."""
        copied = RandomState()
        copied._cpu, copied._gpu = self._cpu, self._gpu
        return copied
