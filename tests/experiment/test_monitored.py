from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import DictConfig

from gwbricks.errors import ConfigErrors
from gwbricks.runs.check import check

Config = Callable[..., DictConfig]
Run = Callable[..., Any]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "train/cycles",
        "val/cycles/domain1-through-domain2",
        "test/recall@5/domain1-to-domain2",
        "lr-AdamW",
    ],
)
def test_number_that_will_be_there_may_be_waited_for(config: Config, name: str) -> None:
    check(config(f"sweep.metric={name}"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["train/cycle", "cycles", "val/r2/domain1", "lr"])
def test_number_that_will_not_be_there_is_an_error(config: Config, name: str) -> None:
    with pytest.raises(
        ConfigErrors, match=f"sweep.metric: the run will have no {name!r}"
    ):
        check(config(f"sweep.metric={name}"))


def test_loss_without_a_coefficient_is_no_number(config: Config) -> None:
    with pytest.raises(
        ConfigErrors, match="monitor: the run will have no 'val/cycles'"
    ):
        check(
            config("loss_coefs.cycles=null", "callbacks.checkpoint.monitor=val/cycles")
        )


@pytest.mark.slow
def test_asking_changes_no_weight_of_the_run(run: Run) -> None:
    plain = run()
    asked = run("sweep.metric=val/cycles")
    assert plain.results == asked.results
    first, second = (weights(found.folder) for found in (plain, asked))
    assert all(torch.equal(first[name], second[name]) for name in first | second)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    path = folder / "checkpoints" / "last.ckpt"
    return torch.load(path, weights_only=True)["state_dict"]
