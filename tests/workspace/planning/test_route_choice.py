"""Which routes a batch takes: all, a sample, and those with a coefficient."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor

from gwbricks.bricks import BrickCollection, LossOutput, Stage
from gwbricks.data import as_named_inputs, Group
from gwbricks.errors import ConfigError
from gwbricks.workspace import FusionRoutes, Routes, SimpleRoutes
from gwbricks.workspace.planning.route_choice import RouteChooser
from gwbricks.workspace.planning.routes import CONTRASTIVES, KINDS, subsets

Build = Callable[..., BrickCollection]
Draw = Callable[..., dict[frozenset[str], dict[str, Tensor]]]

PRESETS = [FusionRoutes, SimpleRoutes]
GROUPS = {("a",): 2, ("a", "b"): 3, ("a", "b", "c"): 2}
ROUTE_KINDS = [kind for kind in KINDS if kind != CONTRASTIVES]


def losses(
    collection: BrickCollection, batch: object, stage: Stage = Stage.TRAIN
) -> dict[str, LossOutput]:
    values = collection.run(as_named_inputs(batch), stage, outputs=ROUTE_KINDS)
    return {k: values[k] for k in ROUTE_KINDS if isinstance(values[k], LossOutput)}


@pytest.mark.parametrize("routes", PRESETS)
@pytest.mark.parametrize("evaluate", [False, True], ids=["train", "evaluate"])
@pytest.mark.parametrize("group", list(subsets("abc")), ids="+".join)
def test_routes_of_a_kind_are_those_of_the_group(
    routes: type[Routes], evaluate: bool, group: tuple[str, ...]
) -> None:
    every = list(routes().of(group, ("a", "b", "c"), evaluate))
    for kind in ROUTE_KINDS:
        listed = routes().of_kind(kind, group, ("a", "b", "c"), evaluate)
        found = [listed[index] for index in range(len(listed))]
        assert len(set(found)) == len(found)
        assert set(found) == {route for route in every if route.kind == kind}
    alone = list(routes().alone(group, ("a", "b", "c"), evaluate))
    assert len(set(alone)) == len(alone)
    assert set(alone) == {
        route for route in every if len(route.sources) == 1 and not route.through
    }


def test_routes_of_many_domains_are_not_listed_to_draw_from() -> None:
    names = tuple(f"d{i:02}" for i in range(40))
    listed = FusionRoutes().of_kind("translations", names, names, False)
    assert len(listed) == 40 * (2**39 - 1)
    chooser = RouteChooser(names, FusionRoutes(sample=12))
    choices = chooser.choose({Group(names, 4): names}, KINDS, evaluate=False)
    assert len(choices.taken) == len(set(choices.taken)) == 12
    assert {choice.route.kind for choice in choices.taken} == set(ROUTE_KINDS)


@pytest.mark.slow
@pytest.mark.parametrize("routes", PRESETS)
def test_sampled_losses_average_to_those_of_all_routes(
    build: Build, draw: Draw, routes: type[Routes]
) -> None:
    batch = draw(GROUPS)
    every = losses(build("abc", routes=routes()), batch)
    sampled = build("abc", routes=routes(sample=8))
    torch.manual_seed(0)
    draws = [losses(sampled, batch) for _ in range(150)]
    for kind, output in every.items():
        values = torch.stack([drawn[kind].loss for drawn in draws])
        error = values.std() / len(values) ** 0.5
        assert abs(values.mean() - output.loss) <= 4 * error + 1e-9


def test_sample_of_all_routes_is_exact(build: Build, draw: Draw) -> None:
    batch = draw(GROUPS)
    every = losses(build("abc"), batch)
    sampled = losses(build("abc", routes=FusionRoutes(sample=10_000)), batch)
    assert every.keys() == sampled.keys()
    for kind, output in every.items():
        torch.testing.assert_close(sampled[kind].all, output.all)


def test_same_seed_draws_the_same_routes(build: Build, draw: Draw) -> None:
    collection, batch = build("abc", routes=FusionRoutes(sample=6)), draw(GROUPS)
    found = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        found.append(
            {k: v.metrics.keys() for k, v in losses(collection, batch).items()}
        )
    assert found[0] == found[1] != found[2]


def test_evaluation_of_a_sample_measures_every_route_from_one_domain(
    build: Build, draw: Draw
) -> None:
    collection = build("abc", routes=FusionRoutes(sample=4))
    inputs = as_named_inputs(draw({("a", "b", "c"): 2}))
    values = collection.run(inputs, Stage.VALIDATION, ["plan", "translations"])
    runs = {
        run.route for column in values["plan"].columns.values() for run in column.runs
    }
    pairs = {f"{source}-to-{target}" for source in "abc" for target in "abc"}
    assert pairs <= runs
    assert len(values["translations"].metrics) == 1


@pytest.mark.parametrize("name", ["sample", "chunk"])
def test_number_of_routes_below_one_is_an_error(name: str) -> None:
    message = rf"routes\.{name}: 0\. Expected 1 or more"
    with pytest.raises(ConfigError, match=message):
        FusionRoutes(**{name: 0})


@pytest.mark.slow
@pytest.mark.parametrize("routes", PRESETS)
@given(chunk=st.integers(1, 40), sample=st.sampled_from([None, 9]))
@settings(max_examples=8, deadline=None)
def test_chunks_change_neither_losses_nor_gradients(
    build: Build, draw: Draw, routes: type[Routes], chunk: int, sample: int | None
) -> None:
    batch, found = draw(GROUPS), []
    for size in (None, chunk):
        collection = build("abc", routes=routes(sample, size))
        torch.manual_seed(0)
        outputs = losses(collection, batch)
        torch.stack([output.loss for output in outputs.values()]).sum().backward()
        gradients = {n: p.grad for n, p in collection.named_parameters()}
        found.append(
            ({kind: output.all for kind, output in outputs.items()}, gradients)
        )
    torch.testing.assert_close(found[1], found[0])


def test_each_coder_is_called_once_a_chunk(build: Build, draw: Draw) -> None:
    collection = build("abc", routes=FusionRoutes(chunk=5), coefs={"translations": 1.0})
    calls = dict.fromkeys("abc", 0)
    for name in calls:
        collection.get_submodule(f"{name}.decode.model").register_forward_hook(
            lambda *_, name=name: calls.__setitem__(name, calls[name] + 1)
        )
    inputs = as_named_inputs(draw({("a", "b", "c"): 2}))
    values = collection.run(inputs, Stage.TRAIN, ["plan", "translations"])
    assert len(values["plan"].chunks) == 2
    assert set(calls.values()) == {2}


def test_other_stages_are_not_chunked(build: Build, draw: Draw) -> None:
    inputs = as_named_inputs(draw(GROUPS))
    for stage in (Stage.VALIDATION, Stage.INFERENCE):
        wanted = ["a/raw", "state"]
        plain = build("abc").run(inputs, stage, wanted)
        chunked = build("abc", routes=FusionRoutes(chunk=2)).run(inputs, stage, wanted)
        for name in wanted:
            torch.testing.assert_close(chunked[name], plain[name])
