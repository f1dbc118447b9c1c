from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
import torch

from gwbricks.config.compose import compose
from gwbricks.config.saved import plain_config
from gwbricks.errors import ConfigError
from gwbricks.experiment.build import build_experiment

BRICK = {
    "_target_": "gwbricks.BrickNotTrainable",
    "model": {"_target_": "torch.nn.Identity"},
    "input_names": ["label"],
    "output_names": ["copy"],
}


@pytest.mark.parametrize(
    ("overrides", "hint"),
    [
        pytest.param([], r"domain1, domain2\.$", id="vectors"),
        pytest.param(
            ["data=tensors", "data.files=rows.pt", "~data.sizes"],
            r"domain1, domain2\. Fix: name a column that is no domain in data\.labels",
            id="arrays",
        ),
    ],
)
def test_brick_that_reads_what_the_data_lacks_is_told_what_there_is(
    overrides: list[str], hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = {"domain1": torch.zeros(40, 8), "domain2": torch.zeros(40, 16)}
    torch.save(rows, "rows.pt")
    sizes = ["domains.domain1.data_dim=8", "domains.domain2.data_dim=16"]
    config = plain_config(compose([*sizes, *overrides] if overrides else []))
    config["bricks"]["copy"] = BRICK
    message = rf"copy\.input_names: unknown name 'label'.* The data has {hint}"
    with pytest.raises(ConfigError, match=message):
        build_experiment(config)


def test_an_experiment_is_made_whole_and_not_changed_after() -> None:
    experiment = build_experiment(plain_config(compose()))
    before = dict(vars(experiment.module))
    own, saved = {**experiment.config, "seed": 7}, {"seed": 7, "token": "***"}
    run = experiment.in_folder(Path("run"), own, saved)
    assert run.config == own
    assert (run.module.config, run.module.folder) == (saved, Path("run"))
    assert run.module.brick_collection is experiment.module.brick_collection
    assert vars(experiment.module) == before
    with pytest.raises(FrozenInstanceError):
        experiment.config = own  # pyright: ignore[reportAttributeAccessIssue] - it is frozen
