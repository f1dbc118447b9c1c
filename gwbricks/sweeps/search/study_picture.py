"""A study as a picture: what its trials found, and which keys mattered."""

import warnings
from collections.abc import Sequence
from io import BytesIO
from itertools import accumulate
from typing import TYPE_CHECKING

from optuna import Study
from optuna.importance import get_param_importances
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#8a949e"
WIDTH, HEIGHT = 4.6, 3.0
"""Of one plot, in inches."""

DPI = 200
"""Of a PNG, in dots an inch."""


def draw_study(study: Study, metrics: Sequence[str], kind: str) -> bytes:
    """Draws, of each metric, the value of every trial and how much each key matters.

    Args:
        study: The study.
        metrics: Names of what it optimises.
        kind: `svg` or `png`.
    """
    from matplotlib.figure import Figure

    size = (2 * WIDTH, HEIGHT * len(metrics))
    figure = Figure(size, layout="constrained")
    rows = figure.subplots(len(metrics), 2, squeeze=False)
    for index, (metric, (left, right)) in enumerate(zip(metrics, rows, strict=True)):
        _history(left, study, index)
        left.set(xlabel="trial", ylabel=metric)
        _importances(right, study, index)
    rows[0][0].legend(frameon=False, fontsize="small")
    picture = BytesIO()
    figure.savefig(picture, format=kind, dpi=DPI)
    return picture.getvalue()


def _history(axes: "Axes", study: Study, index: int) -> None:
    from matplotlib.ticker import MaxNLocator

    trials = study.get_trials(deepcopy=False)
    done = [t for t in trials if t.state == TrialState.COMPLETE]
    stopped = [t for t in trials if t.state == TrialState.PRUNED and t.values]
    for found, mark, colour, label in (
        (done, "o", BLUE, "finished"),
        (stopped, "x", GREY, "pruned"),
    ):
        numbers = [t.number for t in found]
        values = [t.values[index] for t in found]
        axes.plot(numbers, values, mark, color=colour, label=label, markersize=5)
    if done:
        is_least = study.directions[index] == StudyDirection.MINIMIZE
        values = [t.values[index] for t in done]
        best = [*accumulate(values, min if is_least else max)]
        numbers = [*(t.number for t in done), len(trials) - 1]
        axes.step(
            numbers, [*best, best[-1]], where="post", color=ORANGE, label="best so far"
        )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _importances(axes: "Axes", study: Study, index: int) -> None:
    sign = -1 if study.directions[index] == StudyDirection.MAXIMIZE else 1

    def loss(trial: FrozenTrial) -> float:
        return sign * trial.values[index]

    axes.set_xlabel("importance")
    done = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
    if len({*map(loss, done)}) < 2:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Optuna's, that low is taken for good
        found = get_param_importances(study, target=loss)
    keys = sorted(found, key=lambda key: found[key])
    axes.barh(keys, [found[key] for key in keys], color=BLUE)
