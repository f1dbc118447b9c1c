"""A brick that draws the images of a batch one by one."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from torch import Tensor

from gwbricks.bag_of_bricks.labelled_image import LabelledImage
from gwbricks.bricks.brick import Brick
from gwbricks.bricks.names import InputNames
from gwbricks.bricks.stage import EVALUATED, Stage
from gwbricks.errors import ConfigError


class BrickPerImageVisualization(Brick):
    """Calls a drawing function for each row of a batch and lists the pictures.

    In training, validation and test it draws the first rows of each epoch and nothing
    after them; `summarize` returns these pictures, by output name, and
    `LightningBrickCollection` logs them. In other stages, which have no epochs, it
    draws the first rows of each call.

    Args:
        input_names: See `Brick`. A tensor or a list has one value a row, and a mapping,
            such as that of `*/x`, holds such values; all else is passed as it is.
        output_names: One name for each picture that `callable` returns.
        callable: Is given the values of one row, on the CPU, and returns a
            `PIL.Image.Image`, or a tuple of them. By default, an image with its
            predicted and its true label.
        max_images: Rows that are drawn; None draws all.
        every: Draws every so many rows, for data that are sorted.
        alive_stages: See `Brick`.
        skip_missing: See `Brick`.

    Raises:
        ConfigError: If `max_images` or `every` is below 1.

    Example:
        >>> import torch
        >>> brick = BrickPerImageVisualization(["image", "guess"], ["pictures"])
        >>> batch = {"image": torch.rand(4, 3, 8, 8), "guess": torch.arange(4)}
        >>> [picture.size for picture in brick(batch, Stage.TEST)["pictures"]]
        [(96, 111), (96, 111), (96, 111), (96, 111)]
    """

    reduces = True

    def __init__(
        self,
        input_names: InputNames,
        output_names: Iterable[str],
        callable: Callable[..., Any] | None = None,  # noqa: A002 - TorchBricks' word
        max_images: int | None = 16,
        every: int = 1,
        alive_stages: Iterable[Stage | str] | str = (Stage.VALIDATION, Stage.TEST),
        skip_missing: bool = False,
    ) -> None:
        super().__init__(
            input_names,
            output_names,
            alive_stages,
            calculate_gradients=False,
            skip_missing=skip_missing,
        )
        for key, value in (("max_images", max_images), ("every", every)):
            if value is not None and value < 1:
                raise ConfigError(
                    f"{key}: {value}. Expected 1 or more."
                    " Fix: alive_stages=none to draw nothing."
                )
        self.callable = LabelledImage() if callable is None else callable
        self.max_images = max_images
        self.every = every
        self._drawn: dict[Stage, list[dict[str, Any]]] = {}
        self._seen: dict[Stage, int] = {}

    @property
    def function(self) -> Callable[..., Any]:
        """Draws rows; how many is known when it is called."""
        return self._draw

    @property
    def label(self) -> str:
        """Name of the drawing function."""
        return getattr(self.callable, "__name__", type(self.callable).__name__)

    def call(
        self, function: Callable[..., Any], stage: Stage, *args: Any, **kwargs: Any
    ) -> dict[str, list[Any]]:
        """Draws what is still to be drawn in this epoch."""
        count = _count_rows([*args, *kwargs.values()])
        if stage not in EVALUATED:
            chosen, drawn = range(0, count, self.every), []
        else:
            drawn, seen = self._drawn.setdefault(stage, []), self._seen.get(stage, 0)
            chosen = range(-seen % self.every, count, self.every)
            self._seen[stage] = seen + count
        if self.max_images is not None:
            chosen = chosen[: self.max_images - len(drawn)]
        rows = function(chosen, *args, **kwargs)
        drawn += rows
        return _by_name(rows, self.output_names)

    def _draw(self, chosen: range, *args: Any, **kwargs: Any) -> list[dict[str, Any]]:
        values = [_take(value, chosen) for value in (*args, *kwargs.values())]
        rows = []
        for index in range(len(chosen)):
            row = [_row(value, index) for value in values]
            named = dict(zip(kwargs, row[len(args) :], strict=True))
            pictures = self.callable(*row[: len(args)], **named)
            rows.append(Brick.name_outputs(self, pictures))
        return rows

    def name_outputs(self, result: object) -> dict[str, Any]:
        """Returns the lists of pictures, which have their names already."""
        assert isinstance(result, dict)
        return result

    def summarize(self, stage: Stage, reset: bool) -> dict[str, Any]:
        """Returns the pictures of the epoch, by output name; none if there are none."""
        drawn = self._drawn.get(stage)
        if reset:
            self._drawn.pop(stage, None)
            self._seen.pop(stage, None)
        return _by_name(drawn, self.output_names) if drawn else {}


def _by_name(
    rows: Iterable[Mapping[str, Any]], names: Iterable[str]
) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in names}


def _count_rows(values: Sequence[Any]) -> int:
    """Returns how many rows all values have.

    Raises:
        ConfigError: If they differ, or none of them has rows.
    """
    columns = [
        column
        for value in values
        for column in (value.values() if isinstance(value, Mapping) else [value])
    ]
    counts = {len(column) for column in columns if _has_rows(column)}
    if len(counts) != 1:
        raise ConfigError(
            f"input_names: inputs of {sorted(counts) or 'no'} rows. Expected tensors or"
            " lists with a value for each image."
        )
    return counts.pop()


def _has_rows(value: object) -> bool:
    return value.ndim > 0 if isinstance(value, Tensor) else isinstance(value, list)


def _take(value: Any, chosen: range) -> Any:  # noqa: ANN401 - data of any type
    """Leaves what is not drawn where it is, and takes the rest off the device."""
    if isinstance(value, Mapping):
        return {name: _take(column, chosen) for name, column in value.items()}
    if not _has_rows(value):
        return value
    taken = value[chosen.start : chosen.stop : chosen.step]
    return taken.detach().cpu() if isinstance(taken, Tensor) else taken


def _row(value: Any, index: int) -> Any:  # noqa: ANN401 - data of any type
    if isinstance(value, Mapping):
        return {name: _row(column, index) for name, column in value.items()}
    return value[index] if _has_rows(value) else value
