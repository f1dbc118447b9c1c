import pickle
import socket
import sys
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
import torch

from gwbricks.data import CIFAR10Data
from gwbricks.errors import ConfigError


def test_images_are_bytes_and_every_row_is_in_one_split(cifar10: Path) -> None:
    splits = CIFAR10Data(cifar10, batch_size=8, val=0.2).splits
    assert {n: len(s.columns["label"]) for n, s in splits.items()} == {
        "train": 80,
        "val": 20,
        "test": 20,
    }
    for split in splits.values():
        image = split.columns["image"]
        assert (image.dtype, image.shape[1:]) == (torch.uint8, (3, 32, 32))
        assert split.columns["label"].bincount().unique().numel() == 1
    train = torch.cat([splits[name].columns["image"] for name in ("train", "val")])
    assert len(train.unique(dim=0)) == 100


def test_pixels_are_those_of_the_file(cifar10: Path) -> None:
    file = cifar10 / "cifar-10-batches-py" / "test_batch"
    rows = pickle.loads(file.read_bytes())["data"].reshape(-1, 3, 32, 32)
    split = CIFAR10Data(cifar10, batch_size=8).splits["test"]
    np.testing.assert_array_equal(split.columns["image"].numpy(), rows)


def test_a_batch_has_both_columns(cifar10: Path) -> None:
    data = CIFAR10Data(cifar10, batch_size=8)
    assert data.columns == ("image", "label")
    batch = next(iter(data.train_dataloader()))
    assert batch.columns["image"].shape == (8, 3, 32, 32)
    assert batch.columns["label"].dtype is torch.int64
    assert len(data.train_dataloader()) == 90 // 8


def test_missing_data_are_an_error_that_says_how_to_get_them(tmp_path: Path) -> None:
    pytest.importorskip("torchvision")
    with pytest.raises(ConfigError, match=r"no CIFAR-10.*Fix: data\.download=true"):
        _ = CIFAR10Data(tmp_path, batch_size=8).splits


def test_damaged_data_are_an_error(cifar10: Path) -> None:
    (cifar10 / "cifar-10-batches-py" / "data_batch_3").unlink()
    with pytest.raises(ConfigError, match="no CIFAR-10, or a damaged one"):
        _ = CIFAR10Data(cifar10, batch_size=8).splits


def test_failed_download_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torchvision")

    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError("no route to host")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(ConfigError, match=r"could not be fetched: .*no route to host"):
        _ = CIFAR10Data(tmp_path, batch_size=8, download=True).splits


def test_missing_torchvision_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
    with pytest.raises(ConfigError, match=r"Fix: pip install 'gwbricks\[vision\]'"):
        _ = CIFAR10Data(tmp_path, batch_size=8).splits


def test_no_validation_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"data\.val: 0\.0\. Expected a share"):
        CIFAR10Data("data", batch_size=8, val=0.0)
