"""The same mathematics in plain PyTorch: what one would write by hand for this work.

As in gwbricks, all routes are stacked, so that each module is called once a pass. All
groups have the same number of rows, so the mean over routes is one over rows.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

import torch
from torch import nn, Tensor
from torch.nn import functional as F
from work import DIM, HIDDEN_DIM, LATENT_DIM, Work

Block = tuple[tuple[str, ...], tuple[str, ...]]
"""Rows of one group, and the domains that are fused."""


class PlainWorkspace(nn.Module):
    """A Global Workspace for one layout of batches.

    Args:
        work: The work.
        temperature: That of the random weights of fusion; infinity makes them equal.
    """

    def __init__(self, work: Work, temperature: float = 0.2) -> None:
        super().__init__()
        self.temperature = temperature
        self.latents = nn.ModuleDict(
            {n: nn.Linear(size, LATENT_DIM) for n, size in work.sizes.items()}
        )
        self.latents.requires_grad_(False)
        self.encoders = nn.ModuleDict({n: _mlp(LATENT_DIM, DIM) for n in work.sizes})
        self.decoders = nn.ModuleDict({n: _mlp(DIM, LATENT_DIM) for n in work.sizes})
        self.rows = Rows(work)

    def forward(self, columns: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Returns the loss of each kind.

        Args:
            columns: Raw data of each domain, group after group.
        """
        rows = self.rows
        latents = {n: latent(columns[n]) for n, latent in self.latents.items()}
        encodings = {n: encode(latents[n]) for n, encode in self.encoders.items()}
        states = self._fuse(encodings, rows.encoded, rows.present)
        errors, cycle_errors, reencodings = [], [], {}
        for n, decode in self.decoders.items():
            decoded = decode(states.index_select(0, rows.decoded[n]))
            target = latents[n].index_select(0, rows.targets[n])
            error = (decoded[: len(target)] - target).square().mean(dim=1)
            errors.append(error.split(rows.counts[n]))
            first = sum(rows.counts[n][:2])
            reencodings[n] = self.encoders[n](decoded[first:])
        restates = self._fuse(reencodings, rows.reencoded, rows.represent)
        for n, decode in self.decoders.items():
            decoded = decode(restates.index_select(0, rows.redecoded[n]))
            target = latents[n].index_select(0, rows.retargets[n])
            cycle_errors.append((decoded - target).square().mean(dim=1))
        one_pass = [torch.cat(kind).mean() for kind in zip(*errors, strict=True)]
        kinds = ("demi_cycles", "fused", "translations")
        return {
            **dict(zip(kinds, one_pass, strict=True)),
            "cycles": torch.cat(cycle_errors).mean(),
            "contrastives": self._contrast(encodings),
        }

    def _fuse(
        self, encodings: Mapping[str, Tensor], index: Sequence[Tensor], present: Tensor
    ) -> Tensor:
        parts = zip(encodings.values(), index, strict=True)
        stacked = torch.stack([rows.index_select(0, i) for rows, i in parts])
        scores = torch.rand_like(present) / self.temperature + present
        return (scores.softmax(dim=0).unsqueeze(2) * stacked).sum(dim=0).tanh()

    def _contrast(self, encodings: Mapping[str, Tensor]) -> Tensor:
        pairs = [
            (encodings[a][i : i + self.rows.size], encodings[b][j : j + self.rows.size])
            for a, i, b, j in self.rows.pairs
        ]
        x, y = (
            F.normalize(torch.stack(side), dim=-1) for side in zip(*pairs, strict=True)
        )
        logits = x @ y.mT / 0.07
        there = logits.log_softmax(dim=-1).diagonal(dim1=-2, dim2=-1)
        back = logits.log_softmax(dim=-2).diagonal(dim1=-2, dim2=-1)
        return -(there + back).mean() / 2


class Rows:
    """Which rows every module is given; all groups have the same number.

    Args:
        work: The work.
    """

    def __init__(self, work: Work) -> None:
        names, self.size = list(work.sizes), work.batch_size
        starts = {
            n: {
                g: i * self.size for i, g in enumerate(g for g in work.groups if n in g)
            }
            for n in names
        }
        blocks = [
            (group, sources)
            for group in work.groups
            for size in range(1, len(group) + 1)
            for sources in combinations(group, size)
        ]
        cycled = [block for block in blocks if len(block[1]) < len(names)]
        self.present = _mask(names, blocks, self.size, is_source=True)
        self.represent = _mask(names, cycled, self.size, is_source=False)
        self.encoded, self.reencoded = [], []
        self.decoded, self.targets, self.counts = {}, {}, {}
        self.redecoded, self.retargets = {}, {}
        for n in names:
            own = [b for b in blocks if b[1] == (n,)]
            fused = [b for b in blocks if n in b[1] and len(b[1]) > 1]
            translated = [b for b in blocks if n in b[0] and n not in b[1]]
            others = [b for b in blocks if n not in b[0]]
            again = {b: i * self.size for i, b in enumerate(translated + others)}
            self.encoded.append(
                self._index([starts[n][g] if n in s else 0 for g, s in blocks])
            )
            self.reencoded.append(self._index([again.get(b, 0) for b in cycled]))
            self.decoded[n] = self._find(own + fused + translated + others, blocks)
            compared = own + fused + translated
            self.targets[n] = self._index([starts[n][g] for g, _ in compared])
            self.counts[n] = [len(k) * self.size for k in (own, fused, translated)]
            ended = [b for b in cycled if n in b[1]]
            self.redecoded[n] = self._find(ended, cycled)
            self.retargets[n] = self._index([starts[n][g] for g, _ in ended])
        self.pairs = [
            (a, starts[a][g], b, starts[b][g])
            for g in work.groups
            for a, b in combinations(g, 2)
        ]

    def _index(self, starts: Sequence[int]) -> Tensor:
        return torch.cat([torch.arange(s, s + self.size) for s in starts])

    def _find(self, wanted: Sequence[Block], blocks: Sequence[Block]) -> Tensor:
        return self._index([blocks.index(block) * self.size for block in wanted])


def _mask(
    names: Sequence[str], blocks: Sequence[Block], size: int, is_source: bool
) -> Tensor:
    """Returns zero where a block's rows have a domain, minus infinity elsewhere."""
    has = [[(n in sources) == is_source for _, sources in blocks] for n in names]
    return torch.where(torch.tensor(has), 0.0, -torch.inf).repeat_interleave(size, 1)


def _mlp(in_dim: int, out_dim: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(in_dim, HIDDEN_DIM),
        nn.ReLU(inplace=True),
        nn.Linear(HIDDEN_DIM, HIDDEN_DIM),
        nn.ReLU(inplace=True),
        nn.Linear(HIDDEN_DIM, out_dim),
    )
