from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import DictConfig

from gwbricks.config.saved import plain_config
from gwbricks.errors import CheckpointError, ConfigError
from gwbricks.experiment.build import build_experiment, Experiment
from gwbricks.experiment.resumable import check_resumable
from gwbricks.training.module import CONFIG

PATH = "last.ckpt"
Build = Callable[..., Experiment]


@pytest.fixture
def build(config: Callable[..., DictConfig]) -> Build:
    return lambda *overrides: build_experiment(plain_config(config(*overrides)))


def save(experiment: Experiment, epochs: int = 1, without: str = "") -> None:
    """Saves what a training of some epochs would."""
    state: dict[str, Any] = {
        CONFIG: experiment.config,
        "state_dict": experiment.module.state_dict(),
        "optimizer_states": [experiment.module.make_optimizer().state_dict()],
        "loops": {"fit_loop": {"epoch_progress": {"current": {"processed": epochs}}}},
    }
    torch.save({key: value for key, value in state.items() if key != without}, PATH)


def test_training_goes_on_with_the_weights_of_the_checkpoint(build: Build) -> None:
    before, now = build("seed=1"), build("trainer.max_epochs=3", "optimizer.lr=0.1")
    save(before, epochs=2)
    assert check_resumable(now, PATH, again=False) == 2
    weights = now.module.state_dict()
    for name, value in before.module.state_dict().items():
        assert torch.equal(weights[name], value), name


def test_training_without_a_limit_always_goes_on(build: Build) -> None:
    save(build(), epochs=100)
    assert check_resumable(build("trainer.max_epochs=-1"), PATH, again=False) == 100


def test_no_epoch_left_is_an_error_but_for_a_run_that_only_lacks_its_end(
    build: Build,
) -> None:
    experiment = build("trainer.max_epochs=2")
    save(experiment, epochs=2)
    with pytest.raises(ConfigError, match=r"2, .* has 2 epochs behind.*max_epochs=4"):
        check_resumable(experiment, PATH, again=False)
    assert check_resumable(experiment, PATH, again=True) == 2


@pytest.mark.parametrize("without", ["loops", "state_dict"])
def test_what_is_no_state_of_a_training_is_an_error(build: Build, without: str) -> None:
    experiment = build()
    save(experiment, without=without)
    with pytest.raises(CheckpointError, match=r"no state of a training\. Fix: .*last"):
        check_resumable(experiment, PATH, again=False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param("optimizer=sgd", r"optimizer .*AdamW, .*\.SGD\.", id="kind"),
        pytest.param("scheduler=cosine", "with scheduler .*OneCycle", id="schedule"),
        pytest.param(
            "domains.domain1.trainable=true", "with other parameters", id="parameters"
        ),
    ],
)
def test_state_of_another_optimizer_is_an_error(
    build: Build, change: str, message: str
) -> None:
    save(build())
    with pytest.raises(CheckpointError, match=rf"{message}.*Fix: "):
        check_resumable(build(change), PATH, again=False)


def test_weights_of_other_sizes_are_an_error(build: Build) -> None:
    save(build())
    with pytest.raises(CheckpointError, match="ckpt_path"):
        check_resumable(build("workspace.dim=8"), PATH, again=False)


def test_checkpoint_that_is_not_there_is_an_error(build: Build) -> None:
    assert not Path(PATH).exists()
    with pytest.raises(CheckpointError, match=PATH):
        check_resumable(build(), PATH, again=False)
