"""The keys of a config that are not a target's arguments, and their types."""

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any, Literal, Union

from pydantic import Field

from gwbricks.config.arguments import fits
from gwbricks.errors import suggest

SECTIONS: dict[str, tuple[str, ...]] = {
    "": (
        *("seed", "data", "domains", "workspace", "bricks", "loss_coefs"),
        *("optimizer", "scheduler", "trainer", "callbacks", "logger"),
        *("compile", "threads", "sweep", "paths"),
    ),
    "workspace": (
        *("dim", "selection", "fusion", "routes"),
        *("contrastive", "gather", "corruption"),
    ),
    "domains.*": (
        *("module", "encoder", "decoder"),
        *("pretrain", "checkpoint", "trainable", "cache"),
    ),
    "domains.*.pretrain": ("seed", "batch_size", "optimizer", "scheduler", "trainer"),
    "sweep": ("name", "metric", "jobs", "attempts", "retry"),
    "paths": ("outputs", "pretrained", "run"),
}
"""Keys that something reads, by the key of the node; a star is one name."""


class Target:
    """What a node with `_target_` builds; no other value fits."""


Count = Annotated[int, Field(gt=0)]
TARGET = "a node with _target_"
NODE = "a node, or null"

TYPES: dict[str, tuple[Any, str]] = {
    "seed": (int, "a whole number"),
    "compile": (bool | None, "true or false"),
    "threads": (
        Union[Count, Literal["auto"], None],  # noqa: UP007 - pyright takes no | here
        "a whole number above 0, auto, or null",
    ),
    "data": (Target, f"{TARGET}. Fix: data=vectors"),
    "optimizer": (Target, f"{TARGET}. Fix: optimizer=adamw"),
    "scheduler": (Target | None, f"{TARGET}, or null. Fix: scheduler=onecycle"),
    "trainer": (dict, "a node. Fix: trainer=cpu"),
    "sweep": (dict, "a node with metric"),
    "sweep.metric": (
        str | list[str],
        "the name of a final number, such as val/loss, or a list of them",
    ),
    "sweep.jobs": (
        Annotated[int | None, Field(gt=0)],
        "a whole number above 0, or null",
    ),
    "sweep.attempts": (Count, "a whole number above 0"),
    "sweep.retry": (Literal["failed"] | None, "failed, or null"),
    "paths": (dict, "a node with outputs and pretrained"),
    "paths.outputs": (str, "a path"),
    "paths.pretrained": (str, "a path"),
    "workspace": (dict | None, NODE),
    "workspace.dim": (Count, "a whole number above 0"),
    "workspace.gather": (bool | None, "true or false"),
    "domains": (dict | None, NODE),
    "bricks": (dict | None, NODE),
    "loss_coefs": (dict | None, NODE),
    "callbacks": (dict | None, NODE),
    "logger": (dict | None, NODE),
    "domains.*.trainable": (bool | None, "true or false"),
    "domains.*.cache": (bool | Literal["auto"] | None, "true, false or auto"),
    "domains.*.checkpoint": (str | None, "a path, or null"),
    "domains.*.pretrain": (dict | None, NODE),
    "domains.*.pretrain.seed": (int, "a whole number"),
    "domains.*.pretrain.batch_size": (Count, "a whole number above 0"),
    "domains.*.pretrain.optimizer": (Target, TARGET),
    "domains.*.pretrain.trainer": (dict, "a node, such as {max_epochs: 50}"),
}
"""Type of each key, and its name in a message. What cannot be null must be there."""


def unknown_keys(config: Mapping[str, Any], referred: Collection[str]) -> list[str]:
    """Returns one line for each key that nothing reads.

    Args:
        config: A resolved config.
        referred: Names that the config itself refers to, such as `latent_dim`.
    """
    if "experiment" in config:
        return [
            "experiment: a config cannot hold its own group. Fix: '# @package _global_'"
            " as the first line of the experiment's file."
        ]
    return [
        f"{key}.{name}".lstrip(".") + f": nothing reads this key.{suggest(name, known)}"
        for pattern, known in SECTIONS.items()
        for key, node in find_nodes(config, pattern)
        for name in node
        if name not in known and (not key or name not in referred)
    ]


def wrong_types(config: Mapping[str, Any]) -> list[str]:
    """Returns one line for each key that is missing or of a wrong type.

    Example:
        >>> wrong_types({"workspace": {"dim": 1.5}})[-1]
        'workspace.dim: 1.5. Expected a whole number above 0.'
    """
    problems = []
    for pattern, (hint, expected) in TYPES.items():
        parent, _, name = pattern.rpartition(".")
        for key, node in find_nodes(config, parent):
            if not fits(node.get(name), hint):
                found = repr(node[name]) if name in node else "missing"
                where = f"{key}.{name}".lstrip(".")
                problems.append(f"{where}: {found}. Expected {expected}.")
    return problems


def find_nodes(
    config: Mapping[str, Any], *patterns: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields the dictionaries at keys such as `domains.*.pretrain`, with their keys."""
    for pattern in patterns:
        nodes: list[tuple[str, Any]] = [("", config)]
        for part in pattern.split(".") if pattern else ():
            nodes = [
                (f"{key}.{name}".lstrip("."), value)
                for key, node in nodes
                if isinstance(node, Mapping)
                for name, value in node.items()
                if part in ("*", name)
            ]
        yield from ((key, node) for key, node in nodes if isinstance(node, dict))
