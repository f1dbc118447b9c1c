"""The parts of a Global Workspace: coders, selections, fusion, contrast, metrics."""

import gwbricks.torchvision_import  # noqa: F401 - before torchmetrics

from gwbricks.workspace.attention import (
    AttentionSelection as AttentionSelection,
    TopKSelection as TopKSelection,
)
from gwbricks.workspace.coders import (
    GWDecoder as GWDecoder,
    GWEncoder as GWEncoder,
    LinearCoder as LinearCoder,
    ResidualCoder as ResidualCoder,
)
from gwbricks.workspace.corrupted_accuracy import (
    CorruptedAccuracy as CorruptedAccuracy,
)
from gwbricks.workspace.corruption import (
    AdditiveNoise as AdditiveNoise,
    Corruption as Corruption,
    Masking as Masking,
)
from gwbricks.workspace.fusion import Fuse as Fuse, WeightedSum as WeightedSum
from gwbricks.workspace.graph.gw_bricks import gw_bricks as gw_bricks
from gwbricks.workspace.graph.translation import (
    broadcast as broadcast,
    cycle as cycle,
    translation as translation,
)
from gwbricks.workspace.graph.view import WorkspaceView as WorkspaceView
from gwbricks.workspace.metrics import (
    DomainAccuracy as DomainAccuracy,
    RetrievalRecall as RetrievalRecall,
    RouteReconstruction as RouteReconstruction,
)
from gwbricks.workspace.parts import (
    Workspace as Workspace,
    WorkspaceDomain as WorkspaceDomain,
)
from gwbricks.workspace.planning.plan import Plan as Plan
from gwbricks.workspace.planning.planner import Planner as Planner
from gwbricks.workspace.planning.requirements import missing_kinds as missing_kinds
from gwbricks.workspace.planning.routes import (
    FusionRoutes as FusionRoutes,
    Routes as Routes,
    SimpleRoutes as SimpleRoutes,
)
from gwbricks.workspace.selection import (
    RandomSelection as RandomSelection,
    Selection as Selection,
    SharedSelection as SharedSelection,
    SingleDomainSelection as SingleDomainSelection,
)
from gwbricks.workspace.variational import VariationalEncoder as VariationalEncoder
