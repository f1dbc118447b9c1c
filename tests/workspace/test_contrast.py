import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn, Tensor

from gwbricks.bricks import BrickCollection, LossOutput, Stage
from gwbricks.data import as_named_inputs
from gwbricks.losses import ContrastiveLoss

APART = Path(__file__).with_name("contrast_apart.py")
Build = Callable[..., BrickCollection]
Draw = Callable[..., dict[frozenset[str], dict[str, Tensor]]]


class Counted(nn.Module):
    """A contrastive loss that counts its calls."""

    def __init__(self, batched: bool) -> None:
        super().__init__()
        self.batched = batched
        self.loss = ContrastiveLoss()
        self.calls = 0

    def forward(self, x: Tensor, y: Tensor) -> LossOutput:
        self.calls += 1
        return self.loss(x, y)


def contrast(collection: BrickCollection, batch: object) -> LossOutput | None:
    inputs = as_named_inputs(batch)
    return collection.run(inputs, Stage.TRAIN, ["contrastives"])["contrastives"]


@pytest.mark.parametrize(
    ("batched", "rows", "calls"),
    [
        pytest.param(True, 3, 1, id="same-rows-in-one-call"),
        pytest.param(True, 2, 4, id="other-rows"),
        pytest.param(False, 3, 4, id="loss-takes-one-pair"),
    ],
)
def test_pairs_with_the_same_rows_are_compared_in_one_call(
    build: Build, draw: Draw, batched: bool, rows: int, calls: int
) -> None:
    loss = Counted(batched)
    batch = draw({("a", "b"): rows, ("a", "b", "c"): 3})
    output = contrast(build("abc", contrastive=loss), batch)
    expected = contrast(build("abc", contrastive=Counted(False)), batch)
    assert output is not None
    assert expected is not None
    assert loss.calls == calls
    assert output.loss.item() == pytest.approx(expected.loss.item())
    assert output.metrics.keys() == {"a-and-b", "a-and-c", "b-and-c", "logit_scale"}
    for name, value in expected.metrics.items():
        assert output.metrics[name].item() == pytest.approx(value.item())


def test_group_of_one_row_is_left_out_with_a_warning(build: Build, draw: Draw) -> None:
    collection = build("abc")
    batch = draw({("a", "b"): 3, ("b", "c"): 1})
    with pytest.warns(UserWarning, match=r"contrastives: .* single row.*Fix"):
        output = contrast(collection, batch)
    del batch[frozenset("bc")]
    expected = contrast(collection, batch)
    assert output is not None
    assert expected is not None
    # Domain b has a row fewer: matrices of another shape round in another order.
    assert output.loss.item() == pytest.approx(expected.loss.item())
    assert output.metrics.keys() == {"a-and-b", "logit_scale"}


def test_there_is_no_contrastive_loss_of_single_domains(
    build: Build, draw: Draw
) -> None:
    assert contrast(build("ab"), draw({("a",): 3, ("b",): 3})) is None


def test_three_domains_with_only_the_three_way_group_have_three_pairs(
    build: Build, draw: Draw
) -> None:
    output = contrast(build("abc"), draw({("a", "b", "c"): 4}))
    assert output is not None
    pairs = [output.metrics[name] for name in ("a-and-b", "a-and-c", "b-and-c")]
    assert output.loss.item() == pytest.approx(torch.stack(pairs).mean().item())


def gradients(processes: int, rows: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, APART, str(processes), str(rows)],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("rows", [6, 2], ids=["three-each", "one-each"])
def test_gathered_rows_have_the_gradients_of_one_process(rows: int) -> None:
    one, two = gradients(1, rows), gradients(2, rows)
    assert one.keys() == two.keys() > {"contrast.loss.log_scale", "v.weight"}
    for name, gradient in one.items():
        torch.testing.assert_close(torch.tensor(two[name]), torch.tensor(gradient))
