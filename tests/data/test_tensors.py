from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gwbricks.data import array_files, TensorsData
from gwbricks.data.array_files import present_rows, read_arrays
from gwbricks.errors import ConfigError

V, T, Y = np.arange(20.0).reshape(10, 2), -np.arange(30.0).reshape(10, 3), np.arange(10)


def save(path: Path, arrays: Mapping[str, np.ndarray]) -> str:
    """Saves the arrays in the form that the file's name asks for."""
    first = next(iter(arrays.values()))
    if path.suffix == ".npz":
        np.savez(path, **arrays)  # pyright: ignore[reportArgumentType] - arrays by name
    elif path.suffix == ".npy":
        np.save(path, first)
    elif len(arrays) == 1:
        torch.save(torch.from_numpy(first), path)
    else:
        torch.save({n: torch.from_numpy(a) for n, a in arrays.items()}, path)
    return str(path)


def load(
    files: str | Mapping[str, Any],
    domains: tuple[str, ...] = ("t", "v"),
    **options: Any,
) -> TensorsData:
    return TensorsData(files, domains, 4, **options)


def all_rows(data: TensorsData, name: str) -> Tensor:
    return torch.cat([split.columns[name] for split in data.splits.values()])


@pytest.mark.parametrize("suffix", [".npz", ".pt", ".pth"])
def test_one_file_may_hold_all_arrays(tmp_path: Path, suffix: str) -> None:
    file = save(tmp_path / f"all{suffix}", {"v": V, "t": T, "y": Y})
    data = load(file, labels=["y"])
    assert data.columns == ("t", "v", "y")
    order = all_rows(data, "y")
    assert sorted(order.tolist()) == list(range(10))
    assert order.dtype is torch.int64
    for name, array in (("v", V), ("t", T)):
        rows = all_rows(data, name)
        assert rows.dtype is torch.float32
        assert torch.equal(rows, torch.from_numpy(array).float()[order])


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".pt"])
def test_every_column_may_have_its_own_file(tmp_path: Path, suffix: str) -> None:
    files = {
        "v": save(tmp_path / f"vision{suffix}", {"features": V}),
        "t": save(tmp_path / f"text{suffix}", {"t": T}),
    }
    data = load(files)
    assert sorted(all_rows(data, "v")[:, 0].tolist()) == V[:, 0].tolist()
    assert sorted(all_rows(data, "t")[:, 0].tolist()) == sorted(T[:, 0].tolist())


@pytest.mark.parametrize("by_column", [True, False], ids=["by-column", "one-file"])
def test_files_may_be_given_by_split(tmp_path: Path, by_column: bool) -> None:
    files: dict[str, Any] = {}
    for i, split in enumerate(("train", "val", "test")):
        part = {"v": V[3 * i : 3 * i + 3], "t": T[3 * i : 3 * i + 3]}
        files[split] = save(tmp_path / f"{split}.npz", part)
        if by_column:
            files[split] = {
                d: save(tmp_path / f"{split}_{d}.npy", {d: part[d]}) for d in "tv"
            }
    splits = load(files).splits
    for i, split in enumerate(("train", "val", "test")):
        assert splits[split].columns["v"].tolist() == V[3 * i : 3 * i + 3].tolist()
        assert splits[split].columns["t"].tolist() == T[3 * i : 3 * i + 3].tolist()


def test_npy_files_by_split_stay_on_disk_until_a_batch_has_their_rows(
    tmp_path: Path,
) -> None:
    path = tmp_path / "v.npy"
    np.save(path, V.astype(np.float32))
    files = {split: {"v": str(path)} for split in ("train", "val", "test")}
    data = load(files, ("v",))
    loader = data.train_dataloader()
    np.lib.format.open_memmap(path, "r+")[:] = 7.0
    assert all((table.columns["v"] == 7).all() for table in loader)
    data.splits["val"].columns["v"].zero_()
    assert (np.load(path) == 7).all()


def test_rows_are_looked_at_block_by_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(array_files, "BLOCK", 2 * V.shape[1])
    v = V.copy()
    v[[1, 6]] = np.nan
    found = present_rows("v", torch.from_numpy(v))
    assert found.tolist() == [row not in (1, 6) for row in range(len(v))]
    v[7, 0] = np.inf
    with pytest.raises(ConfigError, match=r"1 rows of 'v' hold NaN.*first is row 7"):
        present_rows("v", torch.from_numpy(v))


def test_split_has_the_shares_asked_for_and_its_own_seed(tmp_path: Path) -> None:
    file = save(tmp_path / "all.npz", {"v": V})
    shares = {"train": 0.5, "val": 0.3, "test": 0.2}
    splits, again, other = (
        load(file, ("v",), split=shares, split_seed=seed).splits for seed in (0, 0, 1)
    )
    assert [len(split.columns["v"]) for split in splits.values()] == [5, 3, 2]
    found = [split.columns["v"][:, 0].tolist() for split in splits.values()]
    assert sorted(value for part in found for value in part) == V[:, 0].tolist()
    assert torch.equal(splits["test"].columns["v"], again["test"].columns["v"])
    assert not torch.equal(splits["train"].columns["v"], other["train"].columns["v"])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_row_that_is_partly_no_number_is_an_error(tmp_path: Path, value: float) -> None:
    broken = V.copy()
    broken[3, 1] = value
    data = load(save(tmp_path / "all.npz", {"v": broken, "t": T}))
    message = r"data\.files: 1 rows of 'v' hold NaN or infinity.*the first is row 3"
    with pytest.raises(ConfigError, match=message):
        _ = data.splits


def test_row_of_nan_lacks_the_domain(tmp_path: Path) -> None:
    t = T.copy()
    t[[1, 4]] = np.nan
    v = V.copy()
    v[4] = np.nan
    arrays = {"v": v, "t": t, "y": Y}
    files = {s: save(tmp_path / f"{s}.npz", arrays) for s in ("train", "val", "test")}
    data = load(files, labels=["y"], unpaired=False)
    assert data.present("train")["t"].logical_not().nonzero().flatten().tolist() == [
        1,
        4,
    ]
    assert data.present("train")["v"].logical_not().nonzero().flatten().tolist() == [4]
    groups = {group: items.tolist() for group, items in data.groups.items()}
    assert groups == {("t", "v"): [0, 2, 3, 5, 6, 7, 8, 9]}
    seen = {
        table.layout.columns: table.columns["y"].tolist()
        for table in data.val_dataloader()
        if "t" not in table.layout.columns
    }
    assert seen == {("v", "y"): [1]}


def test_number_of_matched_items_counts_only_those_that_have_both(
    tmp_path: Path,
) -> None:
    t = T.copy()
    t[:4] = np.nan
    arrays = {"v": V, "t": t}
    files = {s: save(tmp_path / f"{s}.npz", arrays) for s in ("train", "val", "test")}
    groups = load(files, matched=5).groups
    assert {group: len(items) for group, items in groups.items()} == {
        ("t",): 6,
        ("t", "v"): 5,
        ("v",): 10,
    }
    with pytest.raises(ConfigError, match="7 items of t"):
        _ = load(files, matched=7).groups


@pytest.mark.parametrize(
    ("arrays", "options", "message"),
    [
        pytest.param(
            {"v": V}, {}, r"no array for 't'\..* Known names: v", id="missing"
        ),
        pytest.param(
            {"v": V, "t": T[:9]},
            {},
            r"data\.files: arrays differ in their rows \(t: 9, v: 10\)",
            id="rows-differ",
        ),
        pytest.param(
            {"v": V, "t": T}, {"labels": ["y"]}, "no array for 'y'", id="label"
        ),
        pytest.param({"v": V, "t": np.array(1)}, {}, "'t' in .* no array", id="scalar"),
        pytest.param(
            {"v": V[:0], "t": T[:0]}, {}, "the train split has no rows", id="empty"
        ),
    ],
)
def test_arrays_that_do_not_fit_are_an_error(
    tmp_path: Path,
    arrays: dict[str, np.ndarray],
    options: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(ConfigError, match=message):
        _ = load(save(tmp_path / "all.npz", arrays), **options).splits


def test_file_of_several_arrays_must_have_the_columns_name(tmp_path: Path) -> None:
    files = {d: save(tmp_path / "all.npz", {"v": V, "x": T}) for d in "tv"}
    message = r"data\.files\.t: no array 't' in .*all\.npz'\..*Known names: v, x"
    with pytest.raises(ConfigError, match=message):
        _ = load(files).splits


@pytest.mark.parametrize(
    "split",
    [
        pytest.param({"train": 0.5, "val": 0.1, "test": 0.1}, id="less-than-one"),
        pytest.param({"train": 0.9, "test": 0.1}, id="no-val"),
    ],
)
def test_shares_that_are_not_a_split_are_an_error(split: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=r"data\.split: .*that add up to 1"):
        load("all.npz", split=split)


def test_missing_file_is_named_with_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no file '.*none\.npz' \(from "):
        read_arrays(tmp_path / "none.npz")


@pytest.mark.parametrize(
    ("name", "kind"), [("rows.csv", r"\.csv"), ("rows", "nameless")], ids=str
)
def test_file_of_another_kind_is_an_error(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).write_text("1,2")
    message = rf"{name}' is a {kind} file\. Expected \.npz, \.npy, \.pt, \.pth"
    with pytest.raises(ConfigError, match=message):
        read_arrays(tmp_path / name)


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".pt"])
@pytest.mark.parametrize("content", [b"", b"not an array"], ids=["empty", "text"])
def test_damaged_file_is_an_error(tmp_path: Path, suffix: str, content: bytes) -> None:
    (tmp_path / f"v{suffix}").write_bytes(content)
    with pytest.raises(
        ConfigError, match=rf"data\.files: cannot read '.*{suffix}': \w"
    ):
        read_arrays(tmp_path / f"v{suffix}")


class Payload:
    """An object that only a pickle can hold."""


def test_pickled_objects_are_refused(tmp_path: Path) -> None:
    torch.save({"v": Payload()}, tmp_path / "v.pt")
    np.save(tmp_path / "v.npy", np.array([Payload()]), allow_pickle=True)
    with pytest.raises(ConfigError, match=r"it holds pickled objects\. Fix: save"):
        read_arrays(tmp_path / "v.pt")
    with pytest.raises(ConfigError, match=r"cannot read .*Python objects in dtype"):
        read_arrays(tmp_path / "v.npy")


def test_file_without_tensors_is_an_error(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "v.pt")
    with pytest.raises(ConfigError, match=r"'v' in .* is no array of rows\. Fix: save"):
        read_arrays(tmp_path / "v.pt")
