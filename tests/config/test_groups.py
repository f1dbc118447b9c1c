from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from gwbricks.config.groups import (
    config_folders,
    groups,
    options_of,
    without_null_groups,
)
from gwbricks.config.search_path import packaged_configs


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Configs of the user's: an option, and an own group inside a folder."""
    for name in ("encoder/mine.yaml", "head/deep/small.yaml", "notes.yaml"):
        path = tmp_path / "configs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a: 1\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "configs"


def test_own_configs_come_first_and_add_to_those_of_gwbricks(own: Path) -> None:
    assert config_folders() == [own, packaged_configs()]
    assert {"head/deep", "encoder", "optimizer"} <= {*groups()}
    assert groups() == sorted(set(groups()))
    assert {"mine", "mlp"} <= {*options_of("encoder")}
    assert options_of("head/deep") == ["small"]


def test_a_checkout_is_not_its_own_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(packaged_configs().parent)
    assert config_folders() == [packaged_configs()]


def test_there_are_no_options_of_a_group_that_is_not_there() -> None:
    assert options_of("no_such_group") == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param("scheduler=null", "~scheduler", id="group"),
        pytest.param(
            "encoder@domains.v.encoder=null", "~encoder@domains.v.encoder", id="place"
        ),
        pytest.param("sweep.jobs=null", "sweep.jobs=null", id="key"),
        pytest.param("scheduler=nullify", "scheduler=nullify", id="option"),
    ],
)
def test_only_a_group_is_taken_out(given: str, expected: str) -> None:
    assert without_null_groups([given]) == [expected]


@given(overrides=st.lists(st.text().filter(lambda text: not text.endswith("=null"))))
def test_other_overrides_stay_as_they_are(overrides: list[str]) -> None:
    assert without_null_groups(overrides) == overrides
