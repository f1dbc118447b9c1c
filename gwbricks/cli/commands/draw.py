"""`gwbricks draw`: the graph of a config as mermaid text, SVG, PNG or characters."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gwbricks.cli.command import Argument, Command, Given
from gwbricks.cli.shared_arguments import names
from gwbricks.quick_imports import quick_imports

if TYPE_CHECKING:
    from omegaconf import DictConfig

COMMAND = Command(
    "draw",
    summary="draw the graph: draw [experiment=NAME] [--stage train] [-o FILE.svg]",
    usage="[experiment=NAME] [key=value …] [-o FILE]",
    arguments=(
        Argument(
            "-o FILE",
            "FILE.svg, FILE.png, or FILE.mmd; without it, mermaid text",
            {"dest": "path", "type": Path},
        ),
        Argument(
            "--stage STAGE",
            "train (the default), val, test, inference or export",
            {"default": "train"},
        ),
        Argument(
            "--detail overview",
            "without what only hands values on, and without what does not run",
            {"default": "full", "choices": ("full", "overview")},
        ),
        Argument(
            "--terminal",
            "print an overview drawn with characters, from top to bottom",
            {"action": "store_true"},
        ),
        Argument(
            "--outputs NAMES",
            "only what these need, as in probe or kar/broadcast,state",
            {"type": names},
        ),
    ),
    notes="Mermaid text can be pasted into Markdown. All else needs the extra `draw`.",
    takes_words=True,
)


def run(given: Given) -> None:
    """Draws into a file, or prints mermaid text."""
    from gwbricks.cli.hydra_app import run_hydra

    options = given.options

    def task(cfg: "DictConfig") -> None:
        with quick_imports():
            from gwbricks.bricks.drawing.render import render_art
            from gwbricks.experiment.graph_picture import (
                check_path,
                draw_experiment,
                save_drawing,
                stage_of,
            )
            from gwbricks.quiet_libraries import quiet_libraries
            from gwbricks.runs.check import check

        stage = stage_of(options.stage)
        if options.path:
            check_path(options.path)
        with quiet_libraries():
            experiment = check(cfg, given.trusted)
        detail = "names" if options.terminal else options.detail
        text = draw_experiment(experiment, stage, detail, options.outputs)
        if options.path:
            save_drawing(text, options.path)
        else:
            sys.stdout.write(render_art(text) if options.terminal else text)

    run_hydra(task, given.words, COMMAND.name)
