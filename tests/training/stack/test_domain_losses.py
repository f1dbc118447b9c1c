"""Losses of domains, whose form is learned when they are first called: in a stack."""

import torch
from torch import nn, Tensor

from gwbricks.bricks import BrickCollection, LossOutput
from gwbricks.domains import LinearDomain
from gwbricks.training.batch_losses import Objective
from gwbricks.training.stack import Meeting, RandomState, Request
from gwbricks.workspace import (
    gw_bricks,
    GWDecoder,
    GWEncoder,
    SharedSelection,
    Workspace,
    WorkspaceDomain,
)

COEFS = {"demi_cycles": 1.0, "translations": 1.0}


class Dropping(LinearDomain):
    """A loss with dropout."""

    def __init__(self) -> None:
        super().__init__(5, 4)
        self.dropout = nn.Dropout(0.5)

    def compute_loss(self, pred: Tensor, target: Tensor) -> LossOutput:
        return LossOutput((self.dropout(pred) - target).square().mean(dim=1))


def graph(seed: int) -> BrickCollection:
    torch.manual_seed(seed)
    domains = {
        name: WorkspaceDomain(Dropping(), GWEncoder(4, 7, 6, 0), GWDecoder(6, 7, 4, 0))
        for name in "ab"
    }
    bricks = gw_bricks(domains, Workspace(selection=SharedSelection()), COEFS)
    collection = BrickCollection(bricks)
    for domain in domains.values():
        domain.module.train()  # a frozen one would drop nothing
    return collection


def request(of: BrickCollection, seed: int) -> Request:
    torch.manual_seed(seed)
    inputs = {name: torch.randn(8, 5) for name in "ab"}
    return Request(of, inputs, list(COEFS), COEFS, RandomState())


def test_first_call_of_a_loss_in_a_stack_draws_what_it_draws_alone() -> None:
    stacked = [request(graph(seed), seed) for seed in range(2)]
    Meeting().answer(stacked)
    for seed, together in enumerate(stacked):
        alone = request(together.graph, seed)
        known = alone.alone()
        assert isinstance(together.answer, Objective), together.answer
        torch.testing.assert_close(together.answer.logged, known.logged)
        draws = [r.random.draw(lambda: torch.rand(2)) for r in (together, alone)]
        assert draws[0].equal(draws[1])
