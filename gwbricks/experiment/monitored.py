"""Checks, before a run, that the metrics which its config names will be logged."""

import warnings
from collections.abc import Mapping
from typing import Any

from lightning.pytorch import LightningDataModule

from gwbricks.bricks import Stage
from gwbricks.errors import suggest
from gwbricks.experiment.devices import on_any_device
from gwbricks.experiment.trainer import make_trainer
from gwbricks.training import LightningBrickCollection

ALWAYS = ("train/loss", "val/loss", "test/loss")


def monitor_problems(
    config: Mapping[str, Any],
    module: LightningBrickCollection,
    data: LightningDataModule,
) -> list[str]:
    """Returns one line for each callback or sweep that names a missing metric.

    If a name is not one that every run logs, one batch of validation and one of test
    are run to find what is logged.

    Args:
        config: A resolved config.
        module: The module.
        data: Gives the batches.
    """
    metric = config["sweep"]["metric"]
    metrics = [metric] if isinstance(metric, str) else metric
    monitors = [("sweep.metric", name) for name in metrics]
    for name, node in sorted((config.get("callbacks") or {}).items()):
        if isinstance(node, Mapping) and node.get("monitor") is not None:
            monitors.append((f"callbacks.{name}.monitor", node["monitor"]))
    asked = [(key, name) for key, name in monitors if name not in ALWAYS]
    if not asked:
        return []
    known = _logged_names(config, module, data)
    return [
        f"{key}: the run will have no {name!r}.{suggest(name, known)}"
        for key, name in asked
        if name not in known and not str(name).startswith("lr-")
    ]


def _logged_names(
    config: Mapping[str, Any],
    module: LightningBrickCollection,
    data: LightningDataModule,
) -> set[str]:
    limits = {"limit_val_batches": 1, "limit_test_batches": 1}
    trainer = make_trainer(
        {**on_any_device(config["trainer"]), **limits},
        "trainer",
        logger=False,
        enable_progress_bar=False,
    )
    names = set(ALWAYS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of metrics that want more rows
        for test in (trainer.validate, trainer.test):
            test(module, datamodule=data, verbose=False)
            names |= trainer.callback_metrics.keys()
    module.summaries.clear()
    kinds = module.brick_collection.loss_names(Stage.TRAIN)
    return names | {f"train/{name}" for name in kinds if name in module.loss_coefs}
