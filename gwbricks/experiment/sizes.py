"""Whether sizes that a config gives fit each other and the data."""

from collections.abc import Mapping
from typing import Any

from lightning.pytorch import LightningDataModule

from gwbricks.data import TableDataModule
from gwbricks.errors import ConfigErrors
from gwbricks.workspace import WorkspaceDomain


def check_sizes(
    config: Mapping[str, Any], domains: Mapping[str, WorkspaceDomain]
) -> None:
    """Checks that coders take and give the sizes of the latents and of the workspace.

    Raises:
        ConfigErrors: With one line for each size that differs.
    """
    dim = (config.get("workspace") or {}).get("dim")
    problems = []
    for name, domain in domains.items():
        latent = domain.module.latent_dim
        for part, side, size, source in (
            ("encoder", "in_dim", latent, "the module's latent_dim"),
            ("encoder", "out_dim", dim, "workspace.dim"),
            ("decoder", "in_dim", dim, "workspace.dim"),
            ("decoder", "out_dim", latent, "the module's latent_dim"),
        ):
            found = getattr(getattr(domain, part), side, size)
            if size is not None and found != size:
                problems.append(
                    f"domains.{name}.{part}.{side}: {found}."
                    f" Expected {source}, which is {size}."
                )
    if problems:
        raise ConfigErrors(problems)


def check_data_sizes(
    config: Mapping[str, Any],
    domains: Mapping[str, WorkspaceDomain],
    data: LightningDataModule | None,
) -> None:
    """Checks `data_dim` of each domain against the rows of the data.

    Raises:
        ConfigErrors: With one line for each domain whose rows have another size.
    """
    if not isinstance(data, TableDataModule):
        return
    columns = data.splits["train"].columns
    problems = []
    for name in domains.keys() & columns.keys():
        size, shape = config["domains"][name].get("data_dim"), columns[name].shape
        if not isinstance(size, int) or len(shape) > 2 or shape[1:] == (size,):
            continue
        if len(shape) == 1:
            expected = "Expected rows of features, but the data has one number a row"
        else:
            expected = f"Expected {shape[1]}, the features of a row of the data"
        problems.append(f"domains.{name}.data_dim: {size}. {expected}.")
    if problems:
        raise ConfigErrors(sorted(problems))
