"""Times an epoch whose latents are computed once, and in every step.

A workspace of images (32 x 32 x 3, random) and attributes, half of them matched. The
images' domain is a frozen residual convolutional encoder with a linear decoder. An
epoch is the second one of a fit in Lightning's Trainer, without validation; fits of
both ways are run in turn. `encode` is what caching costs once: encoding all rows.

Usage: python benchmarks/latents.py [--items 2048] [--batch-size 128] [--turns 3]
[--threads 1] [--json] [--output FILE]
"""

import gwbricks.torchvision_import  # noqa: F401 - before torchmetrics

import argparse
import statistics
import time
import warnings
from functools import partial
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from report import add_arguments, report
from rich.table import Table
from torch import nn
from turns import ratio
from work import COEFS, DIM, HIDDEN_DIM, LATENT_DIM, LEARNING_RATE

from gwbricks import GWDecoder, GWEncoder, LightningBrickCollection
from gwbricks.bag_of_bricks import ResidualConvNet
from gwbricks.bricks import BrickCollection
from gwbricks.data import Split, TableDataModule
from gwbricks.domains import AutoencoderDomain, DomainModule, LinearDomain
from gwbricks.quiet_libraries import quiet_libraries
from gwbricks.training.freed_memory import keep_freed_memory
from gwbricks.training.latents import CachedLatents
from gwbricks.workspace import gw_bricks, Workspace, WorkspaceDomain

IMAGE, ATTRIBUTES = (3, 32, 32), 11
WIDTHS = (16, 32, 64)
WAYS = ("plain", "cached")


class RandomImages(TableDataModule):
    """Random images and attributes."""

    def __init__(self, items: int, batch_size: int) -> None:
        super().__init__(["attr", "image"], batch_size, matched=items // 2)
        self.items = items

    def load(self) -> dict[str, Split]:
        """Draws the rows; validation and test have one each."""
        torch.manual_seed(0)
        sizes = {"train": self.items, "val": 1, "test": 1}
        return {
            name: Split(
                {
                    "attr": torch.randn(rows, ATTRIBUTES),
                    "image": torch.rand(rows, *IMAGE),
                },
                {},
            )
            for name, rows in sizes.items()
        }


def build_module() -> LightningBrickCollection:
    """Returns the workspace."""
    torch.manual_seed(0)
    encoder = nn.Sequential(
        ResidualConvNet(IMAGE[0], WIDTHS),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(WIDTHS[-1], LATENT_DIM),
    )
    decoder = nn.Sequential(
        nn.Linear(LATENT_DIM, torch.Size(IMAGE).numel()), nn.Unflatten(1, IMAGE)
    )
    modules: dict[str, DomainModule] = {
        "attr": LinearDomain(ATTRIBUTES, LATENT_DIM),
        "image": AutoencoderDomain(LATENT_DIM, encoder, decoder),
    }
    domains = {
        name: WorkspaceDomain(
            module,
            GWEncoder(LATENT_DIM, HIDDEN_DIM, DIM, 1),
            GWDecoder(DIM, HIDDEN_DIM, LATENT_DIM, 1),
        )
        for name, module in modules.items()
    }
    graph = BrickCollection(gw_bricks(domains, Workspace(), COEFS))
    optimizer = partial(torch.optim.AdamW, lr=LEARNING_RATE, fused=True)
    return LightningBrickCollection(graph, optimizer, COEFS, seed=0)


class EpochTimes(Callback):
    """Times the epochs of a fit, in seconds of wall and processor."""

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.cpu: list[float] = []

    def on_train_epoch_start(self, *_: object) -> None:
        """Starts the clocks."""
        self._start = time.perf_counter(), time.process_time()

    def on_train_epoch_end(self, *_: object) -> None:
        """Stops the clocks."""
        self.wall.append(time.perf_counter() - self._start[0])
        self.cpu.append(time.process_time() - self._start[1])


def time_epoch(module: LightningBrickCollection, data: RandomImages) -> EpochTimes:
    """Returns the times of the second epoch of a fit."""
    keep_freed_memory()
    times = EpochTimes()
    trainer = Trainer(
        max_epochs=2,
        accelerator="cpu",
        logger=False,
        limit_val_batches=0,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[times],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.fit(module, data)
    times.wall, times.cpu = times.wall[1:], times.cpu[1:]
    return times


def measure(items: int, batch_size: int, turns: int) -> dict[str, Any]:
    """Returns times and their ratio."""
    ways = {name: (build_module(), RandomImages(items, batch_size)) for name in WAYS}
    module, data = ways["cached"]
    latents = CachedLatents(module, data)
    ways["cached"] = module, data.with_columns(latents)
    start = time.perf_counter()
    latents("train")
    found: dict[str, Any] = {"items": items, "batch_size": batch_size}
    found["encode_s"] = round(time.perf_counter() - start, 3)
    times = {name: EpochTimes() for name in ways}
    for _ in range(turns):
        for name, way in ways.items():
            turn = time_epoch(*way)
            times[name].wall += turn.wall
            times[name].cpu += turn.cpu
    for kind in ("wall", "cpu"):
        of = {name: getattr(t, kind) for name, t in times.items()}
        end = "s" if kind == "wall" else "cpu_s"
        found |= {f"{n}_{end}": round(statistics.median(of[n]), 3) for n in of}
        found[f"{kind}_ratio"] = round(ratio(of["plain"], of["cached"]), 2)
    return found


def show(found: dict[str, Any]) -> Table:
    """Returns a table."""
    table = Table(title="An epoch, seconds of the processor (of wall time)")
    for name in ("items", "batch", "plain", "cached", "plain / cached", "encode"):
        table.add_column(name, justify="right")
    table.add_row(
        str(found["items"]),
        str(found["batch_size"]),
        *(f"{found[f'{n}_cpu_s']:.2f} ({found[f'{n}_s']:.2f})" for n in WAYS),
        f"{found['cpu_ratio']:.1f} ({found['wall_ratio']:.1f})",
        f"({found['encode_s']:.2f})",
    )
    return table


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=2048)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    add_arguments(parser)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with quiet_libraries():
        found = measure(args.items, args.batch_size, args.turns)
    report([found], show(found), args)


if __name__ == "__main__":
    main()
