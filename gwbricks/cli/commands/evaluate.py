"""`gwbricks evaluate`: test a run again."""

import sys
from collections.abc import Sequence
from pathlib import Path

from gwbricks.errors import ConfigError
from gwbricks.quick_imports import quick_imports

USAGE = """\
usage: gwbricks evaluate RUN_OR_CKPT [key=value …]

  RUN_OR_CKPT   a run folder, or a lone .ckpt file, which holds its config
  key=value     changes of the run's config, as in data.batch_size=64
"""


def run(args: Sequence[str], trusted: Sequence[str]) -> int:
    """Tests and prints the numbers."""
    if "--help" in args or "-h" in args:
        sys.stdout.write(USAGE)
        return 0
    targets = [arg for arg in args if "=" not in arg or Path(arg).exists()]
    if len(targets) != 1:
        raise ConfigError(
            f"evaluate: {len(targets)} runs given. Expected one run folder or"
            " checkpoint. Fix: gwbricks evaluate RUN_OR_CKPT [key=value …]."
        )
    with quick_imports():
        from gwbricks.inference.evaluate import evaluate

    evaluate(Path(targets[0]), [arg for arg in args if arg not in targets], trusted)
    return 0
