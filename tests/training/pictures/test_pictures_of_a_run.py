"""What a run keeps as pictures."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

Run = Callable[..., Any]

FAST = ("+trainer.limit_train_batches=1", "+trainer.limit_val_batches=1")


def pictures(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.png"))


def test_run_folder_holds_the_confusion_matrix(run: Run) -> None:
    folder, results, _ = run("experiment=digits_classifier", *FAST)
    kept = folder / "pictures"
    assert pictures(kept) == [f"{s}/confusion.png" for s in ("test", "train", "val")]
    numbers = json.loads((folder / "metrics.json").read_text())["test"]["confusion"]
    assert sum(map(sum, numbers)) == 400
    assert numbers == results["test/confusion"]
    with Image.open(kept / "test" / "confusion.png") as picture:
        assert picture.size == (484, 484)


@pytest.mark.slow
def test_wandb_holds_the_pictures_of_image_classification(run: Run) -> None:
    changes = ("experiment=image_classification", "logger=wandb")
    folder, results, _ = run(*changes, *FAST)
    assert pictures(folder / "pictures") == [
        "test/digit/pictures.png",
        "val/digit/pictures.png",
    ]
    (media,) = folder.glob("wandb/offline-run-*/files/media/images")
    names = [path.rsplit("_", 2)[0] for path in pictures(media)]  # no row, no hash
    assert names == ["graph", "test/digit/pictures", "val/digit/pictures"]
    assert not any("pictures" in name for name in results)
