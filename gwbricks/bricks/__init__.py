"""What one brick is: the module, the names it reads and writes, when it is alive."""

import gwbricks.torchvision_import  # noqa: F401 - before torchmetrics

from gwbricks.bricks.brick import Brick as Brick, BrickModule as BrickModule
from gwbricks.bricks.collection.collection import BrickCollection as BrickCollection
from gwbricks.bricks.collection.compiled import CompiledCollection as CompiledCollection
from gwbricks.bricks.files.export import (
    export_bricks_as_onnx as export_bricks_as_onnx,
    export_bricks_as_program as export_bricks_as_program,
)
from gwbricks.bricks.files.saving import (
    load_bricks as load_bricks,
    save_bricks as save_bricks,
)
from gwbricks.bricks.graph.wiring import Wiring as Wiring
from gwbricks.bricks.kinds import (
    BrickLoss as BrickLoss,
    BrickNotTrainable as BrickNotTrainable,
    BrickShared as BrickShared,
    BrickTrainable as BrickTrainable,
)
from gwbricks.bricks.loss_output import LossOutput as LossOutput
from gwbricks.bricks.metrics import (
    BrickMetrics as BrickMetrics,
    BrickMetricSingle as BrickMetricSingle,
)
from gwbricks.bricks.stage import Stage as Stage
