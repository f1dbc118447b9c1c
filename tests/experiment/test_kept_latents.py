from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import DictConfig
from safetensors.torch import load_file, save_file
from torch import Tensor

from gwbricks.domains import LinearDomain
from gwbricks.errors import ConfigError
from gwbricks.experiment import kept_latents
from gwbricks.experiment.kept_latents import LatentFiles
from gwbricks.inference.evaluate import evaluate
from gwbricks.runs.check import check

Run = Callable[..., Any]
OFF = ("domains.domain1.cache=false", "domains.domain2.cache=false")


def numbers(results: dict[str, Any], stage: str) -> dict[str, Any]:
    return {name: value for name, value in results.items() if name.startswith(stage)}


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of rows that linear domains encode, call by call."""
    rows: list[int] = []
    encode = LinearDomain.encode

    def counted(self: LinearDomain, x: Tensor) -> Tensor:
        rows.append(len(x))
        return encode(self, x)

    monkeypatch.setattr(LinearDomain, "encode", counted)
    return rows


def test_a_run_whose_latents_are_cached_is_that_of_before(
    run: Run, encoded: list[int]
) -> None:
    plain = run(*OFF)
    before = len(encoded)
    cached = run()
    assert len(encoded) - before < before
    weights = [
        torch.load(r.folder / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
        for r in (plain, cached)
    ]
    for name, value in weights[0].items():
        torch.testing.assert_close(value, weights[1][name], rtol=1e-5, atol=1e-6)
    assert plain.results.keys() == cached.results.keys()
    tested = numbers(cached.results, "test/")
    assert tested == pytest.approx(numbers(plain.results, "test/"), rel=1e-4, abs=1e-5)
    again = numbers(evaluate(cached.folder), "test/")
    assert again == pytest.approx(tested, rel=1e-4, abs=1e-5)
    assert not Path("outputs/latents").exists()


@pytest.mark.slow
def test_latents_that_took_long_are_kept_for_other_runs(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_latents, "LONG", 0.0)
    first = run()
    files = {p: p.stat().st_mtime_ns for p in Path("outputs/latents").iterdir()}
    assert len(files) == 2 * 3  # domains, and the splits train, val and test
    again = run("workspace.dim=8", "data.matched=64")
    assert files == {p: p.stat().st_mtime_ns for p in Path("outputs/latents").iterdir()}
    assert first.results.keys() == again.results.keys()


@pytest.fixture
def files(config: Callable[..., DictConfig], monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 - a factory
    """Makes the keeper of a config's latents, which keeps whatever it makes."""
    monkeypatch.setattr(kept_latents, "LONG", -1.0)

    def make(size: int = 8, precision: str | None = None) -> LatentFiles:
        module = {"_target_": "gwbricks.domains.LinearDomain", "data_dim": size}
        paths = {"outputs": "outputs"}
        trainer = {"precision": precision}
        domains = {"v": {"module": module}}
        return LatentFiles({"domains": domains, "paths": paths, "trainer": trainer})

    config()  # changes to a folder of the test's own
    return make


SOURCES = (torch.ones(2, 2), torch.zeros(3, 2))


def kept(keeper: LatentFiles, value: float, sources: Any = SOURCES) -> float:  # noqa: ANN401 - tensors
    found = keeper(
        "v", sources, lambda: torch.full((3,), value), lambda x: x.shape == (3,)
    )
    return found[0].item()


def test_latents_depend_on_all_that_made_them(files: Any) -> None:  # noqa: ANN401 - a factory
    weights, rows = SOURCES
    assert kept(files(), 1.0) == 1.0
    assert kept(files(), 2.0) == 1.0
    assert kept(files(), 3.0, (weights + 1, rows)) == 3.0
    assert kept(files(), 4.0, (weights, rows + 1)) == 4.0
    assert kept(files(size=9), 5.0) == 5.0
    assert kept(files(precision="16-mixed"), 6.0) == 6.0
    assert len(list(Path("outputs/latents").iterdir())) == 5


def test_files_that_are_damaged_or_do_not_fit_are_replaced(files: Any) -> None:  # noqa: ANN401 - a factory
    kept(files(), 1.0)
    (path,) = Path("outputs/latents").iterdir()
    path.write_bytes(path.read_bytes()[:20])
    assert kept(files(), 2.0) == 2.0
    save_file({"latents": torch.zeros(5)}, path)
    assert kept(files(), 3.0) == 3.0
    assert load_file(path)["latents"].tolist() == [3.0] * 3


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        pytest.param(
            ["domains.domain1.trainable=true", "domains.domain1.cache=true"],
            "the domain is trained",
            id="trained",
        ),
        pytest.param(
            [
                "domain@domains.domain2=identity",
                "domains.domain2.latent_dim=16",
                "domains.domain2.pretrain=null",
                "domains.domain2.cache=true",
            ],
            "IdentityDomain does not say",
            id="nothing-to-cache",
        ),
    ],
)
def test_what_cannot_be_cached_is_an_error_before_anything_runs(
    config: Callable[..., DictConfig], overrides: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=rf"domains\.domain.\.cache: true.*{message}"):
        check(config(*overrides))


def test_cache_is_true_false_or_auto(config: Callable[..., DictConfig]) -> None:
    message = r"domains\.domain1\.cache: 'yes'\. Expected true, false or auto"
    with pytest.raises(ConfigError, match=message):
        check(config("domains.domain1.cache='yes'"))
