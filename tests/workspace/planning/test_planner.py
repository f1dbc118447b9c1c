from collections.abc import Callable, Mapping

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor

from gwbricks.bricks import BrickCollection, Stage
from gwbricks.data import as_named_inputs, Group, Layout
from gwbricks.errors import ConfigError
from gwbricks.workspace import FusionRoutes, Plan, Planner
from gwbricks.workspace.planning.planner import CACHED
from gwbricks.workspace.planning.routes import KINDS

V, T, BOTH = ("v",), ("t",), ("t", "v")


def plan_of(
    groups: Mapping[tuple[str, ...], int],
    stage: Stage = Stage.TRAIN,
    kinds: tuple[str, ...] = KINDS,
) -> Plan:
    layout = Layout(tuple(Group(group, rows) for group, rows in groups.items()))
    return Planner("tv", FusionRoutes(), kinds)(stage, layout, None, None)


def test_plan_of_a_layout_is_built_once_for_each_stage() -> None:
    planner, layout = Planner("tv", FusionRoutes(), KINDS), Layout((Group(V, 2),))
    rows = torch.zeros(2, 3)
    plan = planner(Stage.TRAIN, layout, None, rows)
    assert planner(Stage.TRAIN, Layout((Group(V, 2),)), None, rows + 1) is plan
    assert planner(Stage.VALIDATION, layout, None, rows) is not plan
    assert planner(Stage.TRAIN, Layout((Group(V, 3),)), None, rows) is not plan


def test_only_the_last_plans_are_kept() -> None:
    planner = Planner("v", FusionRoutes(), KINDS)
    layouts = [Layout((Group(V, rows + 1),)) for rows in range(CACHED + 1)]
    plans = [planner(Stage.TRAIN, layout, None) for layout in layouts]
    assert planner(Stage.TRAIN, layouts[-1], None) is plans[-1]
    assert planner(Stage.TRAIN, layouts[0], None) is not plans[0]


def test_domains_without_a_layout_are_matched() -> None:
    planner = Planner("tv", FusionRoutes(), KINDS)
    plan = planner(Stage.TRAIN, None, torch.zeros(3, 1), torch.zeros(3, 2))
    assert plan.groups == (BOTH,)
    assert plan.items.present.tolist() == [[True, True]] * 3


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        pytest.param(
            (torch.zeros(3, 1), torch.zeros(2, 1)),
            r"batch: its domains differ in their rows \(t: 3, v: 2\).*Fix: give",
            id="rows-differ",
        ),
        pytest.param(
            (None, None),
            r"no row has a domain of the workspace \(t, v\)",
            id="no-domain",
        ),
        pytest.param(
            (torch.zeros(0, 1), None), "no row has a domain of the", id="no-rows"
        ),
    ],
)
def test_batch_that_cannot_be_planned_says_why(
    columns: tuple[Tensor | None, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        Planner("tv", FusionRoutes(), KINDS)(Stage.TRAIN, None, *columns)


def test_layout_without_any_domain_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"no row has a domain .*Fix: give data"):
        plan_of({("label",): 3})


def test_labels_do_not_split_the_terms_of_a_group() -> None:
    plan = plan_of({("label", "v"): 2, V: 3})
    assert plan.groups == (V, V)
    assert [term.route for term in plan.terms.terms] == ["v-to-v"]
    assert plan.terms.row_terms["v"].tolist() == [0] * 5


def test_kinds_without_a_coefficient_are_left_out_of_training_only() -> None:
    groups, kinds = {V: 2, BOTH: 2}, ("translations",)
    assert {t.kind for t in plan_of(groups, Stage.TRAIN, kinds).terms.terms} == set(
        kinds
    )
    evaluated = plan_of(groups, Stage.VALIDATION, kinds)
    found = {term.kind for term in evaluated.terms.terms}
    assert found == {"demi_cycles", "translations", "fused"}
    assert not evaluated.cycle_terms.terms


@given(
    groups=st.dictionaries(st.sampled_from([V, T, BOTH]), st.integers(1, 3), min_size=1)
)
@settings(max_examples=20, deadline=None)
def test_every_column_decodes_rows_with_a_target_first_and_by_kind(
    groups: dict[tuple[str, ...], int],
) -> None:
    plan = plan_of(groups)
    for name, column in plan.columns.items():
        stops = [0, *(run.stop for run in column.runs)]
        assert [run.start for run in column.runs] == stops[:-1]
        assert stops[-1] == len(column.targets) <= len(column.rows)
        kinds = [run.kind for run in column.runs]
        assert sorted(set(kinds), key=kinds.index) == list(column.kinds)
        assert all(
            kinds[i] == kinds[i - 1] or kinds[i] not in kinds[:i]
            for i in range(1, len(kinds))
        )
        start, stop = column.reencoded
        cycled = plan.restates.present[:, plan.domains.index(name)]
        assert sorted(plan.restates.index[name][cycled].unique().tolist()) == list(
            range(stop - start)
        )


@given(
    groups=st.dictionaries(
        st.sampled_from([V, T, BOTH, ("a", "t", "v")]), st.integers(1, 3), min_size=1
    )
)
@settings(max_examples=20, deadline=None)
def test_rows_are_those_of_the_index_copied_or_not(
    groups: dict[tuple[str, ...], int],
) -> None:
    plan = plan_of(groups)
    for columns, rows in (
        (plan.columns, plan.states.count),
        (plan.recolumns, plan.restates.count),
    ):
        states = torch.arange(rows)
        for name, column in columns.items():
            latents = torch.arange(
                sum(n for group, n in groups.items() if name in group)
            )
            assert torch.equal(column.take(states), column.rows)
            for start in range(len(column.targets)):
                for stop in range(start, len(column.targets) + 1):
                    true = column.true(latents, start, stop)
                    assert torch.equal(true, column.targets[start:stop])


def test_rows_that_follow_each_other_are_not_copied() -> None:
    plan = plan_of({T: 3, BOTH: 4, V: 2})
    states, restates = (
        torch.arange(plan.states.count),
        torch.arange(plan.restates.count),
    )
    assert plan.columns["t"].take(states) is states
    where = restates.untyped_storage().data_ptr()
    for column in plan.recolumns.values():
        assert column.take(restates).untyped_storage().data_ptr() == where


def test_no_row_is_decoded_that_nobody_needs() -> None:
    # Two rows go from t to v and two from v to t.
    plan = plan_of({BOTH: 2}, kinds=("translations",))
    assert {name: len(column.rows) for name, column in plan.columns.items()} == {
        "t": 2,
        "v": 2,
    }
    assert plan.states.count == 4
    assert plan.restates.count == 0


def test_has_domain_says_which_items_have_it() -> None:
    plan = plan_of({T: 1, BOTH: 2, V: 1})
    assert plan.has_domain("t").tolist() == [True, True, True, False]
    assert plan.has_domain("v").tolist() == [False, True, True, True]


def test_inference_decodes_every_domain_from_all_that_a_row_has() -> None:
    plan = plan_of({V: 2, BOTH: 1}, Stage.INFERENCE)
    assert not plan.terms.terms
    for column in plan.columns.values():
        assert sorted(column.rows.tolist()) == [0, 1, 2]
        assert not len(column.targets)


@pytest.mark.parametrize("stage", list(Stage), ids=lambda stage: stage.name)
def test_all_of_a_plan_is_where_the_data_is(stage: Stage) -> None:
    layout = Layout((Group(V, 2), Group(BOTH, 2)))
    rows = torch.zeros(4, 3, device="meta")
    plan = Planner("tv", FusionRoutes(), KINDS)(stage, layout, None, rows)
    tensors = [plan.terms.index if plan.terms.row_terms else plan.states.present]
    for row_set in (plan.states, plan.items, plan.restates):
        tensors += [row_set.present, *row_set.index.values()]
        tensors += [part.rows for part in row_set.parts]
    for column in (*plan.columns.values(), *plan.recolumns.values()):
        tensors += [column.rows, column.targets]
    assert {tensor.device.type for tensor in tensors} == {"meta"}


def test_plan_for_export_of_one_group_does_not_depend_on_its_rows() -> None:
    planner = Planner("tv", FusionRoutes(), KINDS)
    plan = planner(Stage.EXPORT, None, None, torch.zeros(3, 1))
    assert planner(Stage.EXPORT, None, None, torch.zeros(5, 1)) is plan
    assert (
        planner(Stage.EXPORT, Layout((Group(V, 7),)), None, torch.zeros(7, 1)) is plan
    )
    rows = torch.arange(6)
    assert plan.states.take_alone({"v": rows}) is rows
    assert plan.restates.take_alone({"t": rows}) is rows
    assert plan.columns["t"].take(rows) is rows
    assert plan.columns["t"].retake(rows) is rows
    assert not len(plan.columns["v"].retake(rows))


@pytest.mark.parametrize(
    "groups",
    [
        pytest.param({V: 3}, id="one-domain"),
        pytest.param({BOTH: 4}, id="all-domains"),
        pytest.param({("a", "t"): 2}, id="two-of-three"),
        pytest.param({V: 2, BOTH: 3}, id="two-groups"),
    ],
)
def test_export_computes_what_inference_computes(
    build: Callable[..., BrickCollection],
    draw: Callable[..., object],
    groups: dict[tuple[str, ...], int],
) -> None:
    collection, inputs = build("atv"), as_named_inputs(draw(groups))
    expected = collection.run(inputs, Stage.INFERENCE)
    found = collection.run(inputs, Stage.EXPORT)
    assert found.keys() == expected.keys()
    for name in found.keys() - {"plan"}:
        torch.testing.assert_close(found[name], expected[name])
