"""What a comparison shows: runs, keys, metrics and rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gwbricks.compare.compared_metrics import (
    all_metrics,
    chosen_metrics,
    default_metrics,
    Metric,
)
from gwbricks.compare.keys import ComparedKey, Configs, RUN, SEED
from gwbricks.compare.rows import group, ranked, Row
from gwbricks.compare.run import ComparedRun


@dataclass(frozen=True)
class Comparison:
    """Runs, and how they are set side by side.

    Args:
        title: What is compared.
        runs: The runs.
        configs: Their configs.
        keys: What tells rows apart.
        metrics: The metrics that are shown, the first of which orders the rows.
        asked: Whether the user asked for these metrics.
        known: All metrics.
        rows: The rows, best first.
        problems: One line for each folder that could not be read.
    """

    title: str
    runs: Sequence[ComparedRun]
    configs: Configs
    keys: Sequence[ComparedKey]
    metrics: Sequence[Metric]
    asked: bool
    known: Sequence[Metric]
    rows: Sequence[Row]
    problems: Sequence[str] = field(default=())

    @property
    def notes(self) -> list[str]:
        """In what the runs of a row may differ besides their seed."""
        shown = {key.name for key in self.keys}
        found = self.configs.distinguishing()
        hidden = [key.name for key in found if key.name not in shown]
        notes = [f"averaged over {', '.join(hidden)} too"] if hidden else []
        commits = sorted({run.commit[:7] for run in self.runs if run.commit})
        if len(commits) > 1:
            notes.append(f"runs of {len(commits)} commits: {', '.join(commits)}")
        return notes


def compare(
    title: str,
    runs: Sequence[ComparedRun],
    problems: Sequence[str] = (),
    by: Sequence[str] = (),
    metrics: Sequence[str] = (),
    each: bool = False,
) -> Comparison:
    """Sets runs side by side.

    Args:
        title: What is compared.
        runs: The runs.
        problems: One line for each folder that could not be read.
        by: Keys that tell rows apart; without any, all that differ, seeds aside.
        metrics: Names or patterns of metrics; without any, those that matter most.
        each: Whether every run is a row of its own.

    Raises:
        UnknownNameError: If there is no such key or metric.
    """
    configs = Configs(runs)
    known = all_metrics(runs)
    keys = configs.chosen(by) if by else configs.distinguishing()
    if each:
        seeds = [ComparedKey(SEED, tuple(configs.seeds[1:]))] if configs.seeds else []
        keys = [
            *keys,
            *(k for k in seeds if k.name in configs.differing),
            ComparedKey(RUN),
        ]
    chosen = chosen_metrics(metrics, known) if metrics else default_metrics(runs, known)
    goals = {metric.name: metric for metric in chosen}
    rows = ranked(group(runs, configs, keys), next(iter(chosen), None))
    return Comparison(
        title=title,
        runs=runs,
        configs=configs,
        keys=keys,
        metrics=chosen,
        asked=bool(metrics),
        known=[goals.get(metric.name, metric) for metric in known],
        rows=rows,
        problems=problems,
    )
