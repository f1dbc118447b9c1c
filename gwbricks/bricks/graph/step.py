"""One brick in an execution order, with its arguments found beforehand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gwbricks.bricks.binding import Binding
from gwbricks.bricks.brick import Brick
from gwbricks.bricks.gradients import gradients_if
from gwbricks.bricks.shape_text import full_shape_text
from gwbricks.bricks.stage import Stage
from gwbricks.errors import WiringError

NOTE = "in brick {path!r}, which read {read}"
"""What is noted in an exception that a brick raises."""


@dataclass(frozen=True, eq=False)
class Step:
    """A brick that is about to run.

    Args:
        path: Path of the brick, such as `gw.v.encode`.
        brick: The brick.
        function: What it calls; for a shared brick, the other brick's module.
        binding: The names of what it is given.
        gradients: Whether a gradient graph is built for it in training.
    """

    path: str
    brick: Brick
    function: Callable[..., Any]
    binding: Binding
    gradients: bool

    @property
    def reads(self) -> list[str]:
        """Names of the values that the brick is given, in order."""
        return self.binding.names

    def run(self, values: Mapping[str, Any], stage: Stage) -> dict[str, Any]:
        """Runs the brick on `values` and returns its outputs by name.

        An exception of the brick goes on as it is, with a `FailureNote`.

        Raises:
            WiringError: If the brick returns another number of values than it names.
        """
        args, kwargs = self.binding.pick(values)
        try:
            with gradients_if(self.gradients):
                result = self.brick.call(self.function, stage, *args, **kwargs)
        except Exception as error:
            error.add_note(FailureNote(self.path, self._describe(values)))
            raise
        try:
            return self.brick.name_outputs(result)
        except WiringError as error:
            raise WiringError(f"{self.path}.{error}") from None

    def _describe(self, values: Mapping[str, Any]) -> str:
        read = [f"{name} {full_shape_text(values[name])}" for name in self.reads]
        return ", ".join(read) or "nothing"


class FailureNote(str):
    """Says in which brick an exception was raised: a note, whose parts are fields too.

    A note is a text to Python; this one need not be read to know what it says.

    Args:
        path: Path of the brick.
        read: What it read: names, shapes and types.
    """

    path: str
    read: str

    def __new__(cls, path: str, read: str) -> "FailureNote":
        """Returns the text of the note, with its parts."""
        note = super().__new__(cls, NOTE.format(path=path, read=read))
        note.path, note.read = path, read
        return note

    def __reduce__(self) -> tuple[Any, ...]:
        """Returns what a copy is made of, such as one in another process."""
        return FailureNote, (self.path, self.read)


def failure_notes(error: BaseException) -> list[FailureNote]:
    """Returns the notes of the bricks that an exception went through.

    The innermost is the first: a brick may run bricks of its own.
    """
    notes = getattr(error, "__notes__", [])
    return [note for note in notes if isinstance(note, FailureNote)]


def was_read(error: BaseException) -> str:
    """Returns what the brick had read that raised, and which bricks it was run by."""
    notes = failure_notes(error)
    return " ".join([notes[0].read, *notes[1:]]) if notes else "nothing"
