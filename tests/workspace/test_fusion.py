from collections.abc import Callable, Mapping
from typing import cast

import pytest
import torch
from torch import nn, Tensor

from gwbricks.bricks import BrickCollection, Stage
from gwbricks.data import as_named_inputs
from gwbricks.errors import ConfigError
from gwbricks.workspace import (
    FusionRoutes,
    Selection,
    SharedSelection,
    SimpleRoutes,
    WeightedSum,
)
from gwbricks.workspace.planning.plan import RowSet
from gwbricks.workspace.planning.routes import KINDS, Routes

Build = Callable[..., BrickCollection]
Draw = Callable[..., dict[frozenset[str], dict[str, Tensor]]]


class Recorder(Selection):
    """Equal weights; it keeps what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[dict[str, Tensor], Tensor, Tensor]] = []

    def forward(
        self, latents: Mapping[str, Tensor], encodings: Tensor, present: Tensor
    ) -> Tensor:
        self.calls.append((dict(latents), encodings, present))
        return SharedSelection()(latents, encodings, present)


@pytest.mark.parametrize("domains", [1, 3])
def test_weighted_sum_is_activated_after_the_sum(domains: int) -> None:
    encodings, weights = torch.randn(4, domains, 5), torch.rand(4, domains)
    fused = sum(weights[:, [d]] * encodings[:, d] for d in range(domains))
    assert isinstance(fused, Tensor)
    torch.testing.assert_close(WeightedSum()(encodings, weights), fused.tanh())
    linear = WeightedSum(activation=nn.Identity())
    torch.testing.assert_close(linear(encodings, weights), fused)


@pytest.mark.parametrize(
    "groups",
    [
        pytest.param({("a",): 2, ("b", "c"): 3, ("a", "b", "c"): 2}, id="all-domains"),
        pytest.param({("a",): 2, ("a", "b"): 3}, id="a-domain-without-data"),
    ],
)
def test_selection_sees_the_latents_of_the_encodings_it_weighs(
    build: Build, draw: Draw, groups: dict[tuple[str, ...], int]
) -> None:
    selection = Recorder()
    collection = build("abc", selection=selection)
    collection.run(as_named_inputs(draw(groups)), Stage.TRAIN, outputs=KINDS)
    # One call for the states and one for those of the cycles.
    assert len(selection.calls) == 2
    for latents, encodings, present in selection.calls:
        for index, (name, has) in enumerate(zip("abc", present.T, strict=True)):
            encoder = collection.get_submodule(f"{name}.encode.model")
            if has.any():
                torch.testing.assert_close(
                    encodings[has, index], encoder(latents[name][has])
                )


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        pytest.param(torch.ones(9, 1), r"\(9, 1\)", id="shape"),
        pytest.param(None, "NoneType", id="none"),
    ],
)
def test_weights_that_are_none_are_an_error(
    build: Build, draw: Draw, weights: Tensor | None, told: str
) -> None:
    class Fixed(Selection):
        def forward(
            self, latents: Mapping[str, Tensor], encodings: Tensor, present: Tensor
        ) -> Tensor:
            return cast(Tensor, weights)

    inputs = as_named_inputs(draw({("a", "b"): 3}))
    expected = rf"Fixed returned {told}. Expected a tensor of \(9, 2\): rows, domains"
    with pytest.raises(ConfigError, match=expected):
        build("ab", selection=Fixed()).run(inputs, Stage.TRAIN, outputs=KINDS)


def test_state_of_an_item_fuses_all_of_its_domains(build: Build, draw: Draw) -> None:
    selection = Recorder()
    collection = build("ab", selection=selection)
    inputs = as_named_inputs(draw({("a",): 1, ("a", "b"): 2, ("b",): 1}))
    collection(inputs, Stage.VALIDATION, outputs=["state"])
    ((_, _, present),) = selection.calls
    assert present.int().tolist() == [[1, 0], [1, 1], [1, 1], [0, 1]]


def test_state_of_one_domain_alone_has_all_the_weight(build: Build, draw: Draw) -> None:
    collection = build("ab")
    inputs = as_named_inputs(draw({("a",): 2, ("a", "b"): 3}))
    values = collection(inputs, Stage.VALIDATION)
    torch.testing.assert_close(values["a/state"], values["a/encoding"].tanh())
    torch.testing.assert_close(values["b/state"], values["b/encoding"].tanh())
    torch.testing.assert_close(values["state"][:2], values["a/state"][:2])


class Attention(Selection):
    """Weighs a domain by the first feature of its latent."""

    def forward(
        self, latents: Mapping[str, Tensor], encodings: Tensor, present: Tensor
    ) -> Tensor:
        scores = torch.stack([latents[name][:, 0] for name in sorted(latents)], dim=1)
        return scores.masked_fill(~present, -torch.inf).softmax(dim=1)


def test_selection_may_read_the_latents_of_a_domain_that_no_row_cycles_through(
    build: Build, draw: Draw
) -> None:
    # Rows of source b cycle through a and c; in the second batch none goes through b.
    collection = build("abc", selection=Attention())
    inputs = as_named_inputs(draw({("b",): 2, ("a", "b", "c"): 3}))
    values = collection.run(inputs, Stage.TRAIN, outputs=["cycles"])
    assert values["cycles"].loss.isfinite()
    inputs = as_named_inputs({"b": inputs["b"]})
    values = collection.run(inputs, Stage.TRAIN, outputs=["cycles"])
    assert values["cycles"].loss.isfinite()


@pytest.mark.parametrize("routes", [FusionRoutes(), SimpleRoutes()])
@pytest.mark.parametrize(
    "groups",
    [
        pytest.param({("a",): 2, ("b",): 3}, id="apart"),
        pytest.param({("a",): 2, ("a", "b"): 4, ("b",): 3}, id="paired"),
        pytest.param({("b",): 3}, id="a-domain-without-data"),
    ],
)
def test_a_domain_alone_is_fused_as_if_a_selection_gave_it_all_the_weight(
    build: Build,
    draw: Draw,
    monkeypatch: pytest.MonkeyPatch,
    routes: Routes,
    groups: dict[tuple[str, ...], int],
) -> None:
    collection = build("ab", routes=routes)
    inputs = as_named_inputs(draw(groups))

    def find() -> tuple[dict[str, Tensor], list[Tensor | None]]:
        collection.zero_grad()
        values = collection.run(inputs, Stage.TRAIN, outputs=KINDS)
        losses = {k: values[k].loss for k in KINDS if values[k] is not None}
        torch.stack([*losses.values()]).sum().backward()
        return losses, [parameter.grad for parameter in collection.parameters()]

    found = find()
    monkeypatch.setattr(RowSet, "take_alone", lambda *_: None)
    torch.testing.assert_close(found, find())


def test_selection_is_not_asked_about_domains_alone(build: Build, draw: Draw) -> None:
    selection = Recorder()
    collection = build("ab", selection=selection)
    inputs = as_named_inputs(draw({("a",): 2, ("a", "b"): 3, ("b",): 1}))
    collection.run(inputs, Stage.TRAIN, outputs=KINDS)
    ((_, _, present),) = selection.calls  # those of the states, not of the cycles
    assert present.all(dim=1).any()
