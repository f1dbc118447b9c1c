"""gwbricks: a config-driven experiment framework for Global Workspace models.

Public names are imported when they are first used, so that `import gwbricks` is quick.
"""

from importlib import import_module
from typing import Any, TYPE_CHECKING

from gwbricks.version import __version__ as __version__

if TYPE_CHECKING:
    from gwbricks.bricks import (
        BrickCollection as BrickCollection,
        BrickLoss as BrickLoss,
        BrickMetrics as BrickMetrics,
        BrickMetricSingle as BrickMetricSingle,
        BrickModule as BrickModule,
        BrickNotTrainable as BrickNotTrainable,
        BrickShared as BrickShared,
        BrickTrainable as BrickTrainable,
        export_bricks_as_onnx as export_bricks_as_onnx,
        export_bricks_as_program as export_bricks_as_program,
        load_bricks as load_bricks,
        LossOutput as LossOutput,
        save_bricks as save_bricks,
        Stage as Stage,
    )
    from gwbricks.data import RepeatedDataset as RepeatedDataset, Table as Table
    from gwbricks.domains import DomainModule as DomainModule
    from gwbricks.inference.loaded import load as load, LoadedRun as LoadedRun
    from gwbricks.training import (
        BroadcastLossCoefs as BroadcastLossCoefs,
        GlobalWorkspace as GlobalWorkspace,
        GlobalWorkspace2Domains as GlobalWorkspace2Domains,
        GlobalWorkspaceFusion as GlobalWorkspaceFusion,
        LightningBrickCollection as LightningBrickCollection,
        LossCoefs as LossCoefs,
        SchedulerArgs as SchedulerArgs,
    )
    from gwbricks.workspace import (
        broadcast as broadcast,
        cycle as cycle,
        gw_bricks as gw_bricks,
        GWDecoder as GWDecoder,
        GWEncoder as GWEncoder,
        RandomSelection as RandomSelection,
        SharedSelection as SharedSelection,
        SingleDomainSelection as SingleDomainSelection,
        translation as translation,
    )

_NAMES = {
    "bricks": "BrickCollection BrickLoss BrickMetrics BrickMetricSingle BrickModule"
    " BrickNotTrainable BrickShared BrickTrainable LossOutput Stage"
    " export_bricks_as_onnx export_bricks_as_program load_bricks save_bricks",
    "data": "RepeatedDataset Table",
    "domains": "DomainModule",
    "training": "BroadcastLossCoefs GlobalWorkspace GlobalWorkspace2Domains"
    " GlobalWorkspaceFusion LightningBrickCollection LossCoefs SchedulerArgs",
    "inference.loaded": "load LoadedRun",
    "workspace": "broadcast cycle gw_bricks GWDecoder GWEncoder RandomSelection"
    " SharedSelection SingleDomainSelection translation",
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any public name
    if name not in _HOMES:
        raise AttributeError(f"module 'gwbricks' has no attribute {name!r}")
    return getattr(import_module(f"gwbricks.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
