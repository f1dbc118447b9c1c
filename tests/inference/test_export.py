import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import DictConfig
from torch import Tensor

from gwbricks.bricks import Stage
from gwbricks.data import TableDataModule
from gwbricks.errors import CheckpointError, ConfigError
from gwbricks.inference.evaluate import rebuild
from gwbricks.inference.export import export
from gwbricks.runs.train import Place, train

Saved = Callable[..., Any]
SMALL = ("bricks.backbone.model.widths=[2,2,2]",)
RUN_ALONE = """
import sys
import numpy, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1])
(name,) = [i.name for i in session.get_inputs()]
batches = dict(numpy.load(sys.argv[2]))
found = {rows: session.run(None, {name: x})[0] for rows, x in batches.items()}
numpy.savez(sys.argv[3], **found)
assert not [n for n in sys.modules if n.startswith(("gwbricks", "torch"))]
"""


def run_alone(path: Path, batches: dict[str, Tensor]) -> dict[str, Tensor]:
    """Runs an ONNX file where neither gwbricks nor torch is imported."""
    given, found = path.with_name("given.npz"), path.with_name("found.npz")
    arrays: dict[str, Any] = {rows: x.numpy() for rows, x in batches.items()}
    np.savez(given, **arrays)
    args = [sys.executable, "-c", RUN_ALONE, str(path), str(given), str(found)]
    subprocess.run(args, check=True, cwd=path.parent)
    return {rows: torch.from_numpy(x) for rows, x in dict(np.load(found)).items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "target"), [("pix", "kar"), ("kar", "pix")], ids=["to-kar", "to-pix"]
)
def test_route_of_a_trained_workspace_runs_anywhere_and_matches_inference(
    config: Callable[..., DictConfig], tmp_path: Path, source: str, target: str
) -> None:
    cfg = config("experiment=digits", "trainer.max_epochs=2")
    train(cfg, Place("example", "run"))
    folder, path = Path(cfg.paths.run), tmp_path / "route.onnx"
    report = export(folder, [source], [f"{target}/raw"], path)
    assert report.difference <= 1e-5
    experiment = rebuild(folder)
    assert isinstance(experiment.data, TableDataModule)
    rows = experiment.data.splits["test"].columns[source]
    batches = {str(count): rows[:count] for count in (1, 7, 256)}
    found = run_alone(path, batches)
    collection = experiment.module.brick_collection.eval()
    for count, batch in batches.items():
        expected = collection({source: batch}, Stage.INFERENCE)[f"{target}/raw"]
        assert len(expected) == int(count)
        torch.testing.assert_close(found[count], expected, atol=1e-5, rtol=0)


@pytest.mark.slow
def test_route_is_what_inference_makes_of_rows_with_only_these_domains(
    saved: Saved, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, experiment = saved("selection@workspace.selection=random")
    path = tmp_path / "route.pt2"
    report = export(folder, ["domain1"], ["domain2/raw", "state"], path)
    assert report.inputs == {"domain1": ("batch", 8)}
    assert report.outputs == {"domain2/raw": ("batch", 16), "state": ("batch", 16)}
    program = torch.export.load(path).module()
    collection = experiment.module.brick_collection.eval()
    for rows in (1, 7, 256):
        batch = {"domain1": torch.randn(rows, 8)}
        expected = collection(batch, Stage.INFERENCE)
        for name, value in program(batch).items():
            torch.testing.assert_close(value, expected[name], atol=1e-5, rtol=0)
    printed = " ".join(capsys.readouterr().out.split())
    assert "input domain1 batch x 8 output domain2/raw batch x 16 output" in printed
    assert f"{path}: the largest difference to PyTorch is 0." in printed


@pytest.mark.slow
def test_lone_checkpoint_is_exported_as_onnx(saved: Saved, tmp_path: Path) -> None:
    folder, experiment = saved("experiment=digits_classifier", *SMALL)
    path = tmp_path / "classifier.onnx"
    best = folder / "checkpoints" / "best.ckpt"
    report = export(best, ["pix"], ["probabilities"], path)
    assert report.inputs == {"pix": ("batch", 240)}
    batches = {str(rows): torch.rand(rows, 240) for rows in (1, 7)}
    found = run_alone(path, batches)
    collection = experiment.module.brick_collection.eval()
    for rows, pix in batches.items():
        expected = collection({"pix": pix}, Stage.INFERENCE)["probabilities"]
        torch.testing.assert_close(found[rows], expected, atol=1e-5, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("inputs", "shapes"),
    [
        pytest.param(["states"], {"states": (3, 16)}, id="state"),
        pytest.param(
            ["domain1/latent", "domain2"],
            {"domain1/latent": (3, 32), "domain2": (3, 16)},
            id="latent-and-data",
        ),
    ],
)
def test_what_bricks_write_can_be_given_and_the_number_of_rows_fixed(
    saved: Saved, tmp_path: Path, inputs: list[str], shapes: dict[str, Any]
) -> None:
    folder, _ = saved("selection@workspace.selection=random")
    path = tmp_path / "x.pt2"
    report = export(folder, inputs, ["domain2/raw"], path, batch_size=3)
    assert (report.inputs, report.outputs) == (shapes, {"domain2/raw": (3, 16)})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("inputs", "outputs", "name", "message"),
    [
        pytest.param(
            *(["domian1"], ["state"], "x.pt2"),
            r"inputs: unknown name 'domian1'\. Did you mean 'domain1'\?",
            id="input",
        ),
        pytest.param(
            *(["domain1"], ["domain2/rwa"], "x.pt2"),
            r"outputs: unknown name 'domain2/rwa'\. Did you mean 'domain2/raw'\?",
            id="output",
        ),
        pytest.param(
            *(["domain1"], ["domain2/latent"], "x.pt2"),
            r"outputs: 'domain2/latent' needs data that is missing\. Given: .*domain1",
            id="missing-input",
        ),
        pytest.param(
            *(["domain1", "domain2"], ["domain1/latent"], "x.pt2"),
            r"inputs: 'domain2' is not needed for the outputs\. Fix: leave it out",
            id="spare-input",
        ),
        pytest.param(
            *(["plan"], ["state"], "x.pt2"), r"inputs: 'plan' is a Plan in", id="plan"
        ),
        pytest.param(
            *(["domain1"], ["state"], "x.bin"),
            r"-o: 'x\.bin' is of no known format\. Expected .* \.onnx or \.pt2\. F",
            id="suffix",
        ),
        pytest.param(
            *(["domain1"], ["state"], "no/x.pt2"),
            r"no/x\.pt2: cannot be written: No such file or directory\. Fix: a file",
            id="folder",
        ),
    ],
)
def test_what_cannot_be_exported_is_an_error(
    saved: Saved, inputs: list[str], outputs: list[str], name: str, message: str
) -> None:
    folder, _ = saved()
    with pytest.raises(ConfigError, match=message):
        export(folder, inputs, outputs, Path(name))
    assert list(folder.parent.iterdir()) == [folder]


def test_folder_that_is_no_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no run folder with checkpoints"):
        export(tmp_path, ["a"], ["b"], tmp_path / "x.onnx")


def test_missing_extra_is_an_error_that_says_how_to_install_it(
    saved: Saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = saved()
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ConfigError, match=r"Fix: pip install 'gwbricks\[export\]'"):
        export(folder, ["domain1"], ["state"], tmp_path / "x.onnx")
