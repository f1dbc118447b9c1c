"""`gwbricks import-shimmer`: a run folder of a checkpoint of Shimmer."""

import sys
from collections.abc import Sequence
from pathlib import Path

from gwbricks.errors import ConfigError
from gwbricks.quick_imports import quick_imports

USAGE = """\
usage: gwbricks import-shimmer CKPT [key=value …]

  CKPT        a Lightning checkpoint of a Global Workspace of Shimmer, or its state dict
  key=value   changes of the config that is found in it, as in data=tensors
              data.files=latents.npz, or domain@domains.v=mine with --trust PACKAGE

Nothing that the file has pickled is run. The modules of domains are code of yours, so a
domain's data are the latents that its module made, unless you choose a domain, which
then takes the module's weights.
"""


def run(args: Sequence[str], trusted: Sequence[str]) -> int:
    """Imports, and prints what was taken over, what was not, and why."""
    if "--help" in args or "-h" in args:
        sys.stdout.write(USAGE)
        return 0
    paths = [arg for arg in args if "=" not in arg or Path(arg).exists()]
    if len(paths) != 1:
        raise ConfigError(
            f"import-shimmer: {len(paths)} checkpoints given. Expected one. Fix:"
            " gwbricks import-shimmer CKPT [key=value …]."
        )
    with quick_imports():
        from gwbricks.import_shimmer import import_shimmer

    import_shimmer(Path(paths[0]), [a for a in args if a not in paths], trusted)
    return 0
