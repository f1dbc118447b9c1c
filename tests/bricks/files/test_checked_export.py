from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn, Tensor
from torch.export import ExportedProgram

from gwbricks.bricks import BrickCollection, BrickNotTrainable, BrickTrainable, Stage
from gwbricks.bricks.files.checked_export import CheckedExport
from gwbricks.errors import ExportError, WiringError


def example(rows: int = 3, scale: float = 1.0) -> CheckedExport:
    linear = nn.Linear(2, 2, bias=False).eval()
    nn.init.constant_(linear.weight, scale)
    graph = BrickCollection({"sum": BrickTrainable(linear, ["x"], ["y"])}).eval()
    with torch.no_grad():
        return CheckedExport(
            graph, {"x": torch.ones(rows, 2)}, True, Stage.EXPORT, ["y"]
        )


def write(
    program: ExportedProgram, path: Path, inputs: list[str], outputs: list[str]
) -> None:
    del program
    path.write_text(f"{inputs} {outputs}")


@pytest.mark.parametrize(("rows", "counts"), [(1, [2, 3, 1]), (5, [5, 6, 1])])
def test_is_checked_on_the_rows_that_it_was_traced_with_on_one_more_and_on_one(
    tmp_path: Path, rows: int, counts: list[int]
) -> None:
    seen = []

    def run(path: Path, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        assert path.read_text() == "['x'] ['y']"
        assert not (tmp_path / "file").exists()
        seen.append(len(inputs["x"]))
        return {"y": 2 * inputs["x"]}

    report = example(rows).export(tmp_path / "file", write, run, 1e-5)
    assert seen == counts
    assert report.difference == 0
    assert report.outputs == {"y": ("batch", 2)}
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("scale", "change", "message"),
    [
        pytest.param(
            1.0, 0.25, r"'y' differs from PyTorch by 0\.25 .*reach 2,", id="far"
        ),
        pytest.param(
            1.0, 2**-13, r"differs from PyTorch by 0\.000122 .*1e-05", id="near"
        ),
        pytest.param(1.0, torch.nan, r"differs from PyTorch by nan", id="no-number"),
        pytest.param(
            1e4, 1.0, r"by 1 once exported \(its values reach 2e\+04", id="big"
        ),
    ],
)
def test_difference_to_pytorch_is_an_error_that_leaves_no_file(
    tmp_path: Path, scale: float, change: float, message: str
) -> None:
    def run(path: Path, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        del path
        return {"y": 2 * scale * inputs["x"] + change}

    with pytest.raises(ExportError, match=message):
        example(scale=scale).export(tmp_path / "file", write, run, 1e-5)
    assert not list(tmp_path.iterdir())


def test_tolerance_grows_with_the_values(tmp_path: Path) -> None:
    def run(path: Path, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        del path
        return {"y": 2e4 * inputs["x"] + 0.125}

    report = example(scale=1e4).export(tmp_path / "file", write, run, 1e-5)
    assert report.difference == 0.125


def test_number_of_rows_that_is_built_in_is_an_error_that_says_the_shapes(
    tmp_path: Path,
) -> None:
    def run(path: Path, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        del path, inputs
        return {"y": torch.full((3, 2), 2.0)}

    message = r"'y' has shape \(3, 2\) once exported, and \(4, 2\) in PyTorch\. Fix: no"
    with pytest.raises(ExportError, match=message):
        example().export(tmp_path / "file", write, run, 1e-5)
    assert not list(tmp_path.iterdir())


def of(model: Callable[..., Any], **inputs: Any) -> CheckedExport:
    graph = BrickCollection({"model": BrickNotTrainable(model, [*inputs], ["y"])})
    return CheckedExport(graph, inputs, True, Stage.EXPORT, ["y"])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        pytest.param((2, 3), r"one number of rows \(a: 2, b: 3\)\. Fix: the", id="two"),
        pytest.param((0, 0), r"one number of rows \(a: 0, b: 0\)\. Fix: ", id="none"),
    ],
)
def test_inputs_without_one_number_of_rows_are_an_error(
    rows: tuple[int, int], message: str
) -> None:
    with pytest.raises(WiringError, match=message):
        of(torch.add, a=torch.zeros(rows[0], 2), b=torch.zeros(rows[1], 2))


def test_what_is_no_tensor_is_built_in() -> None:
    found = of(lambda x, by: x * by, x=torch.ones(2, 1), by=3).outputs
    assert [values["y"].flatten().tolist() for values in found] == [
        [3.0] * rows for rows in (2, 3, 1)
    ]


def test_output_that_is_no_tensor_is_an_error() -> None:
    with pytest.raises(WiringError, match=r"outputs: 'y' is a list\. Expected a tens"):
        of(lambda x: [x], x=torch.ones(2, 1))


def test_random_output_cannot_be_checked() -> None:
    with pytest.raises(ExportError, match=r"outputs: 'y' is random: two runs of PyTor"):
        of(torch.rand_like, x=torch.ones(64, 1))
