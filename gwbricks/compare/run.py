"""A run in a comparison: its config, its numbers, and what it logged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gwbricks.compare.curves import Curve

STATUSES = ("finished", "running", "interrupted", "failed")


@dataclass(frozen=True, eq=False)
class ComparedRun:
    """What a run was, and what came of it.

    Args:
        place: Its folder, or its address in W&B.
        name: What it is called among those that it is compared with.
        status: One of `STATUSES`, or another word that the run was given.
        config: Its resolved config, flat; None if it left none.
        overrides: The overrides of its command line.
        numbers: Final numbers by name, such as `test/loss`; of a run that has not
            finished, the last ones that it logged.
        curves: What it logged, by name.
        pictures: Files by name, such as `test/confusion.png`.
        error: Why it ended, if it failed.
        seconds: How long it took.
        commit: The commit that the project was at.
    """

    place: str
    name: str
    status: str
    config: Mapping[str, Any] | None
    overrides: Sequence[str] = ()
    numbers: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, Curve] = field(default_factory=dict)
    pictures: Mapping[str, Path] = field(default_factory=dict)
    error: str | None = None
    seconds: float | None = None
    commit: str | None = None

    @property
    def finished(self) -> bool:
        """Whether its numbers are final."""
        return self.status == "finished"


def flat_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a config by dotted keys, without the path of the run itself.

    With it, every path in the run folder would differ from run to run.

    Example:
        >>> flat_config({"paths": {"run": "out/1"}, "file": "out/1/best.ckpt"})["file"]
        '${paths.run}/best.ckpt'
    """
    flat = flatten(config)
    own = flat.get("paths.run")
    if not isinstance(own, str) or not own:
        return flat
    return {
        key: value.replace(own, "${paths.run}")
        if isinstance(value, str) and value.startswith(own)
        else value
        for key, value in flat.items()
    }


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns a config by dotted keys; a node that is built stands for its class.

    Example:
        >>> flatten({"optimizer": {"_target_": "torch.optim.SGD", "lr": 0.1}})
        {'optimizer': 'torch.optim.SGD', 'optimizer.lr': 0.1}
    """
    flat: dict[str, Any] = {}
    for name, value in config.items():
        key = f"{prefix}{name}"
        if name == "_target_" and prefix:
            flat[prefix[:-1]] = value
        elif isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{key}.")
        else:
            flat[key] = value
    return flat


def scalars(numbers: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """Returns nested numbers by name; what is a list or a text is left out.

    Example:
        >>> scalars({"test": {"loss": 0.5, "confusion": [[1, 0], [0, 1]]}})
        {'test/loss': 0.5}
    """
    flat: dict[str, float] = {}
    for name, value in numbers.items():
        if isinstance(value, Mapping):
            flat |= scalars(value, f"{prefix}{name}/")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            flat[f"{prefix}{name}"] = float(value)
    return flat
