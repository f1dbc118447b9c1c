"""Exceptions raised by gwbricks, all catchable as `GWBricksError`."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

MOST_LISTED = 30
"""Most names that a message lists; of more, it lists the nearest."""


class GWBricksError(Exception):
    """Base class of every error raised on purpose by gwbricks."""


class ConfigError(GWBricksError):
    """The config composed, but does not describe something that can be trained."""


class WiringError(ConfigError):
    """Bricks that do not fit together, or values that do not fit a brick."""


class UnknownNameError(WiringError):
    """A name that nothing defines.

    Args:
        key: Config key or argument that holds the bad name, such as `"loss_coefs"`.
        name: The name that was not found.
        known: Names that would have been accepted.
    """

    def __init__(self, key: str, name: str, known: Iterable[str]) -> None:
        self.key, self.name, self.known = key, name, tuple(known)
        super().__init__(f"{key}: unknown name {name!r}.{suggest(name, self.known)}")


class DivergedError(GWBricksError):
    """Training produced a loss that is not a finite number."""


class PrunedError(GWBricksError):
    """Training was stopped because other runs of its search are better."""


class ProcessError(GWBricksError):
    """One of the processes that train together failed, so all of them ended."""


class CheckpointError(GWBricksError):
    """A checkpoint that is missing, damaged, or of another shape."""


class FormatError(CheckpointError):
    """A checkpoint or another file of a run that a newer gwbricks wrote."""


class ExportError(GWBricksError):
    """A graph that cannot be exported, or that differs from PyTorch once it is."""


class CompileError(GWBricksError):
    """A graph that torch cannot compile."""


class SweepError(GWBricksError):
    """Jobs of a sweep failed; the others went on."""


class SyncError(GWBricksError):
    """Runs that W&B did not take."""


class ConfigErrors(ConfigError):  # noqa: N818 - it holds several
    """Several mistakes of one config, reported together.

    Args:
        problems: One line a mistake, each starting with its config key.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        count = len(self.problems)
        head = f"{count} problem{'s' if count > 1 else ''} in the config:"
        super().__init__("\n  ".join([head, *self.problems]))


def suggest(name: str, known: Iterable[str]) -> str:
    """Returns the end of a message: the close match, then the known names.

    Example:
        >>> suggest("cylces", ["cycles", "fused"])
        " Did you mean 'cycles'? Known names: cycles, fused."
    """
    names = sorted(map(str, known))
    close = close_match(name, names)
    hint = "" if close is None else f" Did you mean {close!r}?"
    if not names:
        return f"{hint} There is none."
    if len(names) > MOST_LISTED:
        return f"{hint} Nearest names: {', '.join(nearest_names(name, names))}."
    return f"{hint} Known names: {', '.join(names)}."


def close_match(name: str, known: Iterable[str]) -> str | None:
    """Returns the known name that was probably meant, if one is close.

    Example:
        >>> close_match("cylces", ["cycles", "fused"])
        'cycles'
    """
    return next(iter(get_close_matches(str(name), sorted(map(str, known)), n=1)), None)


def nearest_names(name: str, known: Iterable[str]) -> list[str]:
    """Returns the few known names that are nearest, however far, sorted."""
    names = sorted(map(str, known))
    return sorted(get_close_matches(str(name), names, n=8, cutoff=0.0))


def one_line(error: BaseException) -> str:
    r"""Returns what an error says, in one line that starts with its kind.

    Example:
        >>> one_line(ValueError("two\n  lines"))
        'ValueError: two lines'
    """
    return " ".join(f"{type(error).__name__}: {error}".split())
