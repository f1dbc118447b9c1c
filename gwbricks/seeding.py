"""Seeds that depend on a seed and a name, and on nothing else."""

import hashlib

import torch


def derive_seed(seed: int, *names: object) -> int:
    """Returns a seed for one part of a run, such as a module or an epoch.

    The same seed and names give the same result in every process, so that parts can be
    added or moved without changing the others.

    Args:
        seed: The run's seed.
        names: What the seed is for, such as a config path.

    Example:
        >>> derive_seed(0, "domains.v.encoder") == derive_seed(0, "domains.v.encoder")
        True
        >>> derive_seed(0, "domains.v.encoder") == derive_seed(0, "domains.t.encoder")
        False
    """
    text = "/".join(map(str, (seed, *names)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])


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
