"""`gwbricks train`: compose, check, build, fit and test; `-m` sweeps."""

import sys
from collections.abc import Sequence

from omegaconf import DictConfig

from gwbricks.cli.hydra_app import is_sweep, run_hydra
from gwbricks.quick_imports import quick_imports

USAGE = """\
usage: gwbricks train [experiment=NAME] [key=value …] [ckpt_path=FILE] [-m]

  experiment=NAME   what to train (gwbricks list experiment); main_example by default
  key=value         any key of the config, as in data.matched=64 optimizer.lr=0.003
  group=option      any option (gwbricks list), as in logger=csv scheduler=cosine
  ckpt_path=FILE    go on from a checkpoint, such as RUN/checkpoints/last.ckpt
  -m key=a,b,c      one run for each value
  --cfg job         show the composed config (--resolve fills in its references)
  --hydra-help      what else Hydra can do
"""


def run(args: Sequence[str], trusted: Sequence[str]) -> int:
    """Trains; in a sweep, once a job."""
    if "--help" in args or "-h" in args:
        sys.stdout.write(USAGE)
        return 0
    args, ckpt_path = _take_checkpoint(args)
    if is_sweep(args):
        from gwbricks.cli.commands.sweep import sweep

        return sweep(args, trusted, ckpt_path)

    def task(cfg: DictConfig) -> None:
        with quick_imports():
            from gwbricks.cli.place import place_of_run
            from gwbricks.runs.train import train

        train(cfg, place_of_run(), trusted, ckpt_path)

    run_hydra(task, args, "train")
    return 0


def _take_checkpoint(args: Sequence[str]) -> tuple[list[str], str | None]:
    paths = [arg.partition("=")[2] for arg in args if arg.startswith("ckpt_path=")]
    rest = [arg for arg in args if not arg.startswith("ckpt_path=")]
    return rest, paths[-1].strip("'\"") if paths and paths[-1] != "null" else None
