"""The same weights, batch and selection give the losses that Shimmer recorded."""

from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
import torch
from torch import nn, Tensor

from gwbricks.bricks import BrickCollection, LossOutput, Stage
from gwbricks.data import as_named_inputs
from gwbricks.inference.evaluate import rebuild
from gwbricks.workspace import Selection
from gwbricks.workspace.planning.routes import KINDS, Route

CHECKPOINTS = ("simple_two", "simple_three", "fusion_two", "fusion_three")
Imported = Callable[..., Path]
Losses = dict[tuple[tuple[str, ...], str, str], float]


class Scored(Selection):
    """Weighs domains as the recording did: by the encodings and nothing else."""

    def __init__(self, scores: Mapping[str, list[float]], hard: bool) -> None:
        super().__init__()
        self.scores = torch.tensor([scores[name] for name in sorted(scores)]).double()
        self.hard = hard

    def forward(
        self, latents: Mapping[str, Tensor], encodings: Tensor, present: Tensor
    ) -> Tensor:
        del latents
        scores = (encodings * self.scores).sum(dim=2).masked_fill(~present, -torch.inf)
        if self.hard:
            best = scores.argmax(dim=1)
            return nn.functional.one_hot(best, scores.shape[1]).to(encodings.dtype)
        return scores.softmax(dim=1)


@pytest.fixture(params=CHECKPOINTS)
def name(request: pytest.FixtureRequest) -> str:
    return f"{request.param}.ckpt"


@pytest.fixture
def collection(
    name: str, imported: Imported, recorded: dict[str, Any]
) -> BrickCollection:
    """The imported graph, with the selection of the recording."""
    collection = rebuild(imported(name)).module.brick_collection.double()
    entry = recorded[name]
    fuse: Any = collection.get_submodule("gw.fuse.model")
    fuse.selection = Scored(entry["scores"], entry["hard"])
    return collection


def losses_of(
    collection: BrickCollection, groups: list[dict[str, Any]]
) -> dict[str, LossOutput]:
    batch = {
        frozenset(group["latents"]): {
            name: torch.tensor(rows, dtype=torch.float64)
            for name, rows in group["latents"].items()
        }
        for group in groups
    }
    inputs = as_named_inputs(batch)
    values = collection.run(inputs, Stage.TRAIN, outputs=KINDS)
    return {kind: values[kind] for kind in KINDS if values.get(kind) is not None}


def by_route(collection: BrickCollection, entry: dict[str, Any]) -> Losses:
    """Every route's loss, computed from one group at a time."""
    return {
        (tuple(sorted(group["latents"])), kind, route): value.item()
        for group in entry["groups"]
        for kind, output in losses_of(collection, [group]).items()
        for route, value in output.metrics.items()
        if route != "logit_scale"
    }


def route_of(term: dict[str, Any]) -> tuple[tuple[str, ...], str, str]:
    sources = tuple(term["sources"])
    route = Route(term["kind"], sources, str(term["target"]), tuple(term["through"]))
    is_pair = term["kind"] == "contrastives"
    shown = "-and-".join(sources) if is_pair else route.name
    return tuple(term["group"]), term["kind"], shown


def test_each_routes_loss_is_shimmers(
    name: str, collection: BrickCollection, recorded: dict[str, Any]
) -> None:
    theirs = {route_of(term): term["loss"] for term in recorded[name]["terms"]}
    ours = by_route(collection, recorded[name])
    assert len(theirs) == len(recorded[name]["terms"])
    assert {k: ours[k] for k in theirs} == pytest.approx(theirs, rel=0, abs=1e-6)
    more = ours.keys() - theirs.keys()
    assert {(kind, len(group)) for group, kind, _ in more} <= {("contrastives", 3)}


def test_each_kind_counts_every_group_sources_and_target_once(
    name: str, collection: BrickCollection, recorded: dict[str, Any]
) -> None:
    terms = by_route(collection, recorded[name])
    losses = losses_of(collection, recorded[name]["groups"])
    assert losses.keys() == recorded[name]["coefs"].keys()
    for kind, output in losses.items():
        expected = mean(v for (_, k, _), v in terms.items() if k == kind)
        assert output.loss.item() == pytest.approx(expected, rel=0, abs=1e-6)


def shimmers_kind(entry: dict[str, Any], kind: str) -> float:
    """What Shimmer makes of a kind's terms: a later group replaces one of its label."""
    stored, labels = {}, []
    for term in entry["terms"]:
        group, found, route = route_of(term)
        if found == kind:
            label = (route, group if kind == "cycles" else ())
            stored[label] = term["loss"]
            labels.append(label)
    return mean(stored[label] for label in labels)


def test_totals_of_shimmer_differ_in_what_is_documented_and_nothing_else(
    name: str, recorded: dict[str, Any]
) -> None:
    entry = recorded[name]
    kinds = {kind: shimmers_kind(entry, kind) for kind in entry["coefs"]}
    assert kinds == pytest.approx(entry["kinds"], rel=0, abs=1e-6)
    weighted = [coef * kinds[kind] for kind, coef in entry["coefs"].items()]
    assert mean(weighted) == pytest.approx(entry["loss"], rel=0, abs=1e-6)


def test_two_simple_domains_have_shimmers_kinds_and_their_sum(
    imported: Imported, recorded: dict[str, Any]
) -> None:
    entry = recorded["simple_two.ckpt"]
    module = rebuild(imported("simple_two.ckpt")).module.double()
    losses = losses_of(module.brick_collection, entry["groups"])
    found = {kind: output.loss.item() for kind, output in losses.items()}
    assert found == pytest.approx(entry["kinds"], rel=0, abs=1e-6)
    objective = sum(coef * found[kind] for kind, coef in module.loss_coefs.items())
    assert objective == pytest.approx(len(found) * entry["loss"], rel=0, abs=1e-6)
