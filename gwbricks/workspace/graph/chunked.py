"""Routes that are computed part by part, so that memory is bounded."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.utils.checkpoint import checkpoint

from gwbricks.bricks import Brick, BrickCollection, BrickTrainable, LossOutput, Stage
from gwbricks.workspace.fusion import Fuse
from gwbricks.workspace.graph.route_bricks import route_bricks, Weights
from gwbricks.workspace.graph.route_errors import takes_raw
from gwbricks.workspace.parts import WorkspaceDomain
from gwbricks.workspace.planning.plan import Plan


class ChunkedRoutes:
    """Computes the losses of routes, one chunk of the plan after the other.

    Activations of a chunk are not kept but computed again for its gradient, so memory
    does not grow with the number of chunks.

    Args:
        domains: The domains by the name of their data.
        fuse: Selection and fusion.
        kinds: Kinds of losses to return, in this order.
        weights: See `route_bricks`.
        target: See `route_bricks`.

    References:
        T. Chen et al., Training Deep Nets with Sublinear Memory Cost, 2016.
    """

    def __init__(
        self,
        domains: Mapping[str, WorkspaceDomain],
        fuse: Fuse,
        kinds: Sequence[str],
        weights: Weights = BrickTrainable,
        target: str = "latent",
    ) -> None:
        def reencode(name: str) -> Brick:
            reads, writes = [f"{name}/rebroadcast"], [f"{name}/reencoding"]
            return weights(domains[name].encoder, reads, writes)

        self.kinds = tuple(kinds)
        self.raw = [n for n in sorted(domains) if takes_raw(domains[n].module)]
        self._graph = BrickCollection(
            route_bricks(domains, fuse, [Stage.TRAIN], reencode, weights, target)
        )

    def __call__(
        self,
        latents: Mapping[str, Tensor],
        encodings: Mapping[str, Tensor],
        plan: Plan,
        clean: Mapping[str, Tensor],
        *raw: Any,
    ) -> tuple[LossOutput | None, ...] | LossOutput | None:
        """Returns the loss of each kind, with its routes; None if it has no route.

        Args:
            latents: Latents by domain.
            encodings: The same in the workspace.
            plan: The batch's plan.
            clean: Latents before their corruption, by domain; none without one.
            raw: Data of each domain in `self.raw`; None where there is none.
        """
        given = zip(self.raw, raw, strict=True)
        inputs = {name: column for name, column in given if column is not None}
        inputs |= {f"{name}/latent": latents[name] for name in latents}
        inputs |= {f"{name}/encoding": encodings[name] for name in encodings}
        inputs |= {f"{name}/clean": clean[name] for name in clean}
        found: dict[str, list[LossOutput]] = {kind: [] for kind in self.kinds}
        # Each chunk's loss is divided by what all chunks count, so that they add up.
        for chunk in plan.chunks:
            # Not reentrant: that form does not see the tensors in a dictionary, and
            # would give the weights no gradient.
            losses = checkpoint(
                self._graph.run,
                {**inputs, "plan": chunk},
                Stage.TRAIN,
                outputs=self.kinds,
                use_reentrant=False,
            )
            for kind in self.kinds:
                if losses[kind] is not None:
                    found[kind].append(losses[kind])
        sums = tuple(_sum(found[kind]) for kind in self.kinds)
        return sums[0] if len(sums) == 1 else sums


def _sum(parts: list[LossOutput]) -> LossOutput | None:
    """Adds losses; a route is in one chunk only, so its metrics are there."""
    if not parts:
        return None
    metrics: dict[str, Tensor] = {}
    for part in parts:
        metrics |= part.metrics
    return LossOutput(sum((p.loss for p in parts[1:]), parts[0].loss), metrics)
