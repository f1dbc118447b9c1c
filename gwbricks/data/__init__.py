"""Rows in memory: tables with missing cells, pairing, loaders, data sets."""

import gwbricks.torchvision_import  # noqa: F401 - before torchmetrics

from gwbricks.data.cifar10 import CIFAR10Data as CIFAR10Data
from gwbricks.data.digits import DigitsData as DigitsData
from gwbricks.data.further_sets.corrupted import CorruptedSet as CorruptedSet
from gwbricks.data.further_sets.files import FilesSet as FilesSet
from gwbricks.data.further_sets.further_set import (
    FurtherSet as FurtherSet,
    Source as Source,
)
from gwbricks.data.further_sets.held_out import HeldOutSet as HeldOutSet
from gwbricks.data.loaders import EvalLoader as EvalLoader, TrainLoader as TrainLoader
from gwbricks.data.module import TableDataModule as TableDataModule
from gwbricks.data.pairing import pair_items as pair_items
from gwbricks.data.repeated import RepeatedDataset as RepeatedDataset
from gwbricks.data.split import Split as Split
from gwbricks.data.table import (
    as_named_inputs as as_named_inputs,
    count_rows as count_rows,
    Group as Group,
    Layout as Layout,
    Table as Table,
)
from gwbricks.data.tensors import TensorsData as TensorsData
from gwbricks.data.vectors import VectorsData as VectorsData
