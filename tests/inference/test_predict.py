import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from gwbricks.data import Split, TableDataModule
from gwbricks.errors import ConfigError
from gwbricks.inference.loaded import load
from gwbricks.inference.outputs import standard_outputs
from gwbricks.inference.predict import predict, read_rows
from gwbricks.workspace import WorkspaceView

Saved = Callable[..., Any]
DOMAINS = ["domain1", "domain2"]


def test_split_is_written_as_the_loaded_run_computes_it(
    saved: Saved, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, experiment = saved("data.num_test=10")
    lone, path = tmp_path / "model.ckpt", tmp_path / "test.npz"
    shutil.copy(folder / "checkpoints" / "best.ckpt", lone)
    predict(lone, "test", path, batch_size=4)
    printed = capsys.readouterr().out
    assert "domain1-through-domain2   10 x 8" in printed
    assert f"{path}: written." in printed
    with np.load(path, allow_pickle=False) as file:
        found = dict(file)
    assert [*found] == standard_outputs(DOMAINS)
    raw = experiment.data.splits["test"].columns
    x, loaded = {"domain1": raw["domain1"].numpy()}, load(folder)
    for name, expected in {
        "domain1/state": loaded.encode(x),
        "domain1-to-domain2": loaded.translate(x, to="domain2"),
        "domain1-through-domain2": loaded.cycle(x)["domain1"],
    }.items():
        np.testing.assert_allclose(found[name], expected, atol=1e-6)
    assert {name: len(rows) for name, rows in found.items()} == dict.fromkeys(found, 10)


def test_rows_of_a_file_may_lack_domains(saved: Saved, tmp_path: Path) -> None:
    folder, _ = saved("selection@workspace.selection=random")
    arrays: dict[str, Any] = {"domain1": np.ones((3, 8)), "domain2": np.ones((3, 16))}
    arrays["domain2"][1], arrays["other"] = np.nan, np.ones(3)
    np.savez(tmp_path / "mine.npz", **arrays)
    path, names = tmp_path / "mine.safetensors", ["state", "domain2-to-domain1"]
    predict(folder, str(tmp_path / "mine.npz"), path, names)
    found = load_file(path)
    assert found["state"].isfinite().all()
    rows = found["domain2-to-domain1"].isnan().all(1)
    assert rows.tolist() == [False, True, False]
    alone = load(folder).encode({"domain1": torch.ones(1, 8)})
    torch.testing.assert_close(found["state"][1:2], alone)
    assert not found["state"][:1].allclose(alone)


def test_what_no_row_has_the_data_for_is_not_asked_for(
    saved: Saved, tmp_path: Path
) -> None:
    folder, _ = saved()
    arrays = {"domain1": np.ones((3, 8)), "domain2": np.full((3, 16), np.nan)}
    for name, columns in {"absent": ["domain1"], "nan": DOMAINS}.items():
        rows = {column: arrays[column] for column in columns}
        np.savez(tmp_path / f"{name}.npz", allow_pickle=False, **rows)
        found = predict(
            folder, str(tmp_path / f"{name}.npz"), tmp_path / f"{name}.out.npz"
        )
        assert [*found] == standard_outputs(DOMAINS, ["domain1"])
        assert all(value.isfinite().all() for value in found.values())


@pytest.mark.parametrize("suffix", [".npy", ".pt"])
def test_file_of_one_domain_is_named_by_it(
    saved: Saved, tmp_path: Path, suffix: str
) -> None:
    folder, _ = saved()
    file = tmp_path / f"domain1{suffix}"
    rows = torch.ones(2, 8)
    np.save(file, rows.numpy()) if suffix == ".npy" else torch.save(rows, file)
    predict(folder, str(file), tmp_path / "x.npz", ["domain2/raw"])
    assert np.load(tmp_path / "x.npz")["domain2/raw"].shape == (2, 16)


def test_rows_that_a_data_module_says_are_missing_are(
    saved: Saved, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load(saved().folder)
    assert isinstance(loaded.data, TableDataModule)
    columns = loaded.data.splits["val"].columns
    lacking = torch.arange(len(columns["domain1"])) != 2
    splits = {"val": Split(columns, {"domain1": lacking})}
    monkeypatch.setattr(loaded.data, "splits", splits)
    found = loaded.run(*_given(read_rows(loaded, "val"), ["domain1/state"]))
    assert found["domain1/state"].isnan().all(1).nonzero().tolist() == [[2]]


def _given(rows: tuple[Any, Any], outputs: list[str]) -> tuple[Any, Any, Any]:
    return rows[0], outputs, rows[1]


def test_any_graph_predicts_what_it_is_asked_for(saved: Saved, tmp_path: Path) -> None:
    overrides = ("experiment=digits_classifier", "bricks.backbone.model.widths=[2,2,2]")
    folder, path = saved(*overrides).folder, tmp_path / "x.npz"
    with pytest.raises(ConfigError, match=r"--outputs: .*no workspace\. Fix: name"):
        predict(folder, "val", path)
    assert not path.exists()
    predict(folder, "val", path, ["probabilities"])
    assert np.load(path)["probabilities"].shape == (200, 10)


def test_file_that_is_there_is_kept_unless_it_may_be_replaced(
    saved: Saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, path = saved().folder, tmp_path / "x.npz"
    path.write_text("mine")
    with pytest.raises(ConfigError, match=r"x\.npz' is there\. Fix: .* or --overwrite"):
        predict(folder, "test", path, ["state"])
    with monkeypatch.context() as broken:
        broken.setattr(WorkspaceView, "run", interrupt)
        with pytest.raises(KeyboardInterrupt):
            predict(folder, "test", path, ["state"], overwrite=True)
    assert path.read_text() == "mine"
    assert {file.name for file in tmp_path.iterdir()} == {"x.npz", folder.name}
    predict(folder, "test", path, ["state"], overwrite=True)
    assert np.load(path)["state"].shape == (128, 16)


def interrupt(*_: object) -> Iterator[None]:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("data", "outputs", "name", "message"),
    [
        pytest.param(
            *("tset", None, "x.npz"),
            r"--data: 'tset' is no split\. Did you mean 'test'\?.* Fix: one of these",
            id="split",
        ),
        pytest.param(
            *("no.npz", None, "x.npz"), r"--data: no file 'no\.npz'", id="file"
        ),
        pytest.param(
            *("x.csv", None, "x.npz"), r"--data: 'x\.csv' is a \.csv file", id="kind"
        ),
        pytest.param(
            *("others.npz", None, "x.npz"),
            r"--data: the run reads none of the 1 arrays of 'others\.npz', such as"
            r" 'domian1'\. Did you mean 'domain1'\?",
            id="arrays",
        ),
        pytest.param(
            *("misspelt.npz", None, "x.npz"),
            r"--data: the run reads no 'domian2'\. Did you mean 'domain2'\?",
            id="misspelt",
        ),
        pytest.param(
            *("wide.npz", None, "x.npz"),
            r"x: 'domain1' has shape \(2, 9\)\. Expected \(rows, 8\)",
            id="shape",
        ),
        pytest.param(
            *("holes.npz", None, "x.npz"),
            r"--data: 1 rows of 'domain1' hold NaN or infinity among numbers",
            id="nan",
        ),
        pytest.param(
            *("test", ["domain1/rwa"], "x.npz"),
            r"outputs: unknown name 'domain1/rwa'\. Did you mean 'domain1/raw'",
            id="output",
        ),
        pytest.param(
            *("test", ["domain1-to-domian2"], "x.npz"),
            r"outputs: unknown name 'domain1-to-domian2'\. Did you mean"
            r" 'domain1-to-domain2'\? ",
            id="route",
        ),
        pytest.param(
            *("test", None, "x.csv"),
            r"-o: 'x\.csv' is of no known format\. Expected .*\.npz or \.safetensors",
            id="suffix",
        ),
        pytest.param(
            *("test", None, "no/x.npz"), r"no/x\.npz: cannot be written", id="folder"
        ),
    ],
)
def test_what_cannot_be_predicted_is_an_error(
    saved: Saved, data: str, outputs: list[str] | None, name: str, message: str
) -> None:
    folder, _ = saved()
    np.savez("others.npz", domian1=np.ones((2, 8)))
    np.savez("misspelt.npz", domain1=np.ones((2, 8)), domian2=np.ones((2, 16)))
    np.savez("wide.npz", domain1=np.ones((2, 9)))
    np.savez("holes.npz", domain1=np.array([[1.0, np.nan]]))
    if data == "x.csv":
        Path("x.csv").touch()
    before = {*Path().iterdir()}
    with pytest.raises(ConfigError, match=message):
        predict(folder, data, Path(name), outputs)
    assert {*Path().iterdir()} == before
