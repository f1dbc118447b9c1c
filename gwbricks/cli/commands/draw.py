"""`gwbricks draw`: the graph of a config as mermaid text, SVG, PNG or characters."""

import sys
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig

from gwbricks.cli.hydra_app import run_hydra
from gwbricks.cli.parser import OptionParser
from gwbricks.quick_imports import quick_imports

USAGE = """\
usage: gwbricks draw [experiment=NAME] [key=value …] [-o FILE]

  -o FILE            FILE.svg, FILE.png, or FILE.mmd; without it, mermaid text
  --stage STAGE      train (the default), val, test, inference or export
  --detail overview  without what only hands values on, and without what does not run
  --terminal         print an overview drawn with characters, from top to bottom
  --outputs NAMES    only what these need, as in probe or kar/broadcast,state

Mermaid text can be pasted into Markdown. All else needs the extra `draw`.
"""


def run(args: Sequence[str], trusted: Sequence[str]) -> int:
    """Draws into a file, or prints mermaid text."""
    if "--help" in args or "-h" in args:
        sys.stdout.write(USAGE)
        return 0
    parser = OptionParser("draw")
    parser.add_argument("-o", dest="path", type=Path)
    parser.add_argument("--stage", default="train")
    parser.add_argument("--detail", default="full", choices=("full", "overview"))
    parser.add_argument("--outputs", type=_names)
    parser.add_argument("--terminal", action="store_true")
    given, rest = parser.parse_known_args(list(args))

    def task(cfg: DictConfig) -> None:
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

        stage = stage_of(given.stage)
        if given.path:
            check_path(given.path)
        with quiet_libraries():
            experiment = check(cfg, trusted)
        detail = "names" if given.terminal else given.detail
        text = draw_experiment(experiment, stage, detail, given.outputs)
        if given.path:
            save_drawing(text, given.path)
        else:
            sys.stdout.write(render_art(text) if given.terminal else text)

    run_hydra(task, rest, "draw")
    return 0


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
