import tempfile
from pathlib import Path

import pytest
import torch

from gwbricks.experiment.trainer import make_trainer
from gwbricks.training.whole_checkpoints import WholeCheckpoints


def test_a_checkpoint_is_written_beside_the_one_that_it_replaces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "checkpoints" / "last.ckpt"
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "elsewhere"))
    for step in (1, 2):
        WholeCheckpoints().save_checkpoint({"global_step": step}, path)
    assert torch.load(path, weights_only=True) == {"global_step": 2}
    assert list(path.parent.iterdir()) == [path]


def test_a_kill_leaves_the_checkpoint_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.ckpt"
    WholeCheckpoints().save_checkpoint({"global_step": 1}, path)

    def half(content: object, made: Path) -> None:
        made.write_bytes(b"half")
        raise KeyboardInterrupt(str(content))

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(KeyboardInterrupt):
        WholeCheckpoints().save_checkpoint({"global_step": 2}, path)
    monkeypatch.undo()
    assert torch.load(path, weights_only=True) == {"global_step": 1}


def test_every_trainer_writes_its_checkpoints_so() -> None:
    trainer = make_trainer({"accelerator": "cpu"}, "trainer", logger=False)
    assert isinstance(trainer.strategy.checkpoint_io, WholeCheckpoints)
