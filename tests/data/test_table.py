from copy import deepcopy
from types import MappingProxyType

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor

from gwbricks.data import as_named_inputs, Group, Layout, Table
from gwbricks.errors import ConfigError


def rows(*values: float) -> Tensor:
    return torch.tensor(values)[:, None]


def test_groups_become_blocks_of_compact_columns() -> None:
    table = Table.from_groups(
        {
            frozenset("v"): {"v": rows(1, 2)},
            frozenset("vt"): {"v": rows(3), "t": rows(4)},
            frozenset("t"): {"t": rows(5, 6, 7)},
        }
    )
    assert table.layout.groups == (
        Group(("t",), 3),
        Group(("t", "v"), 1),
        Group(("v",), 2),
    )
    assert table.columns["t"].flatten().tolist() == [5, 6, 7, 4]
    assert table.columns["v"].flatten().tolist() == [3, 1, 2]
    assert table.layout.rows == 6
    assert table.layout.columns == ("t", "v")


@given(
    groups=st.dictionaries(
        st.sampled_from(["a", "b", "ab", "bc", "abc"]), st.integers(0, 3), min_size=1
    ),
    data=st.data(),
)
@settings(max_examples=25, deadline=None)
def test_offsets_find_the_rows_of_every_group_in_any_order(
    groups: dict[str, int], data: st.DataObject
) -> None:
    blocks = {
        group: {d: torch.full((count, 1), float(len(group))) for d in group}
        for group, count in groups.items()
    }
    table = Table.from_groups(blocks)
    order = data.draw(st.permutations(list(blocks)))
    other = Table.from_groups({group: blocks[group] for group in order})
    assert table.layout == other.layout
    assert hash(table.layout) == hash(other.layout)
    assert {g.columns for g in table.layout.groups} == {
        tuple(group) for group, count in groups.items() if count
    }
    for name in table.layout.columns:
        assert torch.equal(table.columns[name], other.columns[name])
        for group, start in table.layout.offsets(name).items():
            found = table.columns[name][start : start + group.rows]
            assert found.flatten().tolist() == [len(group.columns)] * group.rows


def test_groups_with_the_same_columns_are_joined() -> None:
    table = Table.from_groups({0: {"v": rows(1)}, 1: {"v": rows(2, 3)}})
    assert table.layout.groups == (Group(("v",), 3),)
    assert table.columns["v"].flatten().tolist() == [1, 2, 3]


def test_groups_without_rows_are_dropped() -> None:
    table = Table.from_groups({0: {"v": rows()}, 1: {}, 2: {"t": rows(1)}})
    assert table.layout.groups == (Group(("t",), 1),)
    assert set(table.columns) == {"t"}


def test_group_whose_columns_differ_in_rows_is_an_error() -> None:
    message = r"columns of one group differ in their rows \(t: 1, v: 2\)\. Fix: give"
    with pytest.raises(ConfigError, match=message):
        Table.from_groups({0: {"v": rows(1, 2), "t": rows(1)}})


def test_column_with_other_rows_than_the_layout_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"column 'v' has 1 rows\. Expected 3"):
        Table({"v": rows(1)}, Layout((Group(("v",), 3),)))


def test_table_moves_to_another_device_with_its_layout() -> None:
    table = Table.from_groups({0: {"v": rows(1, 2)}})
    moved = table.to("meta")
    assert moved.columns["v"].device.type == "meta"
    assert moved.layout is table.layout
    assert table.columns["v"].device.type == "cpu"


def test_copy_of_a_layout_is_the_layout() -> None:
    layout = Layout((Group(("v",), 3),))
    assert deepcopy({"layout": layout})["layout"] is layout


def test_table_gives_its_columns_and_its_layout() -> None:
    table = Table.from_groups({0: {"v": rows(1, 2)}})
    inputs = as_named_inputs(table)
    assert inputs.keys() == {"v", "layout"}
    assert inputs["v"] is table.columns["v"]
    assert inputs["layout"] is table.layout


def test_sets_of_domains_become_a_table() -> None:
    batch = {
        frozenset("v"): {"v": rows(1)},
        frozenset("vt"): {"v": rows(2), "t": rows(3)},
    }
    inputs = as_named_inputs(batch)
    assert inputs["layout"].groups == (Group(("t", "v"), 1), Group(("v",), 1))
    assert inputs["v"].flatten().tolist() == [2, 1]
    assert inputs["t"].flatten().tolist() == [3]


@pytest.mark.parametrize("kind", [dict, MappingProxyType], ids=["dict", "mapping"])
def test_flat_mapping_is_copied_as_it_is(kind: type) -> None:
    batch = {"v": rows(1), "name": "any value"}
    inputs = as_named_inputs(kind(batch))
    assert inputs == batch
    assert inputs is not batch


@pytest.mark.parametrize(
    "batch",
    [
        pytest.param([rows(1)], id="list"),
        pytest.param(rows(1), id="tensor"),
        pytest.param({0: rows(1)}, id="numbered"),
        pytest.param({frozenset("v"): {"v": rows(1)}, "t": rows(1)}, id="mixed"),
        pytest.param(None, id="none"),
    ],
)
def test_batch_without_names_is_an_error(batch: object) -> None:
    message = rf"batch: a {type(batch).__name__} has no names\. Expected.*Fix: let the"
    with pytest.raises(ConfigError, match=message):
        as_named_inputs(batch)
