"""torchvision's residual networks as backbones."""

from jaxtyping import Float
from torch import nn, Tensor

from gwbricks.bricks import BrickTrainable
from gwbricks.errors import ConfigError

LAYERS = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")


class ResNetBackbone(nn.Module):
    """The layers of a ResNet before its pooling and its classifier.

    Args:
        resnet: A `torchvision.models.ResNet`, or a module with the same layers.

    Raises:
        ConfigError: If a layer is missing, or `fc` is not linear.
    """

    def __init__(self, resnet: nn.Module) -> None:
        super().__init__()
        for name in (*LAYERS, "fc"):
            if not isinstance(getattr(resnet, name, None), nn.Module):
                raise ConfigError(
                    f"resnet: {type(resnet).__name__} has no layer {name!r}. Expected a"
                    " torchvision ResNet."
                )
        self.layers = nn.Sequential(*(getattr(resnet, name) for name in LAYERS))
        if not isinstance(resnet.fc, nn.Linear):
            raise ConfigError(
                f"resnet.fc: {type(resnet.fc).__name__}. Expected a Linear, whose"
                " in_features is the number of channels of the feature map."
            )
        self.n_backbone_features = resnet.fc.in_features

    def forward(
        self, images: Float[Tensor, "rows channels height width"]
    ) -> Float[Tensor, "rows features map_height map_width"]:
        """Returns the last feature map."""
        return self.layers(images)


def resnet_to_brick(
    resnet: nn.Module, input_name: str, output_name: str
) -> BrickTrainable:
    """Wraps a ResNet without its classifier as a trained brick.

    Args:
        resnet: A `torchvision.models.ResNet`.
        input_name: Name of the images.
        output_name: Name of the feature map; it has `brick.model.n_backbone_features`
            channels.

    Raises:
        ConfigError: If it is no ResNet.
    """
    return BrickTrainable(ResNetBackbone(resnet), [input_name], [output_name])
