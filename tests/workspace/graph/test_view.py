from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn, Tensor

from gwbricks.bricks import BrickCollection, BrickModule, Stage
from gwbricks.errors import ConfigError, UnknownNameError, WiringError
from gwbricks.workspace import (
    AttentionSelection,
    broadcast,
    cycle,
    RandomSelection,
    Selection,
    SharedSelection,
    SimpleRoutes,
    SingleDomainSelection,
    translation,
    WorkspaceView,
)

Build = Callable[..., BrickCollection]
DOMAINS = ("a", "t", "v")
DIM = 6


def attention() -> Selection:
    torch.manual_seed(3)
    return AttentionSelection(DIM, head_dim=4)


SELECTIONS: dict[str, Callable[[], Selection]] = {
    "shared": SharedSelection,
    "random": RandomSelection,
    "attention": attention,
}
SOURCES = st.sets(st.sampled_from(DOMAINS), min_size=1).map(sorted)


def draw(names: list[str], rows: int, width: int = 5) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(rows)
    shape = (rows, width)
    return {n: torch.randn(shape, generator=generator).double() for n in names}


def part(collection: BrickCollection, domain: str, brick: str) -> Any:  # noqa: ANN401 - any module
    return collection.get_submodule(f"{domain}.{brick}.model")


def fuse_by_hand(
    collection: BrickCollection, latents: Mapping[str, Tensor], selection: Selection
) -> Tensor:
    names = sorted(latents)
    encodings = [part(collection, n, "encode")(latents[n]) for n in names]
    stacked = torch.stack(encodings, 1)
    present = torch.ones(stacked.shape[:2], dtype=torch.bool)
    weights = selection.double().eval()(latents, stacked, present)
    return torch.tanh((weights.unsqueeze(-1) * stacked).sum(1))


@pytest.fixture(scope="module")
def graphs(build: Build) -> dict[tuple[str, str], BrickCollection]:
    """A graph of every selection and every kind of routes."""
    routes = {"simple": {"routes": SimpleRoutes()}, "fusion": {}}
    return {
        (kind, name): build(DOMAINS, selection=selection(), **parts)
        for kind, selection in SELECTIONS.items()
        for name, parts in routes.items()
    }


@settings(max_examples=20)
@given(
    sources=SOURCES,
    target=st.sampled_from(DOMAINS),
    rows=st.integers(1, 4),
    kind=st.sampled_from(sorted(SELECTIONS)),
    routes=st.sampled_from(["simple", "fusion"]),
)
def test_translation_is_that_of_the_modules_called_by_hand(
    graphs: dict[tuple[str, str], BrickCollection],
    sources: list[str],
    target: str,
    rows: int,
    kind: str,
    routes: str,
) -> None:
    collection = graphs[kind, routes]
    view, raw = WorkspaceView(collection), draw(sources, rows)
    found = view.run(raw, ["state", f"{target}/raw"])
    with torch.no_grad():
        latents = {n: part(collection, n, "latent").encode(x) for n, x in raw.items()}
        state = fuse_by_hand(collection, latents, SELECTIONS[kind]())
        latent = part(collection, target, "decode")(state)
        expected = part(collection, target, "latent").decode(latent)
    torch.testing.assert_close(found["state"], state)
    torch.testing.assert_close(found[f"{target}/raw"], expected)
    torch.testing.assert_close(translation(view, None, latents, target), latent)
    assert not found["state"].requires_grad


@pytest.mark.parametrize("sources", [["v"], ["a", "t"]], ids=["one", "two"])
def test_cycle_through_what_is_absent_is_that_of_the_graph(
    build: Build, sources: list[str]
) -> None:
    collection = build(DOMAINS)
    view, raw = WorkspaceView(collection), draw(sources, 3)
    absent = [name for name in DOMAINS if name not in sources]
    found = view.cycle(raw, absent, [f"{name}/broadcast" for name in sources])
    whole = collection(raw, Stage.INFERENCE)
    for name in sources:
        torch.testing.assert_close(found[f"{name}/broadcast"], whole[f"{name}/cycled"])


def test_cycle_goes_through_what_it_is_told(build: Build) -> None:
    view = WorkspaceView(build(DOMAINS))
    latents = draw(["v"], 2, width=4)
    through = {"t": translation(view, None, latents, "t")}
    back = translation(view, None, through, "v")
    torch.testing.assert_close(cycle(view, None, latents, "t")["v"], back)
    assert broadcast(view, None, latents).keys() == {*DOMAINS}


def test_prediction_is_states_broadcasts_and_what_the_absent_give(build: Build) -> None:
    view = WorkspaceView(build(DOMAINS))
    latents = draw(["v"], 2, width=4)
    made = view(latents)
    torch.testing.assert_close(made["states"], view.encode_and_fuse(latents))
    assert made["broadcasts"].keys() == made["cycles"].keys() == {*DOMAINS}
    expected = broadcast(view, None, {n: made["broadcasts"][n] for n in "at"})
    torch.testing.assert_close(made["cycles"], expected)
    assert view(draw([*DOMAINS], 2, width=4))["cycles"] == {}


def test_fusing_encodings_by_hand_is_encoding_and_fusing(build: Build) -> None:
    view = WorkspaceView(build(DOMAINS))
    latents = draw(["t", "v"], 2, width=4)
    half = torch.full((2,), 0.5).double()
    fused = view.fuse(view.encode(latents), {"v": half, "t": half})
    torch.testing.assert_close(fused, view.encode_and_fuse(latents))


def test_decoding_to_no_domain_decodes_nothing(build: Build) -> None:
    view, states = WorkspaceView(build(DOMAINS)), torch.zeros(2, DIM).double()
    assert view.decode(states, []) == {}
    assert view.decode(states, ["t"]).keys() == {"t"}
    assert view.decode(states).keys() == {*DOMAINS}


class First(Selection):
    def forward(
        self, latents: Mapping[str, Tensor], encodings: Tensor, present: Tensor
    ) -> Tensor:
        first = present.to(encodings.dtype).argmax(1)
        return nn.functional.one_hot(first, present.shape[1]).to(encodings.dtype)


def test_another_selection_serves_one_call(build: Build) -> None:
    view = WorkspaceView(build(DOMAINS))
    latents, own = draw(["t", "v"], 2, width=4), view.selection
    alone = view.encode_and_fuse({"t": latents["t"]})
    torch.testing.assert_close(view.encode_and_fuse(latents, First()), alone)
    torch.testing.assert_close(
        translation(view, First(), latents, "a"), view.decode(alone)["a"]
    )
    assert view.selection is own
    assert not view.encode_and_fuse(latents).equal(alone)


def test_state_is_the_one_that_was_broadcast_though_it_was_drawn(build: Build) -> None:
    view = WorkspaceView(build(DOMAINS, selection=SingleDomainSelection()))
    found = view.run(draw([*DOMAINS], 64), ["state", "v/broadcast"])
    torch.testing.assert_close(view.decode(found["state"])["v"], found["v/broadcast"])


def test_nothing_of_the_graph_changes(build: Build) -> None:
    collection = build(DOMAINS, trainable=["v"])
    collection.train()
    before = deepcopy(collection.state_dict())
    modes = [module.training for module in collection.modules()]
    WorkspaceView(collection).run(draw(["v"], 2), ["t/raw"])
    assert [module.training for module in collection.modules()] == modes
    assert all(value.equal(before[n]) for n, value in collection.state_dict().items())


def test_graph_that_changed_is_seen(build: Build) -> None:
    collection = build(DOMAINS)
    view, raw = WorkspaceView(collection), draw(["v"], 2)
    assert view.inputs == DOMAINS
    assert not view.can(raw, "t/latent")
    view.run(raw, ["state"])
    collection["head"] = BrickModule(torch.neg, ["state"], ["head"])
    found = view.run(raw, ["state", "head"])
    assert found["head"].equal(-found["state"])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        pytest.param(
            lambda view: translation(view, None, draw(["v"], 1, 4), "tt"),
            UnknownNameError,
            r"to: unknown name 'tt'\. Did you mean 't'\? Known names: a, t, v",
            id="target",
        ),
        pytest.param(
            lambda view: view.encode(draw(["vv"], 1)),
            UnknownNameError,
            "x: unknown name 'vv'",
            id="source",
        ),
        pytest.param(
            lambda view: view.decode(torch.zeros(1, DIM), ["x"]),
            UnknownNameError,
            "domains: unknown name 'x'",
            id="decoded",
        ),
        pytest.param(
            lambda view: cycle(view, None, draw(["v"], 1, 4), "tt"),
            UnknownNameError,
            "through: unknown name 'tt'",
            id="through",
        ),
        pytest.param(
            lambda view: view.encode({**draw(["v"], 1), **draw(["t"], 2)}),
            ConfigError,
            r"inputs: their rows are none, or differ \(t/latent: 2, v/latent: 1\)",
            id="rows",
        ),
        pytest.param(
            lambda view: view.run({}, ["state"]),
            ConfigError,
            r"differ \(nothing is given\)\. Expected one row or more",
            id="nothing",
        ),
        pytest.param(
            lambda view: view.run(draw(["v"], 1), ["t/latent"]),
            WiringError,
            "outputs: 't/latent' needs data that is missing",
            id="missing",
        ),
    ],
)
def test_what_cannot_be_computed_is_an_error(
    build: Build,
    call: Callable[[WorkspaceView], object],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        call(WorkspaceView(build(DOMAINS)))


def test_graph_without_a_workspace_still_runs() -> None:
    bricks = {"negate": BrickModule(torch.neg, ["x"], ["y"])}
    view = WorkspaceView(BrickCollection(bricks))
    assert view.run({"x": torch.ones(2)}, ["y"])["y"].tolist() == [-1, -1]
    assert (view.domains, view.domain_mods) == ((), {})
    with pytest.raises(
        ConfigError, match=r"x: the graph has no workspace\. Fix: a run"
    ):
        view.encode({"x": torch.ones(2)})
