"""`gwbricks train`: compose, check, build, fit and test; `-m` sweeps."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gwbricks.cli.command import Argument, Command, Given
from gwbricks.quick_imports import quick_imports

if TYPE_CHECKING:
    from omegaconf import DictConfig

COMMAND = Command(
    "train",
    summary="train what a config describes: experiment=NAME key=value …, -m sweeps",
    usage="[experiment=NAME] [key=value …] [ckpt_path=FILE] [-m]",
    arguments=(
        Argument(
            "experiment=NAME",
            "what to train (gwbricks list experiment); main_example by default",
        ),
        Argument(
            "key=value",
            "any key of the config, as in data.matched=64 optimizer.lr=0.003",
        ),
        Argument(
            "group=option",
            "any option (gwbricks list), as in logger=csv scheduler=cosine",
        ),
        Argument(
            "ckpt_path=FILE",
            "go on from a checkpoint, such as RUN/checkpoints/last.ckpt",
        ),
        Argument("-m key=a,b,c", "one run for each value"),
        Argument(
            "--cfg job",
            "show the composed config (--resolve fills in its references)",
        ),
        Argument("--hydra-help", "what else Hydra can do"),
    ),
    takes_words=True,
)


def run(given: Given) -> None:
    """Trains; in a sweep, once a job."""
    from gwbricks.cli.hydra_app import is_sweep, place_of_run, run_hydra

    words, ckpt_path = _take_checkpoint(given.words)
    if is_sweep(words):
        from gwbricks.cli.sweep import sweep

        sweep(words, given.trusted, ckpt_path)
        return

    def task(cfg: "DictConfig") -> None:
        with quick_imports():
            from gwbricks.runs.train import train

        train(cfg, place_of_run(), given.trusted, ckpt_path)

    run_hydra(task, words, COMMAND.name)


def _take_checkpoint(words: Sequence[str]) -> tuple[list[str], str | None]:
    paths = [word.partition("=")[2] for word in words if word.startswith("ckpt_path=")]
    rest = [word for word in words if not word.startswith("ckpt_path=")]
    return rest, paths[-1].strip("'\"") if paths and paths[-1] != "null" else None
