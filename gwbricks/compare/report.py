"""Reads runs, sets them side by side, and shows and writes the comparison."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from gwbricks.compare.comparison import compare, Comparison
from gwbricks.compare.folders import read_runs
from gwbricks.compare.page.write_page import write_page
from gwbricks.compare.run import ComparedRun
from gwbricks.compare.spreadsheet import write_csv
from gwbricks.compare.table import show_table
from gwbricks.errors import ConfigError
from gwbricks.print_line import print_line

WANDB = "wandb:"
PAGES, SHEETS, FIGURES = (".html",), (".csv",), (".png", ".svg", ".pdf")


def report(
    targets: Sequence[str],
    by: Sequence[str] = (),
    metrics: Sequence[str] = (),
    each: bool = False,
    paths: Sequence[Path] = (),
) -> Comparison:
    """Compares runs: prints a table and writes a page, or the files that are asked for.

    Args:
        targets: Folders, or groups of runs in W&B as `wandb:entity/project/group`.
        by: See `compare`.
        metrics: See `compare`.
        each: See `compare`.
        paths: Files that end in .html, .csv, .png, .svg or .pdf; without any,
            `compare.html` in the first folder.

    Raises:
        ConfigError: If there is no run, key or metric of a name, or a file cannot be
            written.
    """
    for path in paths:
        _check_path(path)
    runs, problems = _read(targets)
    title = ", ".join(_title(target) for target in targets)
    comparison = compare(title, runs, problems, by, metrics, each)
    console = Console()
    show_table(comparison, console)
    for path in paths or [_default_path(targets)]:
        _write(comparison, path, every_metric=not metrics)
        print_line(console, f"written: {path}")
    return comparison


def _read(targets: Sequence[str]) -> tuple[list[ComparedRun], list[str]]:
    runs: list[ComparedRun] = []
    problems: list[str] = []
    folders = [Path(target) for target in targets if not target.startswith(WANDB)]
    if folders:
        runs, problems = read_runs(folders)
    for target in targets:
        if target.startswith(WANDB):
            from gwbricks.compare.wandb_runs import read_wandb

            runs += read_wandb(target)
    if not runs:
        raise ConfigError("\n  ".join(["compare: no run can be read:", *problems]))
    return runs, problems


def _title(target: str) -> str:
    if target.startswith(WANDB):
        return target.removeprefix(WANDB)
    return Path(target).resolve().name


def _default_path(targets: Sequence[str]) -> Path:
    folders = [Path(target) for target in targets if not target.startswith(WANDB)]
    return (folders[0] if folders else Path()) / "compare.html"


def _check_path(path: Path) -> None:
    known = (*PAGES, *SHEETS, *FIGURES)
    if path.suffix not in known:
        raise ConfigError(
            f"-o: {str(path)!r}. Expected a file that ends in {', '.join(known)}."
        )
    if path.suffix in FIGURES:
        from gwbricks.compare.figure import check_matplotlib

        check_matplotlib(path)


def _write(comparison: Comparison, path: Path, every_metric: bool) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in SHEETS:
            write_csv(comparison, path, every_metric)
        elif path.suffix in FIGURES:
            from gwbricks.compare.figure import write_figure

            write_figure(comparison, path)
        else:
            write_page(comparison, path)
    except OSError as error:
        raise ConfigError(
            f"-o: cannot write {str(path)!r}: {error.strerror}."
            " Fix: -o FILE in a folder that you may write to."
        ) from error
