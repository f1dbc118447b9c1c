from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn, Tensor

from gwbricks.bricks import BrickCollection, BrickModule, LossOutput, Stage
from gwbricks.data import as_named_inputs, Table
from gwbricks.domains import DomainModule, IdentityDomain, LinearDomain
from gwbricks.errors import ConfigError
from gwbricks.workspace import (
    Corruption,
    FusionRoutes,
    gw_bricks,
    Masking,
    Routes,
    SimpleRoutes,
    WeightedSum,
    Workspace,
    WorkspaceDomain,
)
from gwbricks.workspace.graph.gw_bricks import _compose, _whole_graph
from gwbricks.workspace.planning.routes import KINDS

Build = Callable[..., BrickCollection]
Draw = Callable[..., dict[frozenset[str], dict[str, Tensor]]]
PRESETS = pytest.mark.parametrize(
    "routes", [FusionRoutes(), SimpleRoutes()], ids=["fusion", "simple"]
)
GROUPS = {("a",): 3, ("b",): 2, ("a", "b"): 4, ("a", "b", "c"): 2}


def losses_of(
    collection: BrickCollection,
    batch: Mapping[Any, Any] | Table,
    stage: Stage = Stage.TRAIN,
    kinds: tuple[str, ...] = KINDS,
) -> dict[str, float]:
    values = collection.run(as_named_inputs(batch), stage, outputs=kinds)
    return {kind: values[kind].loss.item() for kind in kinds if values[kind]}


@given(names=st.permutations("abc"), groups=st.permutations(sorted(GROUPS)))
@settings(max_examples=3, deadline=None)
def test_order_of_domains_and_groups_does_not_matter(
    build: Build, draw: Draw, names: list[str], groups: list[tuple[str, ...]]
) -> None:
    batch = draw(GROUPS)
    shuffled = {
        frozenset(g): {d: batch[frozenset(g)][d] for d in names if d in g}
        for g in groups
    }
    assert losses_of(build(names), shuffled) == losses_of(build("abc"), batch)


@given(
    empty=st.sets(st.sampled_from([("c",), ("a", "c"), ("b", "c")])),
    kept=st.sets(st.sampled_from(sorted(GROUPS)), min_size=1),
)
@settings(max_examples=5, deadline=None)
def test_group_without_rows_is_as_no_group(
    build: Build, draw: Draw, empty: set[tuple[str, ...]], kept: set[tuple[str, ...]]
) -> None:
    collection, groups = build("abc"), {group: GROUPS[group] for group in kept}
    with_empty = draw(groups | dict.fromkeys(empty, 0))
    assert losses_of(collection, with_empty) == losses_of(collection, draw(groups))


@given(
    group=st.sampled_from(sorted(GROUPS)),
    cut=st.integers(0, 4),
    stage=st.sampled_from([Stage.TRAIN, Stage.TEST]),
)
@settings(max_examples=6, deadline=None)
def test_group_in_two_parts_is_as_one_group(
    build: Build, draw: Draw, group: tuple[str, ...], cut: int, stage: Stage
) -> None:
    collection, batch = build("abc"), draw(GROUPS)
    whole = batch[frozenset(group)]
    parts: dict[Any, dict[str, Tensor]] = {
        "first": {d: rows[:cut] for d, rows in whole.items()},
        "second": {d: rows[cut:] for d, rows in whole.items()},
    }
    parts |= {g: rows for g, rows in batch.items() if g != frozenset(group)}
    assert losses_of(collection, Table.from_groups(parts), stage) == losses_of(
        collection, batch, stage
    )


@given(order=st.permutations(range(4)))
@settings(max_examples=3, deadline=None)
def test_permuted_rows_of_a_group_permute_its_states(
    build: Build, draw: Draw, order: list[int]
) -> None:
    collection, batch = build("ab"), draw({("a",): 2, ("a", "b"): 4})
    permuted = {
        **batch,
        frozenset("ab"): {d: rows[order] for d, rows in batch[frozenset("ab")].items()},
    }

    def states(batch: Mapping[frozenset[str], Any]) -> Tensor:
        inputs = as_named_inputs(batch)
        return collection(inputs, Stage.VALIDATION, outputs=["state"])["state"]

    expected = states(batch)[[0, 1, *(2 + i for i in order)]]
    torch.testing.assert_close(states(permuted), expected)


def test_batch_may_lack_the_data_of_a_domain(build: Build, draw: Draw) -> None:
    collection = build("abc")
    batch = draw({("a",): 3, ("a", "b"): 2})
    values = collection(as_named_inputs(batch), Stage.VALIDATION)
    assert values["state"].shape == (5, 6)
    assert {"a/error", "b/error"} <= values.keys()
    assert not {"c", "c/latent", "c/error"} & values.keys()
    assert {"demi_cycles", "translations", "fused", "cycles", "contrastives"} == set(
        losses_of(collection, batch)
    )


def test_inference_decodes_one_domain_into_the_others(build: Build) -> None:
    collection = build("abc")
    rows = torch.randn(3, 5, dtype=torch.float64)
    found = collection({"a": rows}, Stage.INFERENCE, outputs=["b/raw", "c/raw"])
    latent = collection.get_submodule("a.latent.model").encode(rows)  # pyright: ignore[reportCallIssue] - a domain
    state = torch.tanh(collection.get_submodule("a.encode.model")(latent))
    for name in "bc":
        broadcast = collection.get_submodule(f"{name}.decode.model")(state)
        raw = collection.get_submodule(f"{name}.latent.model").decode(broadcast)  # pyright: ignore[reportCallIssue] - a domain
        torch.testing.assert_close(found[f"{name}/raw"], raw)


def test_inference_cycles_through_the_absent_domains(build: Build) -> None:
    collection = build("abc")
    values = collection({"a": torch.randn(3, 5).double()}, Stage.INFERENCE)
    assert values["a/cycled"].shape == (3, 4)
    assert values["state"].shape == (3, 6)


class Normed(LinearDomain):
    def __init__(self) -> None:
        super().__init__(5, 4)
        self.norm = nn.BatchNorm1d(5)

    def encode(self, x: Tensor) -> Tensor:
        return self.encoder(self.norm(x))


def total_loss(collection: BrickCollection, batch: Mapping[Any, Any]) -> Tensor:
    names = collection.loss_names()
    values = collection.run(as_named_inputs(batch), Stage.TRAIN, outputs=names)
    return torch.stack([values[name].loss for name in names if values[name]]).sum()


def test_frozen_domain_gets_no_gradient_and_its_statistics_do_not_move(
    build: Build, draw: Draw
) -> None:
    collection = build("ab", modules={"a": Normed()})
    frozen = collection.get_submodule("a.latent.model")
    before = {name: value.clone() for name, value in frozen.state_dict().items()}
    collection.train()
    total_loss(collection, draw({("a", "b"): 4})).backward()
    assert all(parameter.grad is None for parameter in frozen.parameters())
    for name, value in frozen.state_dict().items():
        assert torch.equal(value, before[name])


def test_trainable_domain_is_trained_by_its_unimodal_loss(
    build: Build, draw: Draw
) -> None:
    collection = build("ab", modules={"a": Normed()}, trainable=["a"])
    module = collection.get_submodule("a.latent.model")
    assert isinstance(module, DomainModule)
    batch = draw({("a",): 4, ("b",): 2})
    values = collection.run(as_named_inputs(batch), Stage.TRAIN, outputs=["unimodal"])
    rows = batch[frozenset("a")]["a"]
    expected = (module.decode(module.encode(rows)) - rows).square().mean()
    assert values["unimodal"].loss.item() == pytest.approx(expected.item())
    assert values["unimodal"].metrics["a"].item() == pytest.approx(expected.item())
    values["unimodal"].loss.backward()
    assert all(parameter.grad is not None for parameter in module.parameters())


class PerRowUnimodal(LinearDomain):
    def compute_domain_loss(self, domain: Tensor) -> LossOutput:
        error = (self.decode(self.encode(domain)) - domain).square().mean(dim=1)
        return LossOutput(error, {"most": error.max().detach()})


def test_unimodal_losses_are_added_and_each_is_logged(build: Build, draw: Draw) -> None:
    modules = {
        "a": PerRowUnimodal(5, 4),
        "b": LinearDomain(5, 4),
        "c": IdentityDomain(5),
    }
    collection = build("abc", modules=modules, trainable=["a", "b", "c"])
    inputs = as_named_inputs(draw({("a",): 3, ("b",): 2, ("c",): 2}))
    output = collection.run(inputs, Stage.TRAIN, outputs=["unimodal"])["unimodal"]
    assert set(output.metrics) == {"a", "a/most", "b"}
    expected = output.metrics["a"] + output.metrics["b"]
    assert output.loss.item() == pytest.approx(expected.item())


def test_unimodal_loss_is_none_where_no_domain_has_one(
    build: Build, draw: Draw
) -> None:
    collection = build("a", modules={"a": IdentityDomain(5)}, trainable=["a"])
    inputs = as_named_inputs(draw({("a",): 3}))
    assert collection.run(inputs, Stage.TRAIN, ["unimodal"])["unimodal"] is None


@PRESETS
def test_gradients_of_all_trainable_parameters_are_finite(
    build: Build, draw: Draw, routes: Routes
) -> None:
    collection = build("abc", routes=routes, trainable=["a"])
    groups = {**GROUPS, ("c",): 2}
    total_loss(collection, draw(groups)).backward()
    for name, parameter in collection.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name


@PRESETS
def test_losses_are_zero_where_nothing_is_lost(routes: Routes, draw: Draw) -> None:
    domains = {
        name: WorkspaceDomain(IdentityDomain(5), nn.Identity(), nn.Identity())
        for name in "abc"
    }
    workspace = Workspace(fusion=WeightedSum(nn.Identity()), routes=routes)
    collection = BrickCollection(gw_bricks(domains, workspace))
    rows = draw({("a",): 3})[frozenset("a")]["a"]
    batch = {frozenset(g): dict.fromkeys(g, rows) for g in ("a", "b", "abc")}
    losses = losses_of(collection, batch)
    del losses["contrastives"]
    assert set(losses) >= {"demi_cycles", "translations", "cycles"}
    assert losses == pytest.approx(dict.fromkeys(losses, 0.0), abs=1e-12)


def test_only_kinds_with_a_coefficient_are_planned(build: Build, draw: Draw) -> None:
    collection = build("ab", coefs={"demi_cycles": 1.0, "cycles": None})
    losses = losses_of(collection, draw({("a",): 2, ("a", "b"): 2}))
    assert set(losses) == {"demi_cycles", "contrastives"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param(
            "a/b", r"'a/b' cannot be a domain's name\. Fix: leave", id="slash"
        ),
        pytest.param("a+b", r"'a\+b' cannot be a domain's name", id="plus"),
        pytest.param("a?", r"'a\?' cannot be a domain's name", id="question-mark"),
        pytest.param("plan", r"'plan' is taken by the graph\. Fix: rename", id="value"),
        pytest.param("cycles", "'cycles' is taken by the graph", id="loss"),
        pytest.param("items", "'items' is taken by the graph", id="brick"),
        pytest.param("unimodal", "'unimodal' is taken by the graph", id="unimodal"),
    ],
)
def test_names_that_the_graph_needs_are_refused(
    build: Build, name: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        build([name])


@pytest.mark.parametrize("chunk", [None, 1])
def test_every_name_and_brick_of_the_graph_is_reserved(
    build: Build, chunk: int | None
) -> None:
    corruption = Corruption(Masking(), [1.0])
    routes = FusionRoutes(chunk=chunk)
    collection = build("a", trainable=["a"], corruption=corruption, routes=routes)
    bricks = collection.flat().values()
    read = {read.name for brick in bricks for read in brick.reads or ()}
    names = {*collection, *read, *(n for b in bricks for n in b.output_names)}
    taken = {name for name in names if "/" not in name} - {"a"}
    assert {"chunks"} & taken == ({"chunks"} if chunk else set())
    for name in taken:
        with pytest.raises(ConfigError, match="is taken by the graph"):
            build([name])


def test_a_brick_that_the_graph_gains_reserves_its_name_and_its_values(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_more(*args: Any, **kwargs: Any) -> dict[str, Any]:
        more = BrickModule(nn.Identity(), ["mood"], ["attention"])
        return {**_compose(*args, **kwargs), "attend": more}

    monkeypatch.setattr("gwbricks.workspace.graph.gw_bricks._compose", with_more)
    _whole_graph.cache_clear()
    try:
        for name in ("attend", "attention", "mood"):
            with pytest.raises(ConfigError, match=f"'{name}' is taken by the graph"):
                build([name])
    finally:
        _whole_graph.cache_clear()


def test_composing_draws_no_random_number() -> None:
    coder = nn.Identity()
    domains = {"a": WorkspaceDomain(IdentityDomain(2), coder, coder)}
    _whole_graph.cache_clear()
    before = torch.get_rng_state()
    gw_bricks(domains, Workspace())
    assert torch.equal(torch.get_rng_state(), before)


def test_workspace_without_domains_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"domains: there is none.*Fix: \+domain@"):
        gw_bricks({}, Workspace())


def test_state_dict_holds_every_tensor_once(build: Build) -> None:
    collection = build("ab")
    state = collection.state_dict()
    assert len({value.data_ptr() for value in state.values()}) == len(state)
