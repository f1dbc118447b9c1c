"""Trains the jobs of a sweep in one process, as one stack of weights."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from omegaconf.errors import OmegaConfBaseException

from gwbricks.config.saved import CHANGES_NOTHING, plain_config
from gwbricks.errors import ConfigError, ConfigErrors
from gwbricks.sweeps.job_launcher import JobLauncher
from gwbricks.sweeps.job_process import attempt_together
from gwbricks.sweeps.job_spec import JobSpec
from gwbricks.sweeps.task import SweepTask

MAY_DIFFER = (
    "seed",
    "loss_coefs.*",
    "optimizer.*",
    "scheduler",
    "scheduler.*",
    "callbacks.*",
    "data.*",
    "domains.*.checkpoint",
    "domains.*.pretrain.*",
    "trainer.*",
)
"""Keys in which jobs of a stack may differ.

Weights, batches, and all that happens between two steps are each run's own.
"""

MUST_AGREE = (
    "loss_coefs.routes*",
    "data.batch_size",
    "trainer.accelerator",
    "trainer.devices",
    "trainer.precision",
    "trainer.strategy",
)
"""Exceptions: what a step computes, of how many rows, and where."""


class StackedLauncher(JobLauncher):
    """Trains jobs of one architecture in one process, and computes their steps at once.

    Args:
        size: Most jobs of a stack; None for all.

    Raises:
        ConfigError: If `size` is below 1.
    """

    def __init__(self, size: int | None) -> None:
        if size is not None and (not isinstance(size, int) or size < 1):
            raise ConfigError(
                f"hydra.launcher.size: {size!r}. Expected a whole number above 0, or"
                " null."
            )
        self.size = size

    def run(self, task: SweepTask, specs: Sequence[JobSpec]) -> None:
        """See `JobLauncher.run`."""
        size = self.size or len(specs)
        stacks = [specs[start : start + size] for start in range(0, len(specs), size)]
        problems = {problem: None for stack in stacks for problem in problems_of(stack)}
        if problems:
            raise ConfigErrors(list(problems))
        attempt = partial(
            attempt_together, is_stopped=task.stop_file(specs[0].sweep).exists
        )
        with ThreadPoolExecutor(specs[0].parallel) as pool:
            for future in [pool.submit(attempt, stack) for stack in stacks]:
                future.result()


def problems_of(specs: Sequence[JobSpec]) -> list[str]:
    """Returns one line for each reason why jobs cannot be stacked.

    Args:
        specs: The jobs of a stack.
    """
    configs = [_flat(spec) for spec in specs]
    keys = sorted({key for config in configs for key in config})
    problems = []
    for key in keys:
        values = list(dict.fromkeys(repr(config.get(key)) for config in configs))
        if len(values) > 1 and not _may_differ(key, configs):
            problems.append(
                f"{key}: {', '.join(values[:3])}: jobs that differ in it cannot be"
                " stacked. Fix: a sweep for each value, or hydra/launcher=basic."
            )
    if configs[0].get("compile"):
        problems.append(
            "compile: true, which cannot be stacked. Fix: compile=false, or"
            " hydra/launcher=basic."
        )
    return problems


def _may_differ(key: str, configs: Sequence[Mapping[str, Any]]) -> bool:
    if any(fnmatchcase(key, pattern) for pattern in MUST_AGREE):
        return False
    # a coefficient is a number in the step, but whether it is there changes the graph
    if fnmatchcase(key, "loss_coefs.*") and key.count(".") == 1:
        return len({_kind(config.get(key)) for config in configs}) == 1
    return any(fnmatchcase(key, pattern) for pattern in MAY_DIFFER)


def _kind(coef: object) -> str:
    """Returns whether a loss is absent, only measured, or trained on."""
    return "off" if coef is None else "on" if coef else "measured"


def _flat(spec: JobSpec) -> dict[str, Any]:
    """Returns the values of a job's config by their keys."""
    flat: dict[str, Any] = {}

    def walk(key: str, node: object) -> None:
        if isinstance(node, Mapping) and node:
            for name, value in node.items():
                walk(f"{key}.{name}".lstrip("."), value)
        else:
            flat[key] = node

    try:
        config = plain_config(spec.cfg)
    except OmegaConfBaseException:  # the job itself will say what is wrong
        config = spec.config
    aside = (*CHANGES_NOTHING, "hydra")
    walk("", {key: node for key, node in config.items() if key not in aside})
    return flat
