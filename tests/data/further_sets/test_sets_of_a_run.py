"""Further sets, from the config to every place that holds numbers."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from omegaconf import DictConfig

from gwbricks.errors import ConfigErrors
from gwbricks.inference.evaluate import evaluate
from gwbricks.runs.check import check

Run = Callable[..., Any]
Config = Callable[..., DictConfig]

NOISY = ("+set@data.sets.noisy=corrupted", "data.sets.noisy.noise=3")


@pytest.mark.slow
def test_sets_are_in_every_place_that_holds_numbers(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting = (
        "sweep.metric=val_noisy/loss",
        "callbacks.checkpoint.monitor=val_noisy/loss",
    )
    folder, results, output = run(*NOISY, *waiting)
    numbers = json.loads((folder / "metrics.json").read_text())
    assert set(numbers) == {"train", "val", "val_noisy", "test", "test_noisy"}
    assert set(numbers["test"]) == set(numbers["test_noisy"])
    assert numbers["val_noisy"]["loss"] == results["val_noisy/loss"]
    assert results["val_noisy/loss"] > 2 * results["val/loss"]
    columns = (folder / "metrics.csv").read_text().splitlines()[0].split(",")
    assert {"val_noisy/loss", "test_noisy/r2/domain1-to-domain2"} < set(columns)
    tested = {n: v for n, v in results.items() if n.startswith("test")}
    assert evaluate(folder) == pytest.approx(tested, rel=1e-6)
    again = capsys.readouterr().out
    for text in (output, again):
        assert "test_noisy, by route" in text
        values = [f"{results[f'{name}/loss']:.4g}" for name in ("test", "test_noisy")]
        (line,) = (line for line in text.splitlines() if line.startswith("  loss "))
        assert line.split() == ["loss", *values]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        pytest.param(
            [*NOISY, "sweep.metric=val_noisi/loss"],
            "no 'val_noisi/loss'. Did you mean 'val_noisy/loss'",
            id="metric",
        ),
        pytest.param(
            ["+data.sets.noisy._target_=gwbricks.data.VectorsData"],
            "data.sets.noisy._target_: .* is no FurtherSet",
            id="kind",
        ),
        pytest.param(
            [*NOISY, "+data.sets.noisy.nois=1"],
            "data.sets.noisy.nois: CorruptedSet takes no such .* mean 'noise'",
            id="argument",
        ),
        pytest.param(
            ["+data.sets.ood=3"], "data.sets: .* Expected a value", id="value"
        ),
    ],
)
def test_mistake_in_a_set_is_found(
    config: Config, overrides: list[str], message: str
) -> None:
    with pytest.raises(ConfigErrors, match=message):
        check(config(*overrides))


@pytest.mark.slow
def test_set_without_labels_needs_bricks_that_can_do_without(config: Config) -> None:
    generator = np.random.default_rng(0)
    np.savez("far.npz", pix=generator.normal(size=(30, 240)))
    loss, metrics = (
        "+bricks.loss.skip_missing=true",
        "+bricks.metrics.skip_missing=true",
    )
    far = ("+set@data.sets.far=files", "data.sets.far.test=far.npz")
    with pytest.raises(
        ConfigErrors,
        match=r"unknown name 'label'.* In the set test_far\. Fix: its data, or skip",
    ):
        check(config("experiment=digits_classifier", *far))
    check(config("experiment=digits_classifier", *far, loss, metrics))
