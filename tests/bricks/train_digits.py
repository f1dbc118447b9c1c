"""Trains and tests a classifier in some processes, and prints its numbers as JSON."""

import json
import sys
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.optim import SGD

from gwbricks import (
    BrickCollection,
    BrickLoss,
    BrickMetrics,
    BrickMetricSingle,
    BrickTrainable,
    LightningBrickCollection,
)
from gwbricks.data import CorruptedSet, DigitsData
from gwbricks.training import DataParallel


class Head(nn.Linear):
    """A layer with a buffer, which the processes keep the same."""

    def __init__(self) -> None:
        super().__init__(240, 10)
        self.register_buffer("steps", torch.zeros(()))

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - torch's name
        """Returns logits."""
        self.steps = self.steps + self.training
        return super().forward(input)


ROWS = 64
"""Rows of a step, those of all processes."""


def train(processes: int) -> dict[str, Any] | None:
    """Returns the numbers; None in the processes that are not the first one."""
    from lightning.pytorch import Trainer  # after gwbricks, as torchmetrics
    from torchmetrics import MetricCollection
    from torchmetrics.classification import (
        MulticlassAccuracy,
        MulticlassAUROC,
        MulticlassConfusionMatrix,
    )

    torch.manual_seed(0)
    compared = ["logits", "label"]
    metrics = {
        "each": MulticlassAccuracy(10),
        "all": MulticlassAccuracy(10, average="micro"),
        "auroc": MulticlassAUROC(10),
    }
    confusion = MulticlassConfusionMatrix(10)
    bricks = {
        "head": BrickTrainable(Head(), ["pix"], ["logits"]),
        "loss": BrickLoss(nn.CrossEntropyLoss(), compared, ["error"]),
        "metrics": BrickMetrics(MetricCollection(metrics), compared),
        "confusion": BrickMetricSingle(confusion, compared, "confusion"),
    }
    model = LightningBrickCollection(BrickCollection(bricks), partial(SGD, lr=0.01))
    trainer = Trainer(
        accelerator="cpu",
        devices=processes,
        strategy=DataParallel() if processes > 1 else "auto",
        max_epochs=1,
        logger=False,
        log_every_n_steps=1,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    sets = {"noisy": CorruptedSet(noise=2.0)}
    data = DigitsData(["pix"], batch_size=ROWS // processes, sets=sets)
    trainer.fit(model, data)
    trainer.test(model, data, verbose=False)
    numbers = {n: value.item() for n, value in trainer.callback_metrics.items()}
    return {**numbers, **model.summaries} if trainer.is_global_zero else None


if __name__ == "__main__":
    found = train(int(sys.argv[1]))
    if found is not None:
        sys.stdout.write(json.dumps(found) + "\n")
