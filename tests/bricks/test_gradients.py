import pytest
import torch

from gwbricks.bricks import Stage
from gwbricks.bricks.gradients import gradients_if, gradients_in


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("are_on", [True, False])
def test_gradients_are_on_in_training_unless_they_were_off(
    stage: Stage, are_on: bool
) -> None:
    with torch.set_grad_enabled(are_on):
        with gradients_in(stage):
            assert torch.is_grad_enabled() == (are_on and stage is Stage.TRAIN)
        assert torch.is_grad_enabled() == are_on


@pytest.mark.parametrize("are_wanted", [True, False])
@pytest.mark.parametrize("are_on", [True, False])
def test_gradients_are_never_turned_on_where_they_were_off(
    are_wanted: bool, are_on: bool
) -> None:
    with torch.set_grad_enabled(are_on):
        with gradients_if(are_wanted):
            assert torch.is_grad_enabled() == (are_on and are_wanted)
        assert torch.is_grad_enabled() == are_on


def test_a_mode_that_stays_leaves_no_trace_in_a_program() -> None:
    class Plain(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            with gradients_if(True):
                return 2 * x

    program = torch.export.export(Plain(), (torch.ones(2),), strict=False)
    calls = [n.target for n in program.graph.nodes if n.op == "call_function"]
    assert calls == [torch.ops.aten.mul.Tensor]
