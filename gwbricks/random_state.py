"""Seeds torch, on the devices that are there."""

import torch


def seed_torch(seed: int) -> None:
    """Does what `torch.manual_seed` does, without notes for a GPU that is not there.

    Before CUDA is initialised, torch keeps a note with a traceback for each call: where
    there is no GPU, a millisecond and some memory for every batch of an evaluation.

    Args:
        seed: The seed.
    """
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_available():
        torch.cuda.manual_seed_all(seed)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(seed)
