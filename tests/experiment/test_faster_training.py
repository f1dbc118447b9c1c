"""What makes training faster leaves the results as they are."""

from pathlib import Path

import pytest

from gwbricks.config.compose import compose
from gwbricks.errors import ConfigError
from gwbricks.runs.check import check
from gwbricks.runs.folder.place import Place
from gwbricks.runs.train import train


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`torch.jit.script_method`:DeprecationWarning")
@pytest.mark.parametrize(
    ("override", "tolerance"),
    [("compile=true", 1e-5), ("trainer.precision=bf16-mixed", 2e-2)],
)
def test_results_are_those_of_usual_training(
    override: str, tolerance: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    short = ["logger=csv", "trainer.max_epochs=2", "routes@workspace.routes=fusion"]
    usual, faster = (
        train(compose([*short, *more]), Place("main_example", name))
        for name, more in {"usual": [], "faster": [override]}.items()
    )
    assert faster == pytest.approx(usual, rel=tolerance, abs=tolerance)


def test_routes_that_are_drawn_are_not_compiled() -> None:
    with pytest.raises(ConfigError, match=r"compile: true.*Fix: compile=false"):
        check(compose(["compile=true", "workspace.routes.sample=3"]))
