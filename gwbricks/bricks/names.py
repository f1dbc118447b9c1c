"""The names that a brick reads: positional, keyword, optional, patterns, or all."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gwbricks.errors import WiringError

InputNames = Iterable[str] | Mapping[str, str] | str
"""Names in order, data name to argument name, or `"all"`."""

STAGE = "stage"
"""Reading this name gives the stage, unless the caller's data has it."""


@dataclass(frozen=True)
class Read:
    """One argument of a brick.

    Args:
        name: Data name, or a pattern such as `*/latent`.
        argument: Name of the keyword argument; None if positional.
        optional: Whether the argument is None where the name is missing.
    """

    name: str
    argument: str | None = None
    optional: bool = False

    def __str__(self) -> str:
        """Returns the argument as a user writes it."""
        name = f"{self.name}?" if self.optional else self.name
        return name if self.argument is None else f"{self.argument}={name}"

    @property
    def is_pattern(self) -> bool:
        """Whether the argument is a mapping of all names that match."""
        return "*" in self.name

    def matches(self, names: Iterable[str]) -> dict[str, str]:
        """Returns what the star stands for, by matching name, in sorted order.

        Example:
            >>> Read("*/latent").matches(["v/latent", "t/latent", "v/error"])
            {'t/latent': 't', 'v/latent': 'v'}
        """
        head, tail = self.name.split("*", 1)
        # the tail is sought behind the head: `a/a` does not match `a/*/a`
        return {
            name: name[len(head) : len(name) - len(tail)]
            for name in sorted(names)
            if name.startswith(head) and name[len(head) :].endswith(tail)
        }


def is_relative(name: str) -> bool:
    """Whether a name starts from the nest that its brick is in."""
    return name.startswith(("./", "../"))


def resolve(name: str, path: str) -> str:
    """Returns the full name of one that starts with `./` or `../`; others stay.

    Args:
        name: The name.
        path: Path of the brick that reads or writes it.

    Raises:
        WiringError: If it leads out of the collection.

    Example:
        >>> resolve("./latent", "gw.v.encode"), resolve("../state", "gw.v.encode")
        ('gw/v/latent', 'gw/state')
    """
    if not is_relative(name):
        return name
    nest, rest = path.split(".")[:-1], name
    while is_relative(rest):
        step, _, rest = rest.partition("/")
        if step == "..":
            if not nest:
                raise WiringError(
                    f"{path}: the name {name!r} leads out of the collection. Fix: fewer"
                    " '../', or the full name."
                )
            nest.pop()
    return "/".join([*nest, rest])


def parse_reads(input_names: InputNames) -> tuple[Read, ...] | None:
    """Parses `input_names`; None stands for `"all"`.

    A trailing `?` marks a name that may be missing: its argument is then None.

    Raises:
        WiringError: If it is a string other than `"all"`, or a pattern has two stars.

    Example:
        >>> parse_reads(["x", "y?"])[1]
        Read(name='y', argument=None, optional=True)
    """
    if isinstance(input_names, str):
        if input_names != "all":
            raise WiringError(
                f"input_names: {input_names!r} is a string. Expected a list of names, a"
                f" mapping of name to argument, or 'all'. Fix: [{input_names}]."
            )
        return None
    if isinstance(input_names, Mapping):
        return tuple(_read(name, str(arg)) for name, arg in input_names.items())
    return tuple(_read(name, None) for name in input_names)


def _read(name: str, argument: str | None) -> Read:
    plain = name.removesuffix("?")
    if plain.count("*") > 1:
        raise WiringError(f"input_names: the pattern {name!r} has more than one star.")
    return Read(plain, argument, optional=plain != name)
