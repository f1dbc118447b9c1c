from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path

import pytest
import torch

from gwbricks.config.compose import compose
from gwbricks.experiment import threads
from gwbricks.experiment.build import Experiment
from gwbricks.runs.check import check
from gwbricks.runs.folder.place import Place
from gwbricks.runs.train import train
from gwbricks.sweeps import job_spec
from gwbricks.sweeps.job_spec import JobSpec

SMALL = [
    "data.num_train=16",
    "data.matched=8",
    "data.batch_size=8",
    "threads=auto",
    "logger=csv",
]


@pytest.fixture(autouse=True)
def _threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return check(compose(SMALL))


@pytest.mark.parametrize(
    ("durations", "chosen"),
    [
        ({1: 4.0, 2: 2.0, 4: 1.0, 6: 3.0}, 4),
        ({1: 4.0, 2: 3.9, 4: 3.8, 6: 3.7}, 1),  # hardly worth it
        ({1: 1.0, 2: 20.0, 4: 20.0, 6: 20.0}, 1),
        ({1: 9.0, 2: 8.5, 4: 8.0, 6: 1.0}, 6),
    ],
)
def test_fastest_number_is_chosen(
    durations: dict[int, float],
    chosen: int,
    experiment: Experiment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def duration(_: Callable[[], None]) -> float:
        return durations[torch.get_num_threads()]

    monkeypatch.setattr(threads, "_time", duration)
    torch.set_num_threads(6)
    found = threads.choose_threads(experiment.module, experiment.data)
    assert found == torch.get_num_threads() == chosen


def test_choosing_changes_nothing_else(experiment: Experiment) -> None:
    before = deepcopy(experiment.module.state_dict())
    state = torch.get_rng_state()
    threads.choose_threads(experiment.module, experiment.data)
    assert torch.equal(torch.get_rng_state(), state)
    after = experiment.module.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert all(p.grad is None for p in experiment.module.parameters())


@pytest.mark.slow
def test_number_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    train(compose([*SMALL, "trainer.max_epochs=1"]), Place("main_example", "run"))
    assert f"threads: {torch.get_num_threads()}\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("jobs", "given", "expected", "share"),
    [(2, 8, 4, 4), (2, None, 4, 4), (4, 1, 1, 2), (3, "auto", "auto", 2), (1, 8, 8, 8)],
)
def test_jobs_side_by_side_share_the_cores(
    jobs: int,
    given: int | str | None,
    expected: int | str,
    share: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(job_spec, "cores", lambda: 8)
    config = {"sweep": {"jobs": jobs}, "threads": given}
    spec = JobSpec(config).with_shared_cores()
    assert (spec.config["threads"], spec.own_cores) == (expected, share)
