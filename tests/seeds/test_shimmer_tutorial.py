"""Shimmer's tutorial runs, with only its import lines changed.

The scripts in `shimmer_tutorial/` are those of Shimmer's documentation
(https://github.com/ruflab/shimmer), MIT licence, Copyright (c) 2023 Benjamin Devillers.
Two mistakes in them are mended, each with a comment that starts with "Changed".
"""

import runpy
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

TENSORS = {
    f"{part}.{kind}" for part in ("encoder", "decoder") for kind in ("weight", "bias")
}
SCRIPTS = Path(__file__).parent / "shimmer_tutorial"

pytestmark = [
    pytest.mark.filterwarnings(f"ignore:{warning}")
    for warning in (
        "'pin_memory' argument is set",  # torch's, without a GPU; the scripts pin
        "Checkpoint directory .* exists and is not empty",  # Lightning's; they share it
        r"Found \d+ module\(s\) in eval mode",  # Lightning's; domains are frozen
        "Starting from v1.9.0, `tensorboardX`",  # Lightning's default logger
    )
]


@dataclass
class Runs:
    """What the scripts' trainers did."""

    before: list[dict[str, Tensor]] = field(default_factory=list)
    after: list[dict[str, Tensor]] = field(default_factory=list)
    validated: list[dict[str, float]] = field(default_factory=list)

    def moved(self, run: int) -> set[str]:
        """Returns the names of the tensors that a fit changed."""
        after = self.after[run]
        return {n for n, value in self.before[run].items() if not value.equal(after[n])}


def copy_state(model: LightningModule) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Runs]:
    """Runs both scripts, as the tutorial says, in an empty folder."""
    runs, fit, validate = Runs(), Trainer.fit, Trainer.validate

    def spied_fit(trainer: Trainer, model: LightningModule, *args: Any) -> None:
        runs.before.append(copy_state(model))
        fit(trainer, model, *args)
        runs.after.append(copy_state(model))

    def spied_validate(trainer: Trainer, *args: Any) -> None:
        runs.validated += [dict(logged) for logged in validate(trainer, *args)]

    monkeypatch.setattr(Trainer, "fit", spied_fit)
    monkeypatch.setattr(Trainer, "validate", spied_validate)
    monkeypatch.syspath_prepend(SCRIPTS)
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    for script in ("train_domain_module", "train_gw"):
        runpy.run_path(str(SCRIPTS / f"{script}.py"), run_name="__main__")
    yield runs
    for module in ("dataset", "domains"):
        sys.modules.pop(module)


def test_tutorial_trains_domains_and_then_a_workspace(
    runs: Runs, tmp_path: Path
) -> None:
    saved = {path.stem: path for path in (tmp_path / "checkpoints").iterdir()}
    assert set(saved) == {"domain1", "domain2", "gw"}
    for path in saved.values():
        assert torch.load(path, weights_only=True)["state_dict"]

    assert runs.moved(0) == runs.moved(1) == TENSORS

    frozen = {n for n in runs.before[2] if ".latent." in n or "log_scale" in n}
    assert len(frozen) == 2 * len(TENSORS) + 1
    assert runs.moved(2) == set(runs.before[2]) - frozen

    losses = [logged["val_loss"] for logged in runs.validated[:2]]
    losses.append(runs.validated[2]["val/loss"])
    assert torch.tensor(losses).isfinite().all()
