"""Outputs of a trained graph by name: values of the graph, and routes."""

from collections.abc import Collection, Mapping, Sequence
from itertools import permutations
from typing import Any

from torch import Tensor

from gwbricks.errors import UnknownNameError
from gwbricks.workspace import WorkspaceView
from gwbricks.workspace.planning.routes import CYCLES, Route, TRANSLATIONS


def standard_outputs(
    domains: Sequence[str], given: Collection[str] | None = None
) -> list[str]:
    """Returns states, broadcasts, and translations and cycles from single domains.

    Args:
        domains: The domains of the workspace.
        given: Those that there is data of; None for all.

    Example:
        >>> standard_outputs(["t", "v"])[:5]
        ['state', 't/state', 'v/state', 't/raw', 'v/raw']
        >>> standard_outputs(["t", "v"])[5:]
        ['t-to-v', 'v-to-t', 't-through-v', 'v-through-t']
        >>> standard_outputs(["t", "v"], given=["v"])
        ['state', 'v/state', 't/raw', 'v/raw', 'v-to-t', 'v-through-t']
    """
    sources = [domain for domain in domains if given is None or domain in given]
    pairs = [pair for pair in permutations(domains, 2) if pair[0] in sources]
    return [
        "state",
        *(f"{domain}/state" for domain in sources),
        *(f"{domain}/raw" for domain in domains),
        *(f"{source}-to-{target}" for source, target in pairs),
        *(f"{source}-through-{other}" for source, other in pairs),
    ]


def parse_route(name: str, domains: Collection[str]) -> Route | None:
    """Returns the route that a name stands for; None if it stands for none.

    Args:
        name: Such as `v-to-t`, `a+v-to-t` or `v-through-a+t`.
        domains: The domains of the workspace.

    Example:
        >>> parse_route("a+v-to-t", "atv")
        Route(kind='translations', sources=('a', 'v'), target='t', through=())
        >>> parse_route("v-through-t", "atv").through, parse_route("v/raw", "atv")
        (('t',), None)
    """
    for domain in domains:
        sources = name.removesuffix(f"-to-{domain}").split("+")
        if name.endswith(f"-to-{domain}") and {*sources} <= {*domains}:
            return Route(TRANSLATIONS, tuple(sorted({*sources})), domain)
        through = name.removeprefix(f"{domain}-through-").split("+")
        if name.startswith(f"{domain}-through-") and {*through} <= {*domains}:
            return Route(CYCLES, (domain,), domain, tuple(sorted({*through})))
    return None


class Outputs:
    """Computes outputs by name, of rows that have the same data.

    Args:
        view: The graph.
        names: Names of the graph, such as `state` or `v/raw`, and routes in raw space,
            such as `v-to-t` or `v-through-t`.
    """

    def __init__(self, view: WorkspaceView, names: Sequence[str]) -> None:
        self.view = view
        self.routes = {n: parse_route(n, view.domains) for n in dict.fromkeys(names)}

    def __call__(self, rows: Mapping[str, Tensor]) -> dict[str, Any]:
        """Returns the outputs that rows have the data for.

        Args:
            rows: The rows by name of the data, on the device of the graph.

        Raises:
            UnknownNameError: If an output does not exist.
        """
        plain = [name for name, route in self.routes.items() if route is None]
        try:
            plain = [name for name in plain if self.view.can(rows, name)]
        except UnknownNameError as error:  # it names no routes, which the graph lacks
            known = {*error.known, *standard_outputs(self.view.domains)}
            raise UnknownNameError(error.key, error.name, known) from None
        found = self.view.run(rows, plain) if plain else {}
        for name, route in self.routes.items():
            if route is not None and {*route.sources} <= rows.keys():
                found[name] = self._follow(route, rows)
        return found

    def _follow(self, route: Route, rows: Mapping[str, Tensor]) -> Any:  # noqa: ANN401 - raw data
        given = {source: rows[source] for source in route.sources}
        raw = f"{route.target}/raw"
        if route.through:
            return self.view.cycle(given, route.through, [raw])[raw]
        return self.view.run(given, [raw])[raw]
