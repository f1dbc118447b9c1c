import pytest

from gwbricks.config.compose import compose
from gwbricks.sweeps.identity import job_identity

BASE = "optimizer.lr=0.001"


def identity(*overrides: str) -> str:
    return job_identity(compose(overrides))


@pytest.mark.parametrize(
    "overrides",
    [
        pytest.param(["optimizer.lr=1e-3"], id="same-number"),
        pytest.param(["paths.outputs=elsewhere"], id="outputs"),
        pytest.param(["paths.pretrained=elsewhere"], id="pretrained"),
        pytest.param(["logger=csv"], id="logger"),
        pytest.param(["threads=4"], id="threads"),
        pytest.param(["sweep.name=other", "sweep.jobs=2"], id="sweep"),
    ],
)
def test_what_changes_no_result_is_the_same_job(overrides: list[str]) -> None:
    assert identity(*overrides) == identity(BASE)


@pytest.mark.parametrize(
    "override",
    [
        pytest.param("seed=1", id="seed"),
        pytest.param("data.matched=16", id="data"),
        pytest.param("callbacks=early_stopping", id="callbacks"),
        pytest.param("trainer.max_epochs=5", id="trainer"),
    ],
)
def test_anything_else_is_another_job(override: str) -> None:
    assert identity(override) != identity()


def test_resolved_values_count_and_not_how_they_were_written() -> None:
    written = identity("scheduler.max_lr=0.002", "optimizer.lr=0.002")
    assert written == identity("optimizer.lr=0.002")


def test_checkpoint_to_go_on_from_is_a_part_of_the_job() -> None:
    assert job_identity(compose(), "a.ckpt") != job_identity(compose())


def test_config_that_cannot_be_resolved_has_an_identity_too() -> None:
    broken = identity("seed=${nothing}")
    assert broken == identity("seed=${nothing}") != identity()
