"""Collects overrides for a config, and a report that gives their reasons."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class ReportLine(NamedTuple):
    """One line of the report.

    Args:
        theirs: What the checkpoint holds; empty if it holds nothing for `ours`.
        ours: Config key or brick that took it over; empty if nothing did.
        note: The value that was taken over, or why none was.
    """

    theirs: str
    ours: str
    note: str = ""


class Draft:
    """Overrides that describe a checkpoint; the user's own override them.

    Args:
        given: The user's own overrides.

    Example:
        >>> draft = Draft(["data=digits", "seed=1"])
        >>> draft.choose("data", "vectors")
        >>> draft.set("data.sizes", "{v: 2}"), draft.set("workspace.dim", 4)
        (False, True)
        >>> draft.overrides()
        ['data=digits', 'workspace.dim=4', 'seed=1']
    """

    def __init__(self, given: Sequence[str]) -> None:
        self.rows: list[ReportLine] = []
        self.notes: list[str] = []
        self._given = {override.partition("=")[0]: override for override in given}
        self._choices: dict[str, str] = {}
        self._values: dict[str, Any] = {}

    def report(self, theirs: str, ours: str, note: str = "") -> None:
        """Adds a line to the report's table."""
        self.rows.append(ReportLine(theirs, ours, note))

    def note(self, text: str) -> None:
        """Adds a line below the report's table."""
        self.notes.append(text)

    def given(self, key: str) -> str | None:
        """Returns the value that the user gave a key; None if there is none."""
        found = {name.lstrip("+"): override for name, override in self._given.items()}
        return found[key].partition("=")[2] if key in found else None

    def is_given(self, key: str) -> bool:
        """Whether the user gave a key."""
        return self.given(key) is not None

    def choose(self, group: str, option: str, is_new: bool = False) -> None:
        """Chooses an option of a config group, unless the user did.

        Args:
            group: The group with its place, such as `domain@domains.v`.
            option: The option.
            is_new: Whether the entry point lacks the group.
        """
        chosen = self.given(group) or option
        self._choices[group] = f"{'+' if is_new else ''}{group}={chosen}"

    def set(self, key: str, value: object, is_new: bool = False) -> bool:
        """Sets a value, unless the user chose an option for the node that it is in.

        Returns:
            Whether it was set.
        """
        chosen = {name.lstrip("+").rpartition("@")[2] for name in self._given}
        if key.rpartition(".")[0] in chosen:
            return False
        text = str(value).lower() if isinstance(value, bool) else str(value)
        self._values[f"{'+' if is_new else ''}{key}"] = text
        return True

    def copy(self, values: Mapping[str, Any], theirs: str, ours: str) -> None:
        """Sets `ours` to the number under `theirs`, if there is one, and reports it."""
        value = values.get(theirs)
        if not is_coefficient(value):
            return
        if self.set(ours, value):
            self.report(theirs, ours, str(value))
        else:
            self.report(theirs, "", f"{value}, but you chose otherwise")

    def overrides(self) -> list[str]:
        """Returns the overrides, the user's own last."""
        rest = [
            override
            for name, override in self._given.items()
            if name.lstrip("+") not in self._choices
        ]
        values = [f"{key}={value}" for key, value in self._values.items()]
        return [*self._choices.values(), *values, *rest]


def is_coefficient(value: object) -> bool:
    """Whether a value is a finite number of 0 or more.

    Example:
        >>> is_coefficient(0.5), is_coefficient(-1.0), is_coefficient("1")
        (True, False, False)
    """
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and 0 <= value < float("inf")
    )


def count_tensors(tensors: Mapping[str, Any]) -> str:
    """Returns the number of tensors in words.

    Example:
        >>> count_tensors({"weight": 1, "bias": 2})
        '2 tensors'
    """
    return f"{len(tensors)} tensor{'s' if len(tensors) != 1 else ''}"
