"""Table and figure of accuracy against corruption, over runs that differ in the seed.

python summarise.py RUN [RUN …] accuracy.png    (needs pip install matplotlib)
"""

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

Accuracies = dict[str, dict[float, list[float]]]
"""Those of all runs, by selection and scale."""


def read(runs: Sequence[Path]) -> Accuracies:
    """Reads the accuracies of runs from their metrics."""
    found: Accuracies = {}
    for run in runs:
        metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
        for name, value in metrics["test"].items():
            if match := re.fullmatch(r"accuracy/(\w+)/scale_([\d.]+)", name):
                scales = found.setdefault(match[1], {})
                scales.setdefault(float(match[2]), []).append(value)
    return found


def table(found: Accuracies) -> str:
    """Returns means and standard deviations over runs, as Markdown."""
    scales = sorted(next(iter(found.values())))
    rows = [["selection", *(f"{scale:g}" for scale in scales)], ["---"] * len(scales)]
    rows[1].append("---")
    for name, values in found.items():
        cells = [
            f"{np.mean(values[s]):.3f} ± {np.std(values[s], ddof=1):.3f}"
            for s in scales
        ]
        rows.append([name, *cells])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def draw(found: Accuracies, path: Path) -> None:
    """Draws means and standard deviations over runs."""
    figure, axes = plt.subplots(figsize=(5, 3.2), layout="constrained")
    for name, values in found.items():
        scales = sorted(values)
        means, deviations = (
            [f(values[scale]) for scale in scales]
            for f in (np.mean, lambda v: np.std(v, ddof=1))
        )
        axes.errorbar(scales, means, deviations, marker="o", capsize=3, label=name)
    axes.set(xlabel="noise, relative to the latent", ylabel="accuracy", ylim=(0.5, 1))
    axes.legend()
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    *folders, picture = map(Path, sys.argv[1:])
    accuracies = read(folders)
    draw(accuracies, picture)
    sys.stdout.write(f"{table(accuracies)}\n")
