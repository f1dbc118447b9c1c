from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
import torch
from torch import nn

from gwbricks.bricks import BrickCollection, BrickModule, BrickTrainable, Stage
from gwbricks.bricks.collection.evaluating import evaluating
from gwbricks.bricks.files.program import SubGraph, trace
from gwbricks.errors import WiringError


def graph() -> BrickCollection:
    """Two bricks in a row, and two beside them."""
    return BrickCollection(
        {
            "encode": BrickTrainable(nn.Linear(3, 2), ["x"], ["z"]),
            "decode": BrickTrainable(nn.Linear(2, 3), ["z"], ["y"]),
            "halves": BrickModule(lambda x: x.chunk(2, dim=1), ["x"], ["a", "b"]),
            "scale": BrickModule(lambda z, by: z * by, ["z", "by"], ["scaled"]),
        }
    ).eval()


def part(
    inputs: list[str], outputs: list[str], constants: Mapping[str, Any] | None = None
) -> SubGraph:
    return SubGraph(graph(), inputs, constants or {}, outputs, Stage.EXPORT)


@pytest.mark.parametrize(
    ("inputs", "outputs", "expected"),
    [
        pytest.param(["x"], ["y"], ["encode", "decode"], id="all-between"),
        pytest.param(["x"], ["z"], ["encode"], id="first-half"),
        pytest.param(["z"], ["y"], ["decode"], id="second-half"),
    ],
)
def test_only_bricks_between_inputs_and_outputs_are_run(
    inputs: list[str], outputs: list[str], expected: list[str]
) -> None:
    assert [step.path for step in part(inputs, outputs).steps] == expected


@torch.no_grad()
def test_constants_are_built_in() -> None:
    z = torch.ones(2, 2)
    made = part(["z"], ["scaled"], {"by": 3})
    torch.testing.assert_close(made({"z": z})["scaled"], 3 * z)
    program = trace(made, {"z": z}, True)
    assert not program.state_dict
    torch.testing.assert_close(program.module()({"z": z})["scaled"], 3 * z)


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        pytest.param(["x"], ["yy"], r"outputs: unknown name 'yy'\. Did y", id="output"),
        pytest.param(["xx"], ["y"], r"inputs: unknown name 'xx'\. Did yo", id="input"),
        pytest.param(["x", "z"], ["y"], r"inputs: 'x' is not needed", id="spare"),
        pytest.param(["x"], ["x", "y"], r"outputs: 'x' is an input", id="both"),
        pytest.param(["x"], [], r"outputs: there is none\. Fix: name", id="nothing"),
        pytest.param([], ["y"], r"inputs: there is none\. Fix: name", id="no-input"),
        pytest.param(["a"], ["b"], r"'b' is written by 'halves', which", id="beside"),
    ],
)
def test_names_that_do_not_fit_the_graph_are_errors(
    inputs: list[str], outputs: list[str], message: str
) -> None:
    with pytest.raises(WiringError, match=message):
        part(inputs, outputs)


def test_missing_input_is_an_error_that_names_its_brick() -> None:
    message = r"inputs: the outputs need another: scale\.input_names: unknown name 'by'"
    with pytest.raises(WiringError, match=message):
        part(["z"], ["scaled"])


def test_modes_and_gradients_come_back() -> None:
    model = graph().train()
    modes = [module.training for module in model.modules()]
    with evaluating(model):
        assert not any(module.training for module in model.modules())
        assert not torch.is_grad_enabled()
    with suppress(RuntimeError), evaluating(model):
        raise RuntimeError
    assert [module.training for module in model.modules()] == modes
    assert torch.is_grad_enabled()
