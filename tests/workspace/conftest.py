"""Small workspaces and batches in double precision, for any domains."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from gwbricks.bricks import BrickCollection
from gwbricks.domains import DomainModule, LinearDomain
from gwbricks.workspace import (
    gw_bricks,
    GWDecoder,
    GWEncoder,
    SharedSelection,
    Workspace,
    WorkspaceDomain,
)

DATA_DIM, LATENT_DIM, DIM = 5, 4, 6


def build_domain(
    name: str, module: DomainModule | None, trainable: bool
) -> WorkspaceDomain:
    torch.manual_seed(sum(name.encode()))
    linear = LinearDomain(DATA_DIM, LATENT_DIM)
    encoder = GWEncoder(LATENT_DIM, 7, DIM, 0)
    decoder = GWDecoder(DIM, 7, LATENT_DIM, 0)
    return WorkspaceDomain(module or linear, encoder, decoder, trainable)


def build_collection(
    names: Sequence[str],
    modules: Mapping[str, DomainModule] | None = None,
    coefs: Mapping[str, float | None] | None = None,
    trainable: Sequence[str] = (),
    **parts: Any,
) -> BrickCollection:
    modules = modules or {}
    domains = {n: build_domain(n, modules.get(n), n in trainable) for n in names}
    workspace = Workspace(**{"selection": SharedSelection(), **parts})
    return BrickCollection(gw_bricks(domains, workspace, coefs)).double()


def draw_batch(
    groups: Mapping[tuple[str, ...], int], seed: int = 0
) -> dict[frozenset[str], dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    return {
        frozenset(group): {
            name: torch.randn(rows, DATA_DIM, dtype=torch.float64, generator=generator)
            for name in group
        }
        for group, rows in groups.items()
    }


@pytest.fixture(scope="session")
def build() -> Callable[..., BrickCollection]:
    """Builds a graph; its weights follow from the names of the domains."""
    return build_collection


@pytest.fixture(scope="session")
def draw() -> Callable[..., dict[frozenset[str], dict[str, Tensor]]]:
    """Draws a batch in Shimmer's form, from the number of rows of each group."""
    return draw_batch
