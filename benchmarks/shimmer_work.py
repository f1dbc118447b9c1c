"""Shimmer's training step on the same work, from a checkout."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from lightning.pytorch import Callback
from lightning.pytorch.utilities.combined_loader import CombinedLoader
from torch import nn, Tensor
from torch.utils.data import DataLoader, Dataset
from turns import fit
from work import COEFS, DIM, HIDDEN_DIM, ITEMS, LATENT_DIM, LEARNING_RATE, Work


def find_shimmer(checkout: Path) -> None:
    """Lets `import shimmer` find a checkout, which need not be installed.

    Args:
        checkout: A checkout of https://github.com/ruflab/shimmer.
    """
    if not (checkout / "shimmer" / "__init__.py").is_file():
        raise SystemExit(f"--shimmer: {checkout} is no checkout of ruflab/shimmer.")
    sys.path.insert(0, str(checkout))
    migrations: Any = ModuleType("migrate_ckpt")  # no package index has it
    migrations.CkptType = dict
    migrations.ckpt_migration_key = "migrations"
    migrations.get_folder_migrations = lambda path: []
    migrations.migrate_from_folder = lambda checkpoint, path: (checkpoint, [])
    sys.modules["migrate_ckpt"] = migrations
    version: Any = ModuleType("shimmer.version")  # it asks for installed metadata
    version.__version__ = "checkout"
    sys.modules["shimmer.version"] = version


def fit_shimmer(work: Work, folder: str, *callbacks: Callback) -> None:
    """Trains Shimmer's fusion workspace.

    Args:
        work: The work.
        folder: Where the CSVLogger writes.
        callbacks: Callbacks of the Trainer.
    """
    fit(_module(work), _loader(work), work.steps, folder, *callbacks)


def shimmer_step(work: Work, device: str) -> Callable[[], None]:
    """Returns a step of Shimmer's workspace in a bare loop, without logging.

    Args:
        work: The work.
        device: Where it is trained.
    """
    module = _module(work).to(device)
    batch, _, _ = next(iter(_loader(work)))
    batch = {
        group: {name: rows.to(device) for name, rows in columns.items()}
        for group, columns in batch.items()
    }
    trained = [p for p in module.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=LEARNING_RATE)

    def step() -> None:
        latents = module.encode_domains(batch)
        module.loss_mod.step(batch, latents, "train").loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def _module(work: Work) -> Any:  # noqa: ANN401 - a class of Shimmer
    from shimmer import DomainModule, GWDecoder, GWEncoder, LossOutput
    from shimmer.modules.global_workspace import GlobalWorkspaceFusion, SchedulerArgs

    class Linear(DomainModule):
        def __init__(self, size: int) -> None:
            super().__init__(LATENT_DIM)
            self.there = nn.Linear(size, LATENT_DIM)

        def encode(self, x: Tensor) -> Tensor:
            return self.there(x)

        def compute_loss(
            self, pred: Tensor, target: Tensor, raw_target: object
        ) -> LossOutput:
            del raw_target
            return LossOutput(nn.functional.mse_loss(pred, target))

    torch.manual_seed(0)
    return GlobalWorkspaceFusion(
        {name: Linear(size) for name, size in work.sizes.items()},
        {name: GWEncoder(LATENT_DIM, HIDDEN_DIM, DIM, 1) for name in work.sizes},
        {name: GWDecoder(DIM, HIDDEN_DIM, LATENT_DIM, 1) for name in work.sizes},
        DIM,
        COEFS,
        scheduler_args=SchedulerArgs(max_lr=LEARNING_RATE, total_steps=work.steps + 1),
    )


class _Rows(Dataset[dict[str, Tensor]]):
    def __init__(self, columns: Mapping[str, Tensor]) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return ITEMS

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {name: rows[index] for name, rows in self.columns.items()}


def _loader(work: Work) -> CombinedLoader:
    from shimmer import RepeatedDataset

    columns = work.columns()
    loaders = {}
    for group in work.groups:
        rows: Any = _Rows({name: columns[name] for name in group})
        loaders[frozenset(group)] = DataLoader(
            RepeatedDataset(rows, ITEMS), work.batch_size, shuffle=True, drop_last=True
        )
    return CombinedLoader(loaders, mode="min_size")
