"""`gwbricks import-shimmer`: a run folder of a checkpoint of Shimmer."""

from pathlib import Path

from gwbricks.cli.command import Argument, Command, Given
from gwbricks.cli.shared_arguments import split_overrides
from gwbricks.errors import ConfigError
from gwbricks.quick_imports import quick_imports

COMMAND = Command(
    "import-shimmer",
    summary="make a run of a checkpoint of Shimmer: import-shimmer CKPT",
    usage="CKPT [key=value …]",
    arguments=(
        Argument(
            "CKPT",
            "a Lightning checkpoint of a Global Workspace of Shimmer, or its state"
            " dict",
        ),
        Argument(
            "key=value",
            "changes of the config that is found in it, as in data=tensors"
            " data.files=latents.npz, or domain@domains.v=mine with --trust PACKAGE",
        ),
    ),
    notes="""\
Nothing that the file has pickled is run. The modules of domains are code of yours, so a
domain's data are the latents that its module made, unless you choose a domain, which
then takes the module's weights.""",
    takes_words=True,
)


def run(given: Given) -> None:
    """Imports, and prints what was taken over, what was not, and why."""
    paths, overrides = split_overrides(given.words)
    if len(paths) != 1:
        raise ConfigError(
            f"import-shimmer: {len(paths)} checkpoints given. Expected one. Fix:"
            f" gwbricks import-shimmer {COMMAND.usage}."
        )
    with quick_imports():
        from gwbricks.import_shimmer import import_shimmer

    import_shimmer(Path(paths[0]), overrides, given.trusted)
