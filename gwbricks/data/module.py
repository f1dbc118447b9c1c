"""The data module that all of gwbricks' data sets share."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import cached_property

import torch
from lightning.pytorch import LightningDataModule, Trainer
from lightning.pytorch.utilities.types import EVAL_DATALOADERS
from torch import Tensor

from gwbricks.data.further_sets.further_set import add_sets, FurtherSet, kept_rows
from gwbricks.data.loaders import EvalLoader, TrainLoader
from gwbricks.data.pairing import Matched, pair_items
from gwbricks.data.split import Split
from gwbricks.errors import ConfigError, suggest

Prepare = Callable[[str, Trainer | None], Mapping[str, Tensor]]
"""From the name of a split, and the trainer of the data, to columns."""


class TableDataModule(LightningDataModule):
    """Abstract: columns in memory, paired for training, fully kept for evaluation.

    Subclasses say which columns there are (`load`); this class adds the further sets,
    draws the pairs and makes the loaders.

    Args:
        domains: Columns that are domains.
        batch_size: Rows of each group in a batch, in each process.
        matched: Number of training items whose domains are seen together; or numbers by
            group, such as `{v+t: 100}`; None matches all that can be.
        unpaired: Whether every domain's training items also appear alone, or the list
            of domains whose items do.
        seed: Seed of the pairs and of the order.
        sets: Further sets to validate and test on, by name: `ood` becomes the splits
            `val_ood` and `test_ood`. Null takes one away.
        test_repeats: How often every test row comes; more than once makes sense where
            something is drawn, such as a corruption.

    Raises:
        ConfigError: If a domain is not in the data, or there are no rows.
    """

    labels: tuple[str, ...] = ()
    """Columns that are not domains."""

    def __init__(
        self,
        domains: Sequence[str],
        batch_size: int,
        matched: Matched = None,
        unpaired: bool | Sequence[str] = True,
        seed: int = 0,
        sets: Mapping[str, FurtherSet | None] | None = None,
        test_repeats: int = 1,
    ) -> None:
        super().__init__()
        counts = {"batch_size": batch_size, "test_repeats": test_repeats}
        for name, count in counts.items():
            if count < 1:
                raise ConfigError(f"data.{name}: {count}. Expected 1 or more.")
        self.domains = tuple(sorted(domains))
        self.batch_size = batch_size
        self.matched = matched
        self.unpaired = unpaired
        self.seed = seed
        self.sets = {n: s for n, s in sorted((sets or {}).items()) if s is not None}
        self.test_repeats = test_repeats
        self._prepare: Prepare | None = None

    def with_columns(self, prepare: Prepare) -> "TableDataModule":
        """Returns the same data, whose batches have other columns.

        Args:
            prepare: Gives the columns of a split in training and evaluation.
        """
        other = copy(self)  # users' classes have constructors of their own
        other._prepare = prepare
        return other

    @abstractmethod
    def load(self) -> dict[str, Split]:
        """Returns the splits `train`, `val` and `test`."""

    def kept(self, columns: Mapping[str, Tensor]) -> Tensor:
        """Returns which rows no further set holds out, of shape `(items,)`."""
        return kept_rows(self.sets, columns)

    @cached_property
    def splits(self) -> dict[str, Split]:
        """The splits `train`, `val` and `test`, and those of further sets, checked.

        Raises:
            ConfigError: If a domain is not in the data, or a split has no rows.
        """
        splits = add_sets(self.load(), self.sets, self.domains, self.labels)
        for name, split in splits.items():
            for domain in self.domains:
                if domain not in split.columns:
                    known = set(split.columns) - set(self.labels)
                    raise ConfigError(
                        f"domains: no data for {domain!r}.{suggest(domain, known)}"
                    )
            if not all(len(rows) for rows in split.columns.values()):
                raise ConfigError(
                    f"data: the {name} split has no rows. Expected at least 1."
                )
        return splits

    def present(self, split: str) -> dict[str, Tensor]:
        """Returns which items of a split have each domain, of shape `(items,)`."""
        known = self.splits[split].present
        columns = self.splits[split].columns
        return {
            d: known.get(d, torch.ones(len(columns[d]), dtype=torch.bool))
            for d in self.domains
        }

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns of a batch."""
        return tuple(sorted((*self.domains, *self.labels)))

    @cached_property
    def groups(self) -> dict[tuple[str, ...], Tensor]:
        """Training items of each group of domains.

        Raises:
            ConfigError: If no group has rows.
        """
        groups = pair_items(
            self.present("train"), self.matched, self.unpaired, self.seed
        )
        if not groups:
            raise ConfigError(
                "data: no training rows: nothing is matched and nothing is unpaired."
                " Fix: data.matched above 0, or data.unpaired=true."
            )
        return groups

    @property
    def share(self) -> tuple[int, int]:
        """Number of this process, and of all that share the rows out."""
        trainer = self.trainer
        return (0, 1) if trainer is None else (trainer.global_rank, trainer.world_size)

    @property
    def pinned(self) -> bool:
        """Whether batches are made ahead of their use, in pinned memory: for a GPU."""
        trainer = self.trainer
        return trainer is not None and trainer.strategy.root_device.type == "cuda"

    def train_dataloader(self) -> TrainLoader:
        """Returns shuffled batches with rows of every group."""
        return TrainLoader(
            self._columns("train"),
            self.groups,
            self.batch_size,
            self.seed,
            self.labels,
            self.share,
            self.pinned,
        )

    def val_dataloader(self) -> EVAL_DATALOADERS:
        """Returns the validation rows, in order; by name if there are further sets."""
        return self._loaders("val")

    def test_dataloader(self) -> EVAL_DATALOADERS:
        """Returns the test rows, in order; by name if there are further sets."""
        return self._loaders("test")

    def predict_dataloader(self) -> EvalLoader:
        """Returns the test rows, in order."""
        return self._loader("test", self.splits["test"].columns)

    def _columns(self, split: str) -> Mapping[str, Tensor]:
        columns = self.splits[split].columns
        return columns if self._prepare is None else self._prepare(split, self.trainer)

    def _loaders(self, stage: str) -> EvalLoader | dict[str, EvalLoader]:
        further = [name for name in self.splits if name.startswith(f"{stage}_")]
        repeats = self.test_repeats if stage == "test" else 1
        loaders = {
            name: self._loader(name, self._columns(name), repeats)
            for name in (stage, *further)
        }
        return loaders if further else loaders[stage]

    def _loader(
        self, split: str, columns: Mapping[str, Tensor], repeats: int = 1
    ) -> EvalLoader:
        present = self.present(split)
        labels = tuple(n for n in self.labels if n in self.splits[split].columns)
        return EvalLoader(
            columns,
            present,
            self.batch_size,
            labels,
            self.share,
            repeats,
            self.pinned,
        )
