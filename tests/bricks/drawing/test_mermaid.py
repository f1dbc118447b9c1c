import re

import pytest
import torch
from torch import nn

from gwbricks.bricks import (
    BrickCollection,
    BrickLoss,
    BrickNotTrainable,
    BrickShared,
    BrickTrainable,
    Stage,
)
from gwbricks.errors import UnknownNameError

HOSTILE = ["end", 'a"b', "`c`", "<script>", "x]-->y", "subgraph", "é#1;", "a;b\nc"]


def model() -> BrickCollection:
    return BrickCollection(
        {
            "loss": BrickLoss(nn.MSELoss(), ["v/again", "t/code"], ["loss"]),
            "v": {
                "again": BrickShared("encode", ["v/shrunk"], ["v/again"]),
                "encode": BrickTrainable(nn.Linear(3, 3), ["v"], ["v/code"]),
                "shrink": BrickNotTrainable(torch.tanh, ["v/code"], ["v/shrunk"]),
            },
            "t": {"encode": BrickNotTrainable(nn.Linear(3, 3), ["t"], ["t/code"])},
        }
    )


def test_text_is_what_mermaid_reads() -> None:
    lines = model().draw(legend=False).splitlines()
    assert "flowchart LR" in lines
    body = [line[2:] for line in lines[lines.index("flowchart LR") + 1 :]]
    assert body[:12] == [
        'data_t@{ shape: cyl, label: "<b>t</b>" }',
        'data_v@{ shape: cyl, label: "<b>v</b>" }',
        'subgraph nest_t ["<b>t</b>"]',
        '  brick_t_encode@{ shape: fr-rect, label: "<b>encode</b><br/>Linear<br/>12'
        ' frozen" }',
        "end",
        'subgraph nest_v ["<b>v</b>"]',
        '  brick_v_encode@{ shape: rounded, label: "<b>encode</b><br/>Linear<br/>12'
        ' trained" }',
        '  brick_v_shrink@{ shape: rect, label: "<b>shrink</b><br/>tanh" }',
        '  brick_v_again@{ shape: rounded, label: "<b>again</b><br/>= encode" }',
        "end",
        'brick_loss@{ shape: hex, label: "<b>loss</b><br/>MSELoss<br/>→ loss" }',
        "data_t --> brick_t_encode",
    ]
    assert 'brick_v_encode -->|"v/code"| brick_v_shrink' in body
    assert "class brick_v_encode,brick_v_again trained" in body
    assert "class brick_v_again shared" in body


def test_names_alone_are_an_overview_from_top_to_bottom() -> None:
    assert model().draw(detail="names").splitlines() == [
        "flowchart TD",
        '  n0["t"]',
        '  n1["v"]',
        '  n2["t.encode"]',
        '  n3["v.encode"]',
        '  n4["v.again"]',
        '  n5["loss"]',
        "  n0 --> n2",
        "  n1 --> n3",
        "  n3 --> n4",
        "  n2 --> n5",
        "  n4 --> n5",
    ]


def test_shapes_stand_at_data_arrows_and_results() -> None:
    text = model().draw(shapes={"v": "8x3", "v/code": "8x3", "loss": "scalar"})
    assert '"<b>v</b><br/><i>8x3</i>"' in text
    assert '-->|"v/code<br/><i>8x3</i>"|' in text
    assert "→ loss <i>scalar</i>" in text


def test_dead_bricks_are_dimmed() -> None:
    text = model().draw(Stage.INFERENCE)
    assert "class brick_loss dead" in text
    assert re.search(r"linkStyle [\d,]+ stroke:#cccccc", text)
    assert "legend_dead" in text
    assert "dead\n" not in re.sub(r"classDef.*", "", model().draw(Stage.TRAIN))


def test_unwanted_bricks_are_dimmed() -> None:
    text = model().draw(outputs=["v/code"])
    assert "class data_t,brick_loss,brick_t_encode,brick_v_again,brick_v_shrink" in text


def test_given_inputs_are_data() -> None:
    bricks = {"sum": BrickNotTrainable(torch.sum, ["x", "mask?"], ["y"])}
    assert "data_mask" not in BrickCollection(bricks).draw()
    assert "data_mask" in BrickCollection(bricks).draw(inputs=["x", "mask"])
    assert "data_mask" in BrickCollection(bricks, inputs=["x", "mask"]).draw()


def test_overview_leaves_out_what_hands_values_on() -> None:
    text = model().draw(detail="overview")
    assert "brick_v_shrink" not in text
    assert 'brick_v_encode -->|"v/shrunk"| brick_v_again' in text


def test_legend_explains_what_there_is() -> None:
    text = model().draw()
    assert 'subgraph legend ["stage train"]' in text
    kinds = ["data", "trained", "frozen", "brick", "loss", "shared"]
    assert re.findall(r"legend_(\w+)@", text) == kinds
    assert "legend_" not in model().draw(legend=False)


def test_unknown_detail_is_named() -> None:
    with pytest.raises(UnknownNameError, match="detail: unknown name 'less'"):
        model().draw(detail="less")


def test_names_that_look_alike_stay_apart() -> None:
    bricks = {
        name: BrickNotTrainable(torch.tanh, [name], [f"{name}/y"])
        for name in ("a_b", "a-b", "a/b")
    }
    ids = re.findall(r"^  (\S+)@", BrickCollection(bricks).draw(legend=False), re.M)
    assert len(set(ids)) == len(ids) == 6


def test_empty_graph_is_drawn() -> None:
    assert "flowchart LR" in BrickCollection({}).draw(legend=False)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_inside_their_quotes(name: str) -> None:
    bricks = {name: BrickNotTrainable(torch.tanh, [name], [f"{name}/y"])}
    text = BrickCollection(bricks).draw(legend=False, shapes={name: name})
    for label in re.findall(r'"(.*)"', text.partition("flowchart LR")[2]):
        plain = re.sub(r"</?[bi]>|<br/>|#(?:amp|lt|gt|quot|96|35);", "", label)
        assert not set('<>"`&\n') & set(plain)
        assert "#" not in plain


def test_order_of_the_dictionary_does_not_matter() -> None:
    bricks = model().to_dict()
    turned = {name: bricks[name] for name in reversed(bricks)}
    turned["v"] = {name: bricks["v"][name] for name in reversed(bricks["v"])}
    assert BrickCollection(turned).draw() == model().draw()
