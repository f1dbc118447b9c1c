"""The sets that a model is validated or tested on, one after the other."""

from collections.abc import Callable, Mapping
from typing import Any

from gwbricks.data.further_sets.further_set import NAME
from gwbricks.errors import ConfigError


def name_sets(loaders: object, stage: str) -> dict[str, Any]:
    """Names the loaders that a stage goes through.

    One of them is the stage's own, such as `val`: the one of that name, or else the
    first. The others are named after it, with their key or their place in the list.

    Args:
        loaders: One loader, a list, or a mapping.
        stage: Value of the stage.

    Raises:
        ConfigError: If a name is none, or given twice.

    Example:
        >>> loader, other = range(2), range(3)
        >>> name_sets(loader, "val")
        {'val': range(0, 2)}
        >>> list(name_sets({"seen": loader, "ood": other}, "val"))
        ['val', 'val_ood']
        >>> list(name_sets([loader, other], "test"))
        ['test', 'test_1']
    """
    if isinstance(loaders, list | tuple):
        loaders = {str(place): loader for place, loader in enumerate(loaders)}
    if not isinstance(loaders, Mapping):
        return {stage: loaders}
    own = stage if stage in loaders else next(iter(loaders), stage)
    named: dict[str, Any] = {}
    for key, loader in loaders.items():
        name = stage if key == own else f"{stage}_{str(key).removeprefix(f'{stage}_')}"
        if not NAME.fullmatch(name) or isinstance(loader, list | tuple | Mapping):
            raise ConfigError(
                f"{stage}_dataloader: {key!r}. Expected a name of letters, digits, _, -"
                " and dots for each loader."
            )
        if name in named:
            raise ConfigError(f"{stage}_dataloader: two loaders are called {name!r}.")
        named[name] = loader
    return named


class Evaluation:
    """One pass through named sets, one after the other.

    A set's numbers are taken when a later one begins, so that sets share no state, and
    in the same order in all processes.

    Args:
        names: Names of the sets, in order.
        take: Returns the numbers gathered so far, and starts anew.

    Example:
        >>> gathered = [1, 2]
        >>> evaluation = Evaluation(["val", "val_ood"], gathered.pop)
        >>> evaluation.enter(1)
        >>> evaluation.finish()
        {'val': 2, 'val_ood': 1}
    """

    def __init__(self, names: list[str], take: Callable[[], Any]) -> None:
        self.names = names
        self.take = take
        self.numbers: dict[str, Any] = {}

    def enter(self, place: int) -> None:
        """Ends the sets before a place."""
        for name in self.names[len(self.numbers) : place]:
            self.numbers[name] = self.take()

    def finish(self) -> dict[str, Any]:
        """Ends all sets and returns what each gave, by name."""
        self.enter(len(self.names))
        return self.numbers
