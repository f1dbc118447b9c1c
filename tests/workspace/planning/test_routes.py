import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings, strategies as st
from torch import Tensor
from torch.nn import functional as F

from gwbricks.bricks import BrickCollection, LossOutput, Stage
from gwbricks.data import as_named_inputs
from gwbricks.workspace import FusionRoutes, Routes, SimpleRoutes
from gwbricks.workspace.planning.routes import KINDS, Route

Build = Callable[..., BrickCollection]
Batch = dict[frozenset[str], dict[str, Tensor]]
Terms = Iterator[tuple[str, tuple[str, ...], tuple[str, ...], str]]
Layout = tuple[str, dict[tuple[str, ...], int]]


def losses_of(
    collection: BrickCollection, batch: Batch, stage: Stage
) -> dict[str, Tensor]:
    """Every loss and the value of every route, from the graph."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a group of one row has no contrastive loss
        values = collection.run(as_named_inputs(batch), stage, outputs=KINDS)
    found = {}
    for kind in KINDS:
        output = values[kind]
        if isinstance(output, LossOutput):
            found[kind] = output.loss
            found |= {
                f"{kind}/{name}": value
                for name, value in output.metrics.items()
                if name != "logit_scale"
            }
    return found


def fusion_terms(group: Sequence[str], names: Sequence[str], evaluate: bool) -> Terms:
    del evaluate
    for size in range(1, len(group) + 1):
        for sources in combinations(group, size):
            for target in group:
                inside = "demi_cycles" if size == 1 else "fused"
                yield (
                    inside if target in sources else "translations",
                    sources,
                    (),
                    target,
                )
            absent = tuple(name for name in names if name not in sources)
            for target in sources:
                if absent:
                    yield "cycles", sources, absent, target


def simple_terms(group: Sequence[str], names: Sequence[str], evaluate: bool) -> Terms:
    if len(group) > 1:
        for target in group:
            yield "translations", tuple(d for d in group if d != target), (), target
    if len(group) == 1 or evaluate:
        for domain in group:
            yield "demi_cycles", (domain,), (), domain
            for other in names:
                if other != domain:
                    yield "cycles", (domain,), (other,), domain


def symmetric_cross_entropy(x: Tensor, y: Tensor) -> Tensor:
    logits = F.normalize(x, dim=1) @ F.normalize(y, dim=1).T / 0.07
    own = torch.arange(len(x))
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


def naive_losses(
    collection: BrickCollection,
    names: Sequence[str],
    batch: Batch,
    terms: Callable[[Sequence[str], Sequence[str], bool], Terms],
    stage: Stage,
) -> dict[str, Tensor]:
    """The same, one route at a time."""

    def module(path: str) -> Any:  # noqa: ANN401 - any module
        return collection.get_submodule(f"{path}.model")

    def fuse(latents: Mapping[str, Tensor], sources: Sequence[str]) -> Tensor:
        encodings = [module(f"{name}.encode")(latents[name]) for name in sources]
        return torch.tanh(torch.stack(encodings).mean(dim=0))

    found: dict[str, list[Tensor]] = {}
    for rows in batch.values():
        group = sorted(rows)
        latents = {
            name: module(f"{name}.latent").encode(rows[name]).detach() for name in group
        }
        for kind, sources, through, target in terms(
            group, names, stage is not Stage.TRAIN
        ):
            state = fuse(latents, sources)
            route = f"{'+'.join(sources)}-to-{target}"
            if through:
                there = {name: module(f"{name}.decode")(state) for name in through}
                state = fuse(there, through)
                route = f"{'+'.join(sources)}-through-{'+'.join(through)}"
                route += f"-to-{target}" if len(sources) > 1 else ""
            error = F.mse_loss(module(f"{target}.decode")(state), latents[target])
            found.setdefault(kind, []).append(error)
            found.setdefault(f"{kind}/{route}", []).append(error)
        for first, second in combinations(group, 2):
            if len(latents[first]) > 1:
                error = symmetric_cross_entropy(
                    module(f"{first}.encode")(latents[first]),
                    module(f"{second}.encode")(latents[second]),
                )
                found.setdefault("contrastives", []).append(error)
                found.setdefault(f"contrastives/{first}-and-{second}", []).append(error)
    return {name: torch.stack(values).mean() for name, values in found.items()}


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    names = "".join(sorted(draw(st.sets(st.sampled_from("abcd"), min_size=1))))
    groups = [
        group for size in range(len(names)) for group in combinations(names, size + 1)
    ]
    rows = st.dictionaries(st.sampled_from(groups), st.integers(1, 4), min_size=1)
    return names, draw(rows)


PRESETS = pytest.mark.parametrize(
    ("routes", "terms"),
    [
        pytest.param(FusionRoutes(), fusion_terms, id="fusion"),
        pytest.param(SimpleRoutes(), simple_terms, id="simple"),
    ],
)
FOUR_WAY = ("abcd", {tuple("abcd"): 3})
SINGLES = ("abcd", {("a",): 2, ("b",): 1, ("c",): 3, ("d",): 4})
ONE_DOMAIN = ("a", {("a",): 3})
EVERY_GROUP = (
    "abc",
    {group: n + 1 for n in range(3) for group in combinations("abc", n + 1)},
)


@PRESETS
@pytest.mark.parametrize("stage", [Stage.TRAIN, Stage.VALIDATION], ids=lambda s: s.name)
@given(layout=layouts())
@example(layout=FOUR_WAY)
@example(layout=SINGLES)
@example(layout=ONE_DOMAIN)
@example(layout=EVERY_GROUP)
@settings(max_examples=5, deadline=None)
def test_losses_are_those_of_a_loop_over_groups_sources_and_targets(
    build: Build,
    draw: Callable[..., Batch],
    routes: Routes,
    terms: Callable[..., Terms],
    stage: Stage,
    layout: Layout,
) -> None:
    names, groups = layout
    collection, batch = build(names, routes=routes), draw(groups)
    expected = naive_losses(collection, names, batch, terms, stage)
    losses = losses_of(collection, batch, stage)
    assert {n: v.item() for n, v in losses.items()} == pytest.approx(
        {n: v.item() for n, v in expected.items()}, rel=1e-6
    )


@PRESETS
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_the_loop(
    build: Build,
    draw: Callable[..., Batch],
    routes: Routes,
    terms: Callable[..., Terms],
    kind: str,
) -> None:
    groups = {("a",): 2, ("c",): 3, ("a", "b"): 3, ("a", "b", "c"): 2}
    collection, batch = build("abc", routes=routes), draw(groups)
    losses = losses_of(collection, batch, Stage.TRAIN)
    expected = naive_losses(collection, "abc", batch, terms, Stage.TRAIN)
    if kind not in expected:
        assert kind not in losses
        return
    parameters = [p for p in collection.parameters() if p.requires_grad]
    pairs = zip(
        torch.autograd.grad(losses[kind], parameters, materialize_grads=True),
        torch.autograd.grad(expected[kind], parameters, materialize_grads=True),
        strict=True,
    )
    for gradient, wanted in pairs:
        torch.testing.assert_close(gradient, wanted, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("route", "name"),
    [
        pytest.param(Route("demi_cycles", ("v",), "v"), "v-to-v", id="demi-cycle"),
        pytest.param(Route("translations", ("v",), "t"), "v-to-t", id="translation"),
        pytest.param(
            Route("translations", ("attr", "v"), "t"), "attr+v-to-t", id="two-sources"
        ),
        pytest.param(
            Route("cycles", ("v",), "v", ("t",)), "v-through-t", id="simple-cycle"
        ),
        pytest.param(
            Route("cycles", ("a", "v"), "a", ("b", "t")),
            "a+v-through-b+t-to-a",
            id="fusion-cycle",
        ),
    ],
)
def test_routes_are_named_as_they_are_logged(route: Route, name: str) -> None:
    assert route.name == name


@given(group=st.sets(st.sampled_from("abcd"), min_size=1))
@settings(max_examples=15)
def test_fusion_decodes_every_domain_of_a_group_from_every_subset(
    group: set[str],
) -> None:
    routes = list(FusionRoutes().of(tuple(sorted(group)), tuple("abcd"), False))
    decoded = [route for route in routes if not route.through]
    assert len(set(routes)) == len(routes)
    assert len(decoded) == (2 ** len(group) - 1) * len(group)


@pytest.mark.parametrize(
    ("evaluate", "kinds"),
    [
        pytest.param(False, ["translations"] * 2, id="training"),
        pytest.param(
            True,
            ["cycles"] * 2 + ["demi_cycles"] * 2 + ["translations"] * 2,
            id="evaluation",
        ),
    ],
)
def test_simple_routes_count_domains_of_matched_rows_alone_only_in_evaluation(
    evaluate: bool, kinds: list[str]
) -> None:
    routes = SimpleRoutes().of(("t", "v"), ("t", "v"), evaluate)
    assert sorted(route.kind for route in routes) == kinds
