"""Which numbers are compared, and which way they are better."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gwbricks.compare.run import ComparedRun
from gwbricks.errors import ConfigError, UnknownNameError
from gwbricks.runs.folder.results import ROUTE_WORDS

GOALS = ("min", "max")

LOWER = (
    "loss|err(or)?|r?mse|mae|nll|entropy|perplexity|kl|divergence|distance|fid|regret"
)
HIGHER = (
    "acc(uracy)?|r2|recall|precision|f1|auc|auroc|ap|map|iou|dice|psnr|ssim|bleu|ndcg"
    "|mrr|correlation|similarity|specificity|sensitivity|score|reward"
)
NEITHER = "scale|temperature|epoch|lr|step"
"""Words of a name that say which way it is better."""

COEFS = "loss_coefs."

MOST_SHOWN = 6
"""Most metrics that are shown unasked."""


@dataclass(frozen=True)
class Metric:
    """A number that runs are compared by.

    Args:
        name: Its name, such as `test/loss`.
        goal: `min` if lower is better, `max` if higher is; None if that is unknown.
    """

    name: str
    goal: str | None


def goal_of(name: str, losses: Collection[str] = ()) -> str | None:
    """Returns which way a metric is better, judged by its name.

    Args:
        name: Its name; its stage says nothing.
        losses: Names that are known to be losses.

    Example:
        >>> [goal_of(n) for n in ("test/loss", "test/recall@1/v-to-t", "test/norm")]
        ['min', 'max', None]
        >>> goal_of("val/cycles/v-through-t", losses=["cycles"])
        'min'
    """
    parts = name.split("/")
    words = [re.split(r"[^A-Za-z0-9]+", part.lower()) for part in parts]
    if any(re.fullmatch(NEITHER, word) for word in words[-1]):
        return None
    for part, own in zip(parts[1:] or parts, words[1:] or words, strict=True):
        for word in reversed(own):  # the last word is the noun, as in `loss_accuracy`
            if re.fullmatch(LOWER, word) or part in losses:
                return "min"
            if re.fullmatch(HIGHER, word):
                return "max"
    return None


def all_metrics(runs: Sequence[ComparedRun]) -> list[Metric]:
    """Returns every number that some run has, by name."""
    losses = loss_names(runs)
    names = sorted({name for run in runs for name in run.numbers})
    return [Metric(name, goal_of(name, losses)) for name in names]


def loss_names(runs: Sequence[ComparedRun]) -> set[str]:
    """Returns the names of the losses that the configs weigh."""
    keys = {key for run in runs for key in run.config or {}}
    return {k.removeprefix(COEFS) for k in keys if k.startswith(COEFS)}


def default_metrics(
    runs: Sequence[ComparedRun], metrics: Sequence[Metric]
) -> list[Metric]:
    """Returns the metrics that are shown unasked.

    They are what the sweep optimises, the test loss, and what else was measured in the
    test: wholes before routes, and no parts of the loss.
    """
    losses = {"loss", *loss_names(runs)}
    measured = [
        metric
        for metric in metrics
        if metric.name.startswith("test/")
        and metric.name.split("/")[1] not in losses
        and metric.goal is not None
    ]
    measured.sort(key=lambda m: (_is_of_route(m.name), m.goal == "min", m.name))
    optimised = Counter((run.config or {}).get("sweep.metric") for run in runs)
    names = [name for name, _ in optimised.most_common()]
    names += ["test/loss", *(metric.name for metric in measured)]
    known = {metric.name: metric for metric in metrics}
    found = [known[name] for name in dict.fromkeys(names) if name in known]
    return (found or list(metrics))[:MOST_SHOWN]


def _is_of_route(name: str) -> bool:
    return any(word in name for word in ROUTE_WORDS)


def chosen_metrics(names: Sequence[str], metrics: Sequence[Metric]) -> list[Metric]:
    """Returns the metrics that were asked for.

    Args:
        names: Names or patterns, such as `test/r2/*`; `:min` or `:max` behind one says
            which way it is better.
        metrics: All metrics.

    Raises:
        UnknownNameError: If there is no such metric.
        ConfigError: If something else than a goal stands behind a name.
    """
    found: dict[str, Metric] = {}
    for asked in names:
        name, _, goal = asked.partition(":")
        if goal not in ("", *GOALS):
            raise ConfigError(
                f"--metric: {goal!r} behind {name!r}. Expected {name}:min if lower is"
                f" better, {name}:max if higher is."
            )
        matches = [metric for metric in metrics if fnmatchcase(metric.name, name)]
        if not matches:
            raise UnknownNameError("--metric", name, [m.name for m in metrics])
        found |= {m.name: Metric(m.name, goal or m.goal) for m in matches}
    return list(found.values())
