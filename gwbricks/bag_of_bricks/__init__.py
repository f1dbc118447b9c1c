"""Ready-made modules to put into bricks."""

from gwbricks.bag_of_bricks.class_subset import ClassSubset as ClassSubset
from gwbricks.bag_of_bricks.convnet import (
    ConvNet as ConvNet,
    ResidualConvNet as ResidualConvNet,
)
from gwbricks.bag_of_bricks.image_classifier import ImageClassifier as ImageClassifier
from gwbricks.bag_of_bricks.labelled_image import LabelledImage as LabelledImage
from gwbricks.bag_of_bricks.linear_probe import LinearProbe as LinearProbe
from gwbricks.bag_of_bricks.mlp import MLP as MLP, ResidualMLP as ResidualMLP
from gwbricks.bag_of_bricks.per_image import (
    BrickPerImageVisualization as BrickPerImageVisualization,
)
from gwbricks.bag_of_bricks.preprocessor import Preprocessor as Preprocessor
from gwbricks.bag_of_bricks.resnet import resnet_to_brick as resnet_to_brick
