from collections.abc import Callable

import pytest
from omegaconf import DictConfig

from gwbricks.experiment.untrained import untrained_notes
from gwbricks.runs.check import check

Config = Callable[..., DictConfig]


@pytest.mark.slow
@pytest.mark.parametrize(
    "overrides",
    [
        pytest.param([], id="all-losses"),
        pytest.param(["loss_coefs.cycles=null"], id="shared-bricks-left-out"),
        pytest.param(["experiment=digits"], id="probe"),
        pytest.param(["experiment=digits_classifier"], id="no-workspace"),
    ],
)
def test_nothing_is_told_where_all_is_trained(
    config: Config, overrides: list[str]
) -> None:
    assert untrained_notes(check(config(*overrides)).module) == []


@pytest.mark.slow
@pytest.mark.parametrize("coefficient", ["null", "0"])
def test_head_whose_loss_has_no_weight_is_told(
    config: Config, coefficient: str
) -> None:
    cfg = config("experiment=digits", f"loss_coefs.probe={coefficient}")
    assert untrained_notes(check(cfg).module) == [
        "note: no loss trains bricks.probe.classifier. Fix: +loss_coefs.probe=1."
    ]


def test_decoders_are_told_where_only_encoders_are_trained(config: Config) -> None:
    kinds = ("translations", "demi_cycles", "cycles")
    cfg = config(*(f"loss_coefs.{kind}=null" for kind in kinds))
    (note,) = untrained_notes(check(cfg).module)
    assert "no loss trains bricks.gw.domain1.decode, bricks.gw.domain2.decode." in note
    for kind in kinds:
        assert f"+loss_coefs.{kind}=1" in note
