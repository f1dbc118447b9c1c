"""The one LightningModule: objective, schedule, parameter groups, logs."""

import gwbricks.torchvision_import  # noqa: F401 - before torchmetrics

from gwbricks.training.callbacks.best_checkpoint import BestCheckpoint as BestCheckpoint
from gwbricks.training.callbacks.metrics_file import MetricsFile as MetricsFile
from gwbricks.training.global_workspace import (
    BroadcastLossCoefs as BroadcastLossCoefs,
    GlobalWorkspace as GlobalWorkspace,
    GlobalWorkspace2Domains as GlobalWorkspace2Domains,
    GlobalWorkspaceFusion as GlobalWorkspaceFusion,
    LossCoefs as LossCoefs,
    SchedulerArgs as SchedulerArgs,
)
from gwbricks.training.latents import CachedLatents as CachedLatents
from gwbricks.training.module import (
    LightningBrickCollection as LightningBrickCollection,
)
from gwbricks.training.running_means import RunningMeans as RunningMeans
from gwbricks.training.strategies import (
    DataParallel as DataParallel,
    ShardedParallel as ShardedParallel,
)
