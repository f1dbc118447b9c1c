"""Mean weight that the learned selection gives the corrupted view, by scale.

python weights.py RUN [RUN …]
"""

import sys
from pathlib import Path

import torch

from gwbricks.bricks import Stage
from gwbricks.data import as_named_inputs
from gwbricks.inference.evaluate import rebuild


def weights(run: Path) -> dict[float, float]:
    """Returns the mean weight of corrupted views of the test rows, by scale."""
    experiment = rebuild(run)
    graph = experiment.module.brick_collection.eval()
    fuse = graph.flat()["learned.fuse"].model
    wanted = ["corruption", *(f"{name}/encoding" for name in fuse.domains)]
    torch.manual_seed(0)
    scales, given = [], []
    for table in experiment.data.test_dataloader():
        values = graph.run(as_named_inputs(table), Stage.TEST, wanted)
        encodings = torch.stack([values[name] for name in wanted[1:]], dim=1)
        present = torch.ones_like(values["corruption"], dtype=torch.bool)
        with torch.no_grad():
            given.append(fuse.selection({}, encodings, present))
        scales.append(values["corruption"])
    scale, weight = torch.cat(scales), torch.cat(given)
    found = scale.unique()[1:].tolist()
    return {value: weight[scale == value].mean().item() for value in found}


if __name__ == "__main__":
    for folder in sys.argv[1:]:
        cells = [f"{s:g}: {w:.3f}" for s, w in weights(Path(folder)).items()]
        sys.stdout.write(f"{folder}  {'  '.join(cells)}\n")
