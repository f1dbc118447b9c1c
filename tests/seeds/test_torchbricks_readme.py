# ruff: noqa: E501, I001, UP006, UP035 - the code is kept as published
# fmt: off
"""The code of TorchBricks' README runs here with nothing but the imports changed.

Origin: README notebook of TorchBricks 0.0.8, https://github.com/PeteHeine/torchbricks,
from its first cell to its last, the Lightning example. Copyright (c) 2023 Peter Christiansen,
MIT License. Each test holds the cells of one section; assertions are ours, and so is
`CIFAR10DataModule`, which gives random images instead of the README's download.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Tuple

import lightning.pytorch as pl
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader
from torchmetrics.classification import MulticlassAccuracy

from gwbricks.bag_of_bricks import ImageClassifier, Preprocessor, resnet_to_brick
from gwbricks.bricks import BrickCollection, BrickTrainable, BrickNotTrainable, BrickLoss
from gwbricks.bricks import BrickMetricSingle
from gwbricks.bricks import Stage
from gwbricks.training import LightningBrickCollection


class PreprocessorDummy(nn.Module):
    def forward(self, raw_input: torch.Tensor) -> torch.Tensor:
        return raw_input/2

class TinyModel(nn.Module):
    def __init__(self, n_channels: int, n_features: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_channels, n_features, kernel_size=1)

    def forward(self, tensor: torch.Tensor) -> torch.Tensor:
        return self.conv(tensor)

class ClassifierDummy(nn.Module):
    def __init__(self, num_classes: int, in_features: int) -> None:
        super().__init__()
        self.fc = nn.Linear(in_features, num_classes)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.softmax = nn.Softmax(dim=1)

    def forward(self, tensor: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        logits = self.fc(torch.flatten(self.avgpool(tensor), start_dim = 1))
        return logits, self.softmax(logits)


def test_bricks_are_connected() -> None:
    bricks = {
        'preprocessor': BrickNotTrainable(PreprocessorDummy(), input_names=['raw'], output_names=['processed']),
        'backbone': BrickTrainable(TinyModel(n_channels=3, n_features=10), input_names=['processed'], output_names=['embedding']),
        'head': BrickTrainable(ClassifierDummy(num_classes=3, in_features=10), input_names=['embedding'], output_names=['logits', "softmaxed"]),
    }

    brick_collection = BrickCollection(bricks)
    batch_images = torch.rand((2, 3, 100, 200))
    named_outputs = brick_collection(named_inputs={'raw': batch_images}, stage=Stage.INFERENCE)

    assert str(named_outputs.keys()) == "dict_keys(['raw', 'processed', 'embedding', 'logits', 'softmaxed'])"
    torch.testing.assert_close(named_outputs["processed"], batch_images / 2)
    torch.testing.assert_close(named_outputs["softmaxed"], named_outputs["logits"].softmax(1))


def test_bricks_can_be_dead_or_alive() -> None:
    batch_images = torch.rand((2, 3, 100, 200))
    bricks = {
        'preprocessor': BrickNotTrainable(PreprocessorDummy(), input_names=['raw'], output_names=['processed'], alive_stages="all"),
        'backbone': BrickTrainable(TinyModel(n_channels=3, n_features=10), input_names=['processed'], output_names=['embedding'], alive_stages="all"),
        'head': BrickTrainable(ClassifierDummy(num_classes=3, in_features=10), input_names=['embedding'], output_names=['logits', 'softmaxed'],
                                        alive_stages="all"),
        'loss': BrickLoss(model=nn.CrossEntropyLoss(), input_names=['logits', 'targets'], output_names=['loss_ce'],
                          alive_stages=[Stage.TRAIN, Stage.VALIDATION, Stage.TEST], loss_output_names="all")
    }

    # The README builds no collection of these bricks, and its line gives one target,
    # `torch.ones((1,3))`, for two images, which the loss refuses. Both are put right.
    brick_collection = BrickCollection(bricks)
    named_outputs_without_loss = brick_collection(named_inputs={'raw': batch_images}, stage=Stage.INFERENCE)
    named_outputs_with_loss = brick_collection(named_inputs={'raw': batch_images, "targets": torch.ones((2,3))}, stage=Stage.TRAIN)

    assert list(named_outputs_without_loss) == ["raw", "processed", "embedding", "logits", "softmaxed"]
    assert list(named_outputs_with_loss) == ["raw", "targets", "processed", "embedding", "logits", "softmaxed", "loss_ce"]
    log_probabilities = named_outputs_with_loss["softmaxed"].log()
    torch.testing.assert_close(named_outputs_with_loss["loss_ce"], -log_probabilities.sum(dim=1).mean())


def test_metrics_are_gathered_in_training() -> None:
    torchvision = pytest.importorskip("torchvision")
    batch_images = torch.rand((2, 3, 100, 200))

    num_classes = 10
    resnet = torchvision.models.resnet18(weights=None, num_classes=num_classes)
    resnet_brick = resnet_to_brick(resnet=resnet,  input_name='normalized', output_name='features')

    bricks = {
        'preprocessor': BrickNotTrainable(Preprocessor(), input_names=['raw'], output_names=['normalized']),
        'backbone': resnet_brick,
        'head': BrickTrainable(ImageClassifier(num_classes=num_classes, n_features=resnet_brick.model.n_backbone_features),
                                         input_names=['features'], output_names=['logits', 'probabilities', 'class_prediction']),
        'accuracy': BrickMetricSingle(MulticlassAccuracy(num_classes=num_classes), input_names=['class_prediction', 'targets']),
        'loss': BrickLoss(model=nn.CrossEntropyLoss(), input_names=['logits', 'targets'], output_names=['loss_ce'])
    }

    brick_collection = BrickCollection(bricks)
    named_inputs = {"raw": batch_images, "targets": torch.ones((2), dtype=torch.int64)}
    named_outputs = brick_collection(named_inputs=named_inputs, stage=Stage.TRAIN)
    named_outputs = brick_collection(named_inputs=named_inputs, stage=Stage.TRAIN)
    named_outputs = brick_collection(named_inputs=named_inputs, stage=Stage.TRAIN)
    named_outputs = brick_collection(named_inputs=named_inputs, stage=Stage.TRAIN)
    metrics = brick_collection.summarize(stage=Stage.TRAIN, reset=True)

    assert list(metrics) == ["MulticlassAccuracy"]
    predictions = named_outputs["class_prediction"].tolist()
    recall = predictions.count(1) / 2  # of class 1; that of other predicted classes is 0
    assert metrics["MulticlassAccuracy"].item() == pytest.approx(recall / len({1, *predictions}))
    assert list(named_inputs) == ["raw", "targets"]
    assert set(named_outputs) == {
        "raw", "targets", "normalized", "features", "logits", "probabilities", "class_prediction", "loss_ce",
    }
    torch.testing.assert_close(named_outputs["features"].shape, (2, 512, 4, 7))


class CIFAR10DataModule(pl.LightningDataModule):
    """Random images of CIFAR-10's shape, in TorchBricks' batches."""

    def __init__(self, data_dir: str, batch_size: int, num_workers: int, test_transforms: Callable[..., Any], train_transforms: Callable[..., Any]) -> None:
        super().__init__()
        del data_dir, num_workers  # nothing is read
        self.batch_size, self.transforms = batch_size, {"train": train_transforms, "test": test_transforms}

    def _loader(self, split: str) -> DataLoader[Any]:
        transform, generator = self.transforms[split], torch.Generator().manual_seed(0)
        images = torch.randint(0, 256, (15, 32, 32, 3), dtype=torch.uint8, generator=generator).numpy()
        rows: Any = [{"raw": transform(image), "targets": index % 10} for index, image in enumerate(images)]
        return DataLoader(rows, self.batch_size)

    def train_dataloader(self) -> DataLoader[Any]:
        return self._loader("train")

    def val_dataloader(self) -> DataLoader[Any]:
        return self._loader("test")

    def test_dataloader(self) -> DataLoader[Any]:
        return self._loader("test")


@pytest.mark.filterwarnings(
    r"ignore:The number of training batches",  # Lightning's advice; the README trains two
    r"ignore:Found \d+ module\(s\) in eval mode",  # Lightning's; the preprocessor is frozen
    "ignore:Starting from v1.9.0, `tensorboardX`",  # Lightning's default logger
)
def test_lightning_trains_and_tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torchvision = pytest.importorskip("torchvision")
    monkeypatch.chdir(tmp_path)

    num_classes = 10
    resnet = torchvision.models.resnet18(weights=None, num_classes=num_classes)
    resnet_brick = resnet_to_brick(resnet=resnet,  input_name='normalized', output_name='features')

    bricks = {
        'preprocessor': BrickNotTrainable(Preprocessor(), input_names=['raw'], output_names=['normalized']),
        'backbone': resnet_brick,
        'head': BrickTrainable(ImageClassifier(num_classes=num_classes, n_features=resnet_brick.model.n_backbone_features),
                                         input_names=['features'], output_names=['logits', 'probabilities', 'class_prediction']),
        'accuracy': BrickMetricSingle(MulticlassAccuracy(num_classes=num_classes), input_names=['class_prediction', 'targets']),
        'loss': BrickLoss(model=nn.CrossEntropyLoss(), input_names=['logits', 'targets'], output_names=['loss_ce'])
    }

    brick_collection = BrickCollection(bricks)
    before = {name: value.clone() for name, value in brick_collection.state_dict().items()}

    experiment_name="CIFAR10"
    transform = torchvision.transforms.ToTensor()
    data_module = CIFAR10DataModule(data_dir='data', batch_size=5, num_workers=12, test_transforms=transform, train_transforms=transform)
    create_opimtizer_func = partial(torch.optim.SGD, lr=0.05, momentum=0.9, weight_decay=5e-4)
    bricks_lightning_module = LightningBrickCollection(path_experiments=Path("build") / "experiments",
                                                       experiment_name=None,
                                                       brick_collection=brick_collection,
                                                       create_optimizers_func=create_opimtizer_func)

    trainer = pl.Trainer(accelerator="cpu", max_epochs=1, limit_train_batches=2, limit_val_batches=2, limit_test_batches=2)
    # To train and test model
    trainer.fit(bricks_lightning_module, datamodule=data_module)
    trainer.test(bricks_lightning_module, datamodule=data_module)

    assert experiment_name == "CIFAR10"
    assert trainer.global_step == 2
    assert {"test/MulticlassAccuracy", "test/loss_ce", "test/loss"} == trainer.callback_metrics.keys()
    moved = {name.split(".")[0] for name, value in brick_collection.state_dict().items() if not value.equal(before[name])}
    assert moved == {"backbone", "head"}
