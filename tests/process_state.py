"""Prints what gwbricks changes in a process that uses it as a library."""

import gc
import json
import logging
import os
import random
import signal
import sys
import warnings
from typing import Any


def state() -> dict[str, Any]:
    """Returns what belongs to the process, and to the libraries imported so far."""
    loggers = [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]
    return {
        "finders": [*sys.meta_path],
        "path": [*sys.path],
        "hooks": (sys.excepthook, sys.displayhook, *sys.path_hooks),
        "environment": dict(os.environ),
        "signals": {s: signal.getsignal(s) for s in signal.valid_signals()},
        "collector": (gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()),
        "warnings": ([*warnings.filters], warnings.showwarning),
        "loggers": {
            logger.name: (logger.level, logger.disabled, [*logger.handlers])
            for logger in loggers
            if isinstance(logger, logging.Logger)
            and not logger.name.startswith("gwbricks")
        },
        "random": random.getstate(),
        **(torch_state() if "torch" in sys.modules else {}),
    }


def torch_state() -> dict[str, Any]:
    """Returns torch's settings, and whether memory is managed in gwbricks' way."""
    import torch

    memory = sys.modules.get("gwbricks.training.freed_memory")
    return {
        "threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "dtype": torch.get_default_dtype(),
        "precision": torch.get_float32_matmul_precision(),
        "determinism": torch.are_deterministic_algorithms_enabled(),
        "gradients": (torch.is_grad_enabled(), torch.is_anomaly_enabled()),
        "torch random": torch.get_rng_state().tolist(),
        "memory": memory is not None and memory.keep_freed_memory.cache_info().misses,
    }


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Returns the names of what is not as it was; loggers may be added."""
    known = before["loggers"].keys()
    after["loggers"] = {k: v for k, v in after["loggers"].items() if k in known}
    return [name for name in before if before[name] != after[name]]


def main() -> None:
    """Prints what `import gwbricks` changes, and what using all its names does."""
    start = state()
    import gwbricks

    changed = {"import": changes(start, state())}
    import gwbricks.torchvision_import  # before the two, if it fits torch or not

    # isort: split
    import lightning.pytorch
    import torchmetrics

    assert lightning.pytorch
    assert torchmetrics
    start = state()
    for name in dir(gwbricks):
        getattr(gwbricks, name)
    changed["names"] = changes(start, state())
    sys.stdout.write(json.dumps(changed))


if __name__ == "__main__":
    main()
