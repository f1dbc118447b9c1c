"""Further sets to validate and test on, such as one out of distribution."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from gwbricks.data.split import Split
from gwbricks.errors import ConfigError

NAME = re.compile(r"\w[\w.-]*")
"""What a set may be called: logged names and a folder of pictures begin with it."""

STAGES = ("val", "test")
"""The stages that have further sets."""


@dataclass(frozen=True)
class Source:
    """What a further set is made of.

    Args:
        stage: `val` or `test`.
        loaded: All rows of the stage, those that are held out too.
        own: The rows that the stage itself keeps.
        domains: Columns that are domains.
        labels: Columns that are not.
    """

    stage: str
    loaded: Split
    own: Split
    domains: tuple[str, ...]
    labels: tuple[str, ...]


class FurtherSet(ABC):
    """Abstract: rows to validate and test on besides the data's own.

    As `data.sets.ood` its losses and metrics are `val_ood/…` and `test_ood/…`.
    """

    def kept(self, columns: Mapping[str, Tensor]) -> Tensor | None:
        """Returns which rows stay in `train`, `val` and `test`; None for all.

        Args:
            columns: Columns of the data, each of shape `(items, ...)`.
        """
        del columns

    @abstractmethod
    def make(self, source: Source) -> Split | None:
        """Returns the rows of the set in one stage; None for none."""


def kept_rows(sets: Mapping[str, FurtherSet], columns: Mapping[str, Tensor]) -> Tensor:
    """Returns which rows no set holds out, of shape `(items,)`.

    Raises:
        ConfigError: If a set asks for a column that is not there.
    """
    kept = torch.ones(len(next(iter(columns.values()))), dtype=torch.bool)
    for name, further in sets.items():
        with _named(name):
            rows = further.kept(columns)
        kept = kept if rows is None else kept & rows
    return kept


def add_sets(
    splits: Mapping[str, Split],
    sets: Mapping[str, FurtherSet],
    domains: Sequence[str],
    labels: Sequence[str],
) -> dict[str, Split]:
    """Returns the splits, less what is held out, and those of further sets.

    Args:
        splits: The splits `train`, `val` and `test`.
        sets: Further sets by name.
        domains: Columns that are domains.
        labels: Columns that are not.

    Raises:
        ConfigError: If a set has no proper name, or cannot be made.
    """
    _check_names(sets)
    own = {
        name: split
        if (kept := kept_rows(sets, split.columns)).all()
        else split.take(kept)
        for name, split in splits.items()
    }
    found = dict(own)
    for name, further in sets.items():
        for stage in STAGES:
            source = Source(
                stage, splits[stage], own[stage], tuple(domains), tuple(labels)
            )
            with _named(name):
                made = further.make(source)
                if made is not None:
                    _check_shapes(made, own["train"], domains)
                    found[f"{stage}_{name}"] = made
    return found


def _check_names(sets: Mapping[str, FurtherSet]) -> None:
    for name, further in sets.items():
        if not NAME.fullmatch(name):
            raise ConfigError(
                f"data.sets: {name!r} is no name of a set. Expected letters, digits, _,"
                " - and dots."
            )
        if not isinstance(further, FurtherSet):
            raise ConfigError(
                f"data.sets.{name}: {further!r}. Expected a further set. Fix: take one"
                f" of the group, as in +set@data.sets.{name}=held_out."
            )


def _check_shapes(made: Split, train: Split, domains: Sequence[str]) -> None:
    for domain in domains:
        if domain in made.columns and domain in train.columns:
            shape, expected = (s.columns[domain].shape[1:] for s in (made, train))
            if shape != expected:
                raise ConfigError(
                    f"{domain}: rows of shape {tuple(shape)}. Expected"
                    f" {tuple(expected)}, as in training."
                )


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Puts the config key of a set before its errors."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"data.sets.{name}.{error}") from error
