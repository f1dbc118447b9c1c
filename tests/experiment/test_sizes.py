from typing import Any

import pytest
from lightning.pytorch import LightningDataModule

from gwbricks.data import VectorsData
from gwbricks.domains import LinearDomain
from gwbricks.errors import ConfigErrors
from gwbricks.experiment.sizes import check_data_sizes, check_sizes
from gwbricks.workspace import GWDecoder, GWEncoder, WorkspaceDomain


def domain(*encoder: int, decoder: tuple[int, int] = (6, 3)) -> WorkspaceDomain:
    """A domain whose latents have three features."""
    first, last = encoder or (3, 6)
    coders = GWEncoder(first, 4, last, 0), GWDecoder(decoder[0], 4, decoder[1], 0)
    return WorkspaceDomain(LinearDomain(5, 3), *coders)


CONFIG: dict[str, Any] = {"workspace": {"dim": 6}, "domains": {"v": {"data_dim": 5}}}


def data(size: int, name: str = "v") -> VectorsData:
    return VectorsData({name: size}, num_train=4, num_val=4, num_test=4, batch_size=4)


def test_sizes_that_fit_are_no_error() -> None:
    check_sizes(CONFIG, {"v": domain(), "t": domain()})
    check_data_sizes(CONFIG, {"v": domain()}, data(5))


def test_without_a_workspace_only_latents_count() -> None:
    check_sizes({"workspace": None}, {"v": domain(3, 7, decoder=(8, 3))})


def test_every_size_that_differs_is_told() -> None:
    domains = {"v": domain(4, 6), "t": domain(3, 7, decoder=(8, 2))}
    with pytest.raises(ConfigErrors) as found:
        check_sizes(CONFIG, domains)
    for line in (
        "domains.v.encoder.in_dim: 4. Expected the module's latent_dim, which is 3.",
        "domains.t.encoder.out_dim: 7. Expected workspace.dim, which is 6.",
        "domains.t.decoder.in_dim: 8. Expected workspace.dim, which is 6.",
        "domains.t.decoder.out_dim: 2. Expected the module's latent_dim, which is 3.",
    ):
        assert line in str(found.value)
    assert "4 problem" in str(found.value)


def test_data_of_another_size_is_an_error() -> None:
    with pytest.raises(
        ConfigErrors, match=r"v\.data_dim: 5\. Expected 7, the features"
    ):
        check_data_sizes(CONFIG, {"v": domain()}, data(7))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(None, id="none"),
        pytest.param(LightningDataModule(), id="no-table"),
        pytest.param(data(7, "t"), id="other-domain"),
    ],
)
def test_data_that_say_nothing_of_a_domain_are_no_error(
    other: LightningDataModule | None,
) -> None:
    check_data_sizes(CONFIG, {"v": domain()}, other)
