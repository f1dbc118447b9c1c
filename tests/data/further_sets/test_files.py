from pathlib import Path

import numpy as np
import pytest
import torch

from gwbricks.data import FilesSet, TensorsData
from gwbricks.errors import ConfigError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    v, t, y = np.zeros((20, 2)), np.ones((20, 3)), np.arange(20)
    np.savez("all.npz", v=v, t=t, y=y)
    far = np.full((4, 2), 9.0)
    far[3] = np.nan
    np.savez("far.npz", v=far, t=t[:4])
    return tmp_path


def load(further: FilesSet) -> TensorsData:
    return TensorsData("all.npz", ["t", "v"], 4, ["y"], sets={"far": further})


@pytest.mark.usefixtures("folder")
def test_rows_of_the_file_are_a_set_of_their_own() -> None:
    data = load(FilesSet(test="far.npz"))
    assert list(data.splits) == ["train", "val", "test", "test_far"]
    loaders = data.test_dataloader()
    assert isinstance(loaders, dict)
    tables = list(loaders["test_far"])
    assert [t.layout.groups[0].columns for t in tables] == [("t",), ("t", "v")]
    assert torch.equal(tables[1].columns["v"], torch.full((3, 2), 9.0))
    assert "y" in next(iter(loaders["test"])).columns


@pytest.mark.usefixtures("folder")
def test_missing_file_is_an_error_that_names_its_key() -> None:
    with pytest.raises(ConfigError, match=r"data\.sets\.far\.val: no file 'none.npz'"):
        _ = load(FilesSet(val="none.npz")).splits


def test_no_file_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"no file\. Fix: give it val, test, or both"):
        FilesSet()


@pytest.mark.usefixtures("folder")
def test_further_split_among_the_files_says_where_it_belongs() -> None:
    files: dict[str, str] = dict.fromkeys(
        ("train", "val", "test", "test_ood"), "all.npz"
    )
    message = r"data\.files\.test_ood: .* Fix: \+set@data\.sets\.ood=files"
    with pytest.raises(ConfigError, match=message):
        _ = TensorsData(files, ["t", "v"], 4).splits
