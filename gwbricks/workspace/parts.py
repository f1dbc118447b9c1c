"""What a Global Workspace is made of."""

from dataclasses import dataclass, field

from torch import nn

from gwbricks.domains import DomainModule
from gwbricks.losses import ContrastiveLoss
from gwbricks.workspace.corruption import Corruption
from gwbricks.workspace.fusion import WeightedSum
from gwbricks.workspace.planning.routes import FusionRoutes, Routes
from gwbricks.workspace.selection import RandomSelection, Selection


@dataclass
class WorkspaceDomain:
    """One domain of a workspace.

    Args:
        module: From raw data to a latent and back.
        encoder: GW encoder: from the latent to the workspace, before fusion.
        decoder: GW decoder: from workspace states to the latent.
        trainable: Whether the module is trained together with the workspace.
    """

    module: DomainModule
    encoder: nn.Module
    decoder: nn.Module
    trainable: bool = False


@dataclass
class Workspace:
    """What the domains share.

    Args:
        selection: How much each domain enters.
        fusion: From encodings and weights to a state.
        routes: Which routes are computed.
        contrastive: Compares the encodings of two domains.
        gather: See `Contrast`.
        corruption: What happens to latents before the workspace is given them; None for
            nothing.
    """

    selection: Selection = field(default_factory=RandomSelection)
    fusion: nn.Module = field(default_factory=WeightedSum)
    routes: Routes = field(default_factory=FusionRoutes)
    contrastive: nn.Module = field(default_factory=ContrastiveLoss)
    gather: bool = False
    corruption: Corruption | None = None
