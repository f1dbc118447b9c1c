"""Prints the gradients of a contrastive loss whose rows are on several processes.

Usage: python contrast_apart.py PROCESSES ROWS
"""

import json
import os
import sys
import tempfile

import torch
from torch import distributed, nn
from torch.multiprocessing.spawn import spawn
from torch.nn.parallel import DistributedDataParallel

from gwbricks.losses import ContrastiveLoss
from gwbricks.workspace.contrast import Contrast
from gwbricks.workspace.planning.plan import Pair, Plan

DIM = 4


class Model(nn.Module):
    """Two encoders, and a loss whose scale is learned."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.v, self.t = nn.Linear(DIM, DIM), nn.Linear(DIM, DIM)
        self.contrast = Contrast(ContrastiveLoss(learn_scale=True), gather=True)

    def forward(self, v: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """Returns the loss of matched rows."""
        plan = object.__new__(Plan)
        object.__setattr__(plan, "pairs", (Pair("t", "v", 0, 0, len(v)),))
        output = self.contrast({"v": self.v(v), "t": self.t(t)}, plan)
        assert output is not None
        return output.loss


def gradients(process: int, processes: int, rows: int) -> dict[str, list[float]]:
    """Returns the gradients that come of this process's share of the rows."""
    model = DistributedDataParallel(Model())
    v, t = torch.randn(2, rows, DIM, generator=torch.Generator().manual_seed(1))
    model(v[process::processes], t[process::processes]).backward()
    found = {name: p.grad for name, p in model.module.named_parameters()}
    return {name: grad.tolist() for name, grad in found.items() if grad is not None}


def main(process: int, processes: int, rows: int, folder: str) -> None:
    """Prints the gradients, once. The model is gone before its processes part."""
    file = f"file://{folder}/meet"
    distributed.init_process_group("gloo", file, rank=process, world_size=processes)
    found = gradients(process, processes, rows)
    if process == 0:
        sys.stdout.write(json.dumps(found) + "\n")
    distributed.barrier()
    distributed.destroy_process_group()


if __name__ == "__main__":
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    count, total = map(int, sys.argv[1:])
    with tempfile.TemporaryDirectory() as temp:
        spawn(main, (count, total, temp), nprocs=count)
