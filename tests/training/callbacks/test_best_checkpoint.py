from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from gwbricks.training import BestCheckpoint

Maker = Callable[..., Any]


def state(folder: Path) -> dict[str, Any]:
    """What the callback of a finished run leaves, whose best epoch had a loss of 2."""
    folder.mkdir()
    (folder / "best.ckpt").write_text("the best so far")
    first = BestCheckpoint(folder, "best", monitor="val/loss")
    first.best_model_path = str(folder / "best.ckpt")
    first.best_model_score = torch.tensor(2.0)
    return first.state_dict()


def test_best_of_the_run_before_is_taken_over(tmp_path: Path) -> None:
    second = BestCheckpoint(tmp_path / "second", "best", monitor="val/loss")
    second.load_state_dict(state(tmp_path / "first"))
    best = tmp_path / "second" / "best.ckpt"
    assert second.best_model_path == str(best)
    assert best.read_text() == "the best so far"
    assert not second.check_monitor_top_k(_Trainer(), torch.tensor(2.5))  # pyright: ignore[reportArgumentType] - what it asks of a trainer
    assert second.check_monitor_top_k(_Trainer(), torch.tensor(1.5))  # pyright: ignore[reportArgumentType] - what it asks of a trainer


class _Trainer:
    class strategy:  # noqa: N801 - Lightning's name
        @staticmethod
        def reduce_boolean_decision(decision: object, **_: object) -> bool:
            return bool(decision)


def test_same_folder_goes_on_as_before(tmp_path: Path) -> None:
    saved = state(tmp_path / "first")
    again = BestCheckpoint(tmp_path / "first", "best", monitor="val/loss")
    again.load_state_dict(saved)
    assert again.best_model_score == 2.0


def test_no_best_so_far_is_none_that_is_gone(tmp_path: Path) -> None:
    saved = BestCheckpoint(tmp_path / "first", "best", monitor="val/loss").state_dict()
    second = BestCheckpoint(tmp_path / "second", "best", monitor="val/loss")
    second.load_state_dict(saved)
    assert second.best_model_path == ""


def test_best_that_is_gone_is_told(tmp_path: Path) -> None:
    saved = state(tmp_path / "first")
    (tmp_path / "first" / "best.ckpt").unlink()
    second = BestCheckpoint(tmp_path / "second", "best", monitor="val/loss")
    with pytest.warns(UserWarning, match=r"best\.ckpt', is gone"):
        second.load_state_dict(saved)
    assert second.best_model_path == ""
