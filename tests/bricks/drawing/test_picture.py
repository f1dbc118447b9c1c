from collections.abc import Callable, Sequence

import pytest
import torch
from hypothesis import given, strategies as st
from torch import nn
from torchmetrics import MeanMetric

from gwbricks.bricks import (
    Brick,
    BrickLoss,
    BrickMetricSingle,
    BrickNotTrainable,
    BrickShared,
    BrickTrainable,
    Stage,
)
from gwbricks.bricks.drawing.picture import Arrow, DATA, Picture
from gwbricks.errors import UnknownNameError


def plain(
    reads: Sequence[str] | str,
    writes: Sequence[str],
    alive_stages: Sequence[str] | str = "all",
) -> Brick:
    return BrickNotTrainable(torch.stack, reads, writes, alive_stages)


BRICKS: dict[str, Callable[[], Brick]] = {
    "v.encode": lambda: BrickTrainable(nn.Linear(3, 2), ["v"], ["v/code"]),
    "v.again": lambda: BrickShared("encode", ["v/code"], ["v/again"]),
    "frozen": lambda: BrickNotTrainable(nn.Linear(3, 2), ["t"], ["t/code"]),
    "all": lambda: plain(["*/code"], ["sum", "spare"]),
    "loss": lambda: BrickLoss(nn.MSELoss(), ["sum", "target"], ["loss"]),
    "metric": lambda: BrickMetricSingle(MeanMetric(), ["sum"], "count"),
    "late": lambda: plain(["sum"], ["later"], alive_stages=["inference"]),
}


def picture(
    stage: Stage = Stage.TRAIN,
    order: Sequence[str] = tuple(BRICKS),
    outputs: Sequence[str] | None = None,
    inputs: Sequence[str] | None = None,
) -> Picture:
    bricks = {path: BRICKS[path]() for path in order}
    return Picture(
        stage, bricks, None if inputs is None else frozenset(inputs), outputs
    )


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("v.encode", ("brick", "trained", 8, 0, False), id="trained"),
        pytest.param("v.again", ("brick", "trained", 8, 0, True), id="shared"),
        pytest.param("frozen", ("brick", "frozen", 0, 8, False), id="frozen"),
        pytest.param("all", ("brick", "brick", 0, 0, False), id="no-weights"),
        pytest.param("loss", ("loss", "loss", 0, 0, False), id="loss"),
        pytest.param("metric", ("metrics", "metrics", 0, 0, False), id="metric"),
        pytest.param(f"{DATA}v", ("data", "data", 0, 0, False), id="data"),
    ],
)
def test_node_tells_what_a_brick_is(path: str, expected: tuple[object, ...]) -> None:
    node = next(node for node in picture().nodes if node.path == path)
    found = (node.role, node.kind, node.trained, node.frozen, node.is_shared)
    assert found == expected


def test_arrows_lead_from_writers_to_readers() -> None:
    links = {(arrow.source, arrow.target): arrow.names for arrow in picture().arrows}
    assert links["v.encode", "v.again"] == ("v/code",)
    assert links["v.encode", "all"] == ("v/code",)
    assert links["frozen", "all"] == ("t/code",)
    assert links[f"{DATA}target", "loss"] == ("target",)
    assert not any(target.startswith(DATA) for _, target in links)


def test_outputs_that_nobody_reads_are_told() -> None:
    unread = {node.path: node.unread for node in picture().nodes if node.unread}
    assert unread == {"v.again": ("v/again",), "all": ("spare",), "loss": ("loss",)} | {
        "late": ("later",)
    }


def dead(drawn: Picture) -> set[str]:
    return {node.path for node in drawn.nodes if node.is_dead}


def test_stage_decides_what_is_dead() -> None:
    assert dead(picture()) == {"late"}
    assert dead(picture(Stage.INFERENCE)) == {"loss", "metric", f"{DATA}target"}


def test_arrows_of_dead_bricks_are_dead() -> None:
    arrow = next(arrow for arrow in picture().arrows if arrow.target == "late")
    assert arrow == Arrow("all", "late", ("sum",), is_dead=True)


def test_what_wanted_outputs_do_not_need_is_dead_but_for_metrics() -> None:
    drawn = picture(outputs=["t/code"])
    assert dead(drawn) == {"v.again", "loss", "late", f"{DATA}target"}


def test_unknown_output_names_the_close_match() -> None:
    with pytest.raises(UnknownNameError, match=r"'los'\. Did you mean 'loss'\?"):
        _ = picture(outputs=["los"]).nodes


def test_brick_that_reads_everything_has_arrows_from_all_it_can_read() -> None:
    bricks = {"first": plain(["x"], ["y"]), "rest": plain("all", ["z"])}
    arrows = Picture(Stage.TRAIN, bricks, frozenset({"x", "extra"})).arrows
    sources = {arrow.source for arrow in arrows if arrow.target == "rest"}
    assert sources == {"first", f"{DATA}x", f"{DATA}extra"}


def test_optional_data_is_drawn_if_it_is_given() -> None:
    bricks = {"maybe": plain(["x", "mask?"], ["y"])}
    paths = [
        [node.path for node in Picture(Stage.TRAIN, bricks, given).nodes]
        for given in (None, frozenset({"x", "mask"}))
    ]
    assert paths == [[f"{DATA}x", "maybe"], [f"{DATA}mask", f"{DATA}x", "maybe"]]


@pytest.mark.slow
@given(order=st.permutations(list(BRICKS)))
def test_order_of_the_bricks_does_not_matter(order: list[str]) -> None:
    drawn, expected = picture(order=order), picture()
    assert drawn.nodes == expected.nodes
    assert drawn.arrows == expected.arrows
