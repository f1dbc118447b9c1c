"""Set-up of the whole test session."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

import gwbricks  # before torchmetrics, which may not find torchvision else

CHECKED = [
    "bag_of_bricks",
    "bricks",
    "data",
    "domains",
    "losses",
    "training",
    "workspace",
]
"""Folders whose annotations, shapes too, are checked at run time."""

CHECKER = "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"

install_import_hook([f"gwbricks.{folder}" for folder in CHECKED], CHECKER)

settings.register_profile("gwbricks", deadline=None)  # a busy machine is no failure
settings.load_profile("gwbricks")

assert gwbricks.__version__


@pytest.fixture
def cifar10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """120 random images as the files of CIFAR-10, whose sums are not checked."""
    datasets = pytest.importorskip("torchvision.datasets")
    files = [f"data_batch_{number}" for number in range(1, 6)]
    monkeypatch.setattr(datasets.CIFAR10, "train_list", [[f, None] for f in files])
    monkeypatch.setattr(datasets.CIFAR10, "test_list", [["test_batch", None]])
    meta = {**datasets.CIFAR10.meta, "md5": None}
    monkeypatch.setattr(datasets.CIFAR10, "meta", meta)
    folder = tmp_path / "data" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    for file in (*files, "test_batch"):
        data = generator.integers(0, 256, (20, 3072), dtype=np.uint8)
        _pickle(folder / file, {"data": data, "labels": [*range(10), *range(10)]})
    _pickle(folder / "batches.meta", {"label_names": list("abcdefghij")})
    return folder.parent


def _pickle(path: Path, content: object) -> None:
    path.write_bytes(pickle.dumps(content))
