"""Steps of several graphs, computed together."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn, Tensor
from torch.nn import functional as F

from gwbricks.bricks import BrickCollection, BrickLoss, BrickTrainable
from gwbricks.errors import ConfigError
from gwbricks.training.batch_losses import Objective
from gwbricks.training.stack import Meeting, RandomState, Request

COEFS = {"error": 2.0}


class Noisy(nn.Module):
    """Draws in all the ways that a stack knows, and is wider than one block."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(300, 6), nn.Linear(6, 3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        hidden = F.dropout(self.first(x), 0.2, self.training)
        hidden = hidden + torch.rand_like(hidden) * torch.randn(6)
        chosen = torch.randint(0, 2, (x.shape[0], 1)) + torch.randn_like(hidden)
        return self.last(hidden * chosen) + torch.rand(3)[torch.randperm(3)]


class Hidden(nn.Module):
    """Has a number of its own that is neither weight nor buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.factor = (
            nn.Parameter(torch.ones(300, 3)),
            torch.rand(()).item(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x @ self.weight


class Item(Hidden):
    """Looks at a value."""

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight * (1.0 if x.mean().item() > 0 else 2.0)


class Exponential(Hidden):
    """Draws in a way that no stack knows."""

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight * torch.empty(3).exponential_()


def graph(seed: int, model: type[nn.Module] = Noisy) -> BrickCollection:
    torch.manual_seed(seed)
    bricks = {
        "model": BrickTrainable(model(), ["x"], ["y"]),
        "loss": BrickLoss(nn.MSELoss(), ["y", "target"], ["error"]),
    }
    return BrickCollection(bricks)


def data(seed: int, rows: int = 16) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    return {"x": torch.randn(rows, 300), "target": torch.randn(rows, 3)}


def request(
    of: BrickCollection, inputs: Mapping[str, Tensor], seed: int, **changed: Any
) -> Request:
    torch.manual_seed(seed)
    return Request(of, inputs, ["error"], COEFS, RandomState(), **changed)


def meet(*requests: Request) -> list[Objective | Exception | None]:
    Meeting().answer(requests)
    return [request.answer for request in requests]


def test_losses_gradients_and_draws_are_those_of_each_alone() -> None:
    graphs = [graph(seed) for seed in range(3)]
    requests = [request(g, data(i), i, is_first=True) for i, g in enumerate(graphs)]
    for index, (found, own) in enumerate(zip(meet(*requests), graphs, strict=True)):
        assert isinstance(found, Objective)
        assert found.value is not None
        (3 * found.value).backward()
        gradients = [p.grad for p in own.parameters()]
        own.zero_grad()
        known = request(own, data(index), index).alone()
        assert known.value is not None
        torch.testing.assert_close(found.logged, known.logged)
        (3 * known.value).backward()
        for gradient, parameter in zip(gradients, own.parameters(), strict=True):
            torch.testing.assert_close(gradient, parameter.grad)


def test_random_states_go_on_as_alone() -> None:
    requests = [
        request(graph(seed), data(seed), seed, is_first=True) for seed in (0, 1)
    ]
    meet(*requests)
    for seed, stacked in enumerate(requests):
        alone = request(stacked.graph, stacked.inputs, seed)
        alone.alone()
        draws = [r.random.draw(partial(torch.rand, 2)) for r in (stacked, alone)]
        assert draws[0].equal(draws[1])


def test_batches_of_another_shape_are_computed_apart_but_for_the_first() -> None:
    graphs = [graph(seed) for seed in range(3)]
    later = [request(g, data(0, rows=16 - i // 2), 0) for i, g in enumerate(graphs)]
    assert all(isinstance(answer, Objective) for answer in meet(*later))
    first = [
        request(g, data(0, rows=16 - i // 2), 0, is_first=True)
        for i, g in enumerate(graphs)
    ]
    *others, refusal = meet(*first)
    assert all(isinstance(answer, Objective) for answer in others)
    assert isinstance(refusal, ConfigError)
    assert "differ in shape from the others'" in str(refusal)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        pytest.param(
            Hidden, "of the first step is not what it is without", id="hidden-state"
        ),
        pytest.param(Item, r"cannot be stacked: .*item.*brick 'model'", id="item"),
        pytest.param(Exponential, "cannot be stacked: .*random", id="unknown-draw"),
    ],
)
def test_refuses_what_a_stack_would_compute_otherwise(
    model: type[nn.Module], message: str
) -> None:
    graphs = [graph(seed, model) for seed in range(2)]
    answers = meet(*(request(g, data(0), 0, is_first=True) for g in graphs))
    refusals = [answer for answer in answers if isinstance(answer, ConfigError)]
    assert refusals
    with pytest.raises(ConfigError, match=message):
        raise refusals[0]


def test_nan_of_one_run_stays_with_it() -> None:
    graphs = [graph(seed) for seed in range(2)]
    inputs = data(0)
    bad = {**inputs, "x": inputs["x"] * torch.nan}
    found = meet(request(graphs[0], bad, 0), request(graphs[1], inputs, 0))
    for answer, is_finite in zip(found, (False, True), strict=True):
        assert isinstance(answer, Objective)
        assert answer.value is not None
        answer.value.backward()
        assert bool(answer.value.isfinite()) is is_finite
    assert all(
        p.grad.isfinite().all() for p in graphs[1].parameters() if p.grad is not None
    )
