import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from gwbricks.errors import CheckpointError, ConfigError
from gwbricks.inference.evaluate import evaluate
from gwbricks.training.checkpoints import find_checkpoint

Run = Callable[..., Any]


def of_test(results: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in results.items() if name.startswith("test/")}


def test_run_and_lone_checkpoint_elsewhere_give_the_runs_own_numbers(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, results, _ = run()
    lone = tmp_path / "elsewhere" / "model.ckpt"
    lone.parent.mkdir()
    shutil.copy(folder / "checkpoints" / "best.ckpt", lone)
    assert len(of_test(results)) > 10
    assert evaluate(folder) == pytest.approx(of_test(results), rel=1e-6)
    shutil.rmtree(folder)
    monkeypatch.chdir(lone.parent)
    assert evaluate(Path("model.ckpt")) == pytest.approx(of_test(results), rel=1e-6)
    assert list(lone.parent.iterdir()) == [lone]


@pytest.mark.slow
def test_numbers_are_printed(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    folder, results, output = run()
    evaluate(folder)
    again = capsys.readouterr().out
    assert f"{results['test/loss']:.4g}" in again
    assert again.splitlines()[-10:] == output.splitlines()[-11:-1]


@pytest.mark.slow
def test_config_can_be_changed(run: Run) -> None:
    folder, results, _ = run()
    fewer = evaluate(folder, ["data.num_test=16", "data.batch_size=8"])
    assert fewer["test/loss"] != results["test/loss"]
    assert fewer["test/recall@5/domain1-to-domain2"] * 16 == pytest.approx(
        round(fewer["test/recall@5/domain1-to-domain2"] * 16)
    )


@pytest.mark.slow
def test_key_can_be_added(run: Run) -> None:
    folder, results, _ = run()
    other = evaluate(folder, ["+data.data_seed=1"])
    assert other["test/loss"] != results["test/loss"]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        pytest.param(
            "data.batch_sizee=64",
            r"data\.batch_sizee: .* no such key\. Did you mean 'batch_size'\?",
            id="unknown-key",
        ),
        pytest.param("data", "data: no override. Expected key=value", id="no-value"),
        pytest.param("seed=[1", r"seed=\[1: cannot be read", id="unreadable"),
        pytest.param("seed=a", r"seed: 'a'\. Expected a whole number", id="type"),
        pytest.param(
            "data._target_=os.system", r"'os\.system' is not allowed", id="target"
        ),
    ],
)
def test_wrong_override_is_an_error(
    tmp_path: Path, override: str, message: str
) -> None:
    best(tmp_path).parent.mkdir()
    torch.save({"gwbricks_config": CONFIG, "state_dict": {}}, best(tmp_path))
    with pytest.raises(ConfigError, match=message):
        evaluate(tmp_path, [override])


def best(folder: Path) -> Path:
    return folder / "checkpoints" / "best.ckpt"


CONFIG: dict[str, Any] = {
    "seed": 0,
    "data": {
        "_target_": "gwbricks.data.VectorsData",
        "sizes": {"a": 2},
        "num_train": 8,
        "num_val": 8,
        "num_test": 8,
        "batch_size": 4,
    },
    "optimizer": {"_target_": "torch.optim.SGD", "_partial_": True, "lr": 1.0},
    "trainer": {},
    "sweep": {"metric": "val/loss"},
    "paths": {"outputs": "outputs", "pretrained": "outputs"},
}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(None, r"no run folder with checkpoints.*Fix", id="nothing"),
        pytest.param(
            {"state_dict": {}},
            r"holds no config, so it is not from gwbricks",
            id="alien",
        ),
    ],
)
def test_what_is_no_run_is_an_error(
    tmp_path: Path, content: object, message: str
) -> None:
    if content is not None:
        best(tmp_path).parent.mkdir()
        torch.save(content, best(tmp_path))
    with pytest.raises(CheckpointError, match=message):
        evaluate(tmp_path)


def test_last_checkpoint_serves_where_there_is_no_best(tmp_path: Path) -> None:
    best(tmp_path).parent.mkdir()
    last = best(tmp_path).with_name("last.ckpt")
    last.touch()
    assert find_checkpoint(tmp_path) == last
    best(tmp_path).touch()
    assert find_checkpoint(tmp_path) == best(tmp_path)
    assert find_checkpoint(last) == last
