from collections.abc import Mapping
from copy import deepcopy
from dataclasses import fields
from functools import cache
from string import ascii_lowercase
from typing import Any

import pytest
from hypothesis import given, strategies as st

from gwbricks.config.compose import compose
from gwbricks.config.keys.checks import check_parts, parts_of, unknown_keys, wrong_types
from gwbricks.config.keys.key import STAR
from gwbricks.config.keys.tree import TREE
from gwbricks.config.saved import plain_config
from gwbricks.errors import ConfigError
from gwbricks.workspace import Workspace, WorkspaceDomain

PLACES = {
    "": "",
    "workspace": "workspace",
    "domains.*": "domains.domain1",
    "domains.*.pretrain": "domains.domain1.pretrain",
    "sweep": "sweep",
    "paths": "paths",
}
"""A place of the main example for each section that takes no names of one's own."""

NAMES = sorted({key.name for key in TREE} - {STAR})
OPEN = ("domains", "bricks", "loss_coefs", "callbacks", "logger", "data", "trainer")
MISSING = {"_target_": "torch.nn.Identity"}


@cache
def composed() -> dict[str, Any]:
    return plain_config(compose())


def place(config: dict[str, Any], key: str) -> dict[str, Any]:
    for name in key.split(".") if key else ():
        config = config[name]
    return config


@given(
    section=st.sampled_from(list(PLACES)),
    name=st.text(f"{ascii_lowercase}_", min_size=1) | st.sampled_from(NAMES),
)
def test_a_key_is_read_if_the_tree_has_it(section: str, name: str) -> None:
    config = deepcopy(composed())
    place(config, PLACES[section])[name] = 1
    known = {key.name for key in TREE if key.section == section}
    problems = unknown_keys(config, {"data_dim", "latent_dim"} - {name})
    where = f"{PLACES[section]}.{name}".lstrip(".")
    told = [line for line in problems if line.startswith(f"{where}: nothing reads")]
    assert bool(told) is (name not in known)


@pytest.mark.parametrize("section", OPEN)
def test_names_of_ones_own_are_no_mistake(section: str) -> None:
    config = deepcopy(composed())
    config[section]["mine"] = None
    assert unknown_keys(config, {"data_dim", "latent_dim"}) == []


def test_a_key_that_the_config_refers_to_is_read_but_not_at_the_top() -> None:
    config = {"workspace": {"width": 3}, "width": 3}
    (problem,) = unknown_keys(config, {"width"})
    assert problem.startswith("width: nothing reads this key. Known names: bricks, ")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        pytest.param("seed", None, "seed: None. Expected a whole number.", id="null"),
        pytest.param(
            "scheduler",
            3,
            "scheduler: 3. Expected a node with _target_, or null."
            " Fix: scheduler=onecycle.",
            id="fix",
        ),
        pytest.param(
            "domains.domain1.cache",
            "never",
            "domains.domain1.cache: 'never'. Expected true, false or auto.",
            id="star",
        ),
        pytest.param(
            "sweep.jobs",
            0,
            "sweep.jobs: 0. Expected a whole number above 0, or null.",
            id="range",
        ),
    ],
)
def test_wrong_type_is_told_with_its_key(key: str, value: object, message: str) -> None:
    config = deepcopy(composed())
    section, _, name = key.rpartition(".")
    place(config, section)[name] = value
    assert wrong_types(composed()) == []
    assert wrong_types(config) == [message]


@pytest.mark.parametrize(
    ("section", "where", "name", "message"),
    [
        pytest.param(
            "workspace",
            "workspace",
            "fusion",
            "workspace.fusion: missing. Fix: workspace=gw.",
            id="workspace",
        ),
        pytest.param(
            "domains.*",
            "domains.v",
            "encoder",
            "domains.v.encoder: missing. Fix: take a domain of the group, as in"
            " +domain@domains.v=mlp, or give domains.v.encoder._target_.",
            id="domain",
        ),
    ],
)
@pytest.mark.parametrize("value", [None, 3, {"a": MISSING}], ids=["no", "3", "inside"])
def test_part_that_is_missing_is_told_with_a_way_to_get_it(
    section: str, where: str, name: str, message: str, value: object
) -> None:
    node: Mapping[str, Any] = {part.name: MISSING for part in parts_of(section)}
    check_parts(node, section, where)
    with pytest.raises(ConfigError) as caught:
        check_parts({**node, name: value}, section, where)
    assert str(caught.value) == message


def test_part_that_may_be_null_may_be_missing() -> None:
    node = {p.name: MISSING for p in parts_of("workspace") if p.name != "corruption"}
    check_parts(node, "workspace", "workspace")
    assert len(node) == len(parts_of("workspace")) - 1


@pytest.mark.parametrize(
    ("section", "made", "flag"),
    [
        pytest.param("workspace", Workspace, "gather", id="workspace"),
        pytest.param("domains.*", WorkspaceDomain, "trainable", id="domain"),
    ],
)
def test_parts_are_the_arguments_of_what_is_built(
    section: str, made: type, flag: str
) -> None:
    names = {part.name for part in parts_of(section)}
    assert names | {flag} == {field.name for field in fields(made)}


def test_no_key_is_described_twice() -> None:
    paths = [key.path for key in TREE]
    assert sorted(set(paths)) == sorted(paths)
