"""Stages of a model's life: which bricks are alive depends on them."""

from collections.abc import Iterable, Sequence
from enum import Enum

from gwbricks.errors import UnknownNameError


class Stage(Enum):
    """What a model is run for. Values are the prefixes of logged names."""

    TRAIN = "train"
    VALIDATION = "val"
    TEST = "test"
    INFERENCE = "inference"
    EXPORT = "export"


EVALUATED = (Stage.TRAIN, Stage.VALIDATION, Stage.TEST)
"""The stages that have targets, in which losses and metrics are alive by default."""

PREDICTED = (Stage.INFERENCE, Stage.EXPORT)
"""The stages without targets."""


def parse_stages(stages: "Iterable[Stage | str] | str", key: str) -> frozenset[Stage]:
    """Reads `alive_stages`: `"all"`, `"none"`, or stages by member, name or value.

    Args:
        stages: What the caller wrote.
        key: Name of the argument, for the message.

    Raises:
        UnknownNameError: If a stage does not exist.

    Example:
        >>> sorted(stage.value for stage in parse_stages(["test", "validation"], "key"))
        ['test', 'val']
    """
    if isinstance(stages, str):
        everything = {"all": frozenset(Stage), "none": frozenset()}
        return (
            everything[stages] if stages in everything else parse_stages([stages], key)
        )
    return frozenset(parse_stage(stage, key, ["all", "none"]) for stage in stages)


def parse_stage(
    stage: Stage | str, key: str = "stage", others: Sequence[str] = ()
) -> Stage:
    """Reads one stage: a member, its name or its value.

    Args:
        stage: What the caller wrote.
        key: Name of the argument, for the message.
        others: What else would have been accepted.

    Raises:
        UnknownNameError: If the stage does not exist.
    """
    if isinstance(stage, Stage):
        return stage
    names = {member.name.lower(): member for member in Stage}
    names |= {member.value: member for member in Stage}
    if str(stage).lower() not in names:
        raise UnknownNameError(key, str(stage), [*names, *others])
    return names[str(stage).lower()]
