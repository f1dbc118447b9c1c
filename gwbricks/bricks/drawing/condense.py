"""Ways to draw less of a graph."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

from gwbricks.bricks.drawing.picture import Arrow, DATA, Node

MOST_ARROWS = 6
"""A name with more readers is written into the nodes instead of drawn as arrows."""


def tuck_in(
    nodes: Sequence[Node], arrows: Sequence[Arrow]
) -> tuple[list[Node], list[Arrow]]:
    """Writes names that many bricks read into the nodes, instead of on arrows."""
    readers = Counter(name for arrow in arrows for name in arrow.names)
    common = {name for name, count in readers.items() if count > MOST_ARROWS}
    reads: dict[str, set[str]] = {node.path: set() for node in nodes}
    writes: dict[str, set[str]] = {node.path: set() for node in nodes}
    kept = []
    for arrow in arrows:
        reads[arrow.target] |= common.intersection(arrow.names)
        writes[arrow.source] |= common.intersection(arrow.names)
        names = tuple(name for name in arrow.names if name not in common)
        kept += [replace(arrow, names=names)] if names else []
    tucked = [
        replace(n, reads=tuple(sorted(reads[n.path])), writes=tuple(sorted(found)))
        for n, found in zip(nodes, writes.values(), strict=True)
    ]
    return tucked, kept


def condense(
    nodes: Sequence[Node], arrows: Sequence[Arrow]
) -> tuple[list[Node], list[Arrow]]:
    """Leaves out what does not run, and bricks that only pass one brick's values on.

    Those have no weights, are no loss or metrics, and read from one brick only. Nodes
    that nothing then reads from are left out too, unless they write a result, and so
    are arrows between nodes that a longer way connects.
    """
    shown = {n.path: replace(n, reads=(), writes=()) for n in nodes if not n.is_dead}
    links = {(a.source, a.target): a.names for a in arrows if not a.is_dead}
    for path, node in list(shown.items()):
        sources = [source for source, target in links if target == path]
        # what reads data stays: it is where the graph begins
        if _is_plain(node) and len(sources) == 1 and not sources[0].startswith(DATA):
            del shown[path], links[sources[0], path]
            links = _reconnect(links, path, sources[0])
    # from the end, so that what only a left-out node reads is left out too
    for path, node in reversed(list(shown.items())):
        is_read = any(source == path for source, _ in links)
        if (_is_plain(node) or node.role == "data") and not is_read:
            del shown[path]
            links = {pair: names for pair, names in links.items() if pair[1] != path}
    return list(shown.values()), [Arrow(*pair, links[pair]) for pair in _direct(links)]


def _direct(links: Collection[tuple[str, str]]) -> list[tuple[str, str]]:
    """Returns the links that no longer way replaces.

    Example:
        >>> _direct([("a", "b"), ("b", "c"), ("a", "c")])
        [('a', 'b'), ('b', 'c')]
    """
    targets: dict[str, list[str]] = {}
    for source, target in links:
        targets.setdefault(source, []).append(target)
    behind: dict[str, set[str]] = {}

    def reach(path: str) -> set[str]:
        if path not in behind:
            after = targets.get(path, [])
            behind[path] = {*after}.union(*(reach(target) for target in after))
        return behind[path]

    return [
        (source, target)
        for source, target in links
        if all(target not in reach(other) for other in targets[source])
    ]


def _is_plain(node: Node) -> bool:
    return node.kind == "brick" and not node.unread


def _reconnect(
    links: dict[tuple[str, str], tuple[str, ...]], path: str, source: str
) -> dict[tuple[str, str], tuple[str, ...]]:
    """Lets `source` write what `path` wrote."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for (start, target), names in links.items():
        pair = (source if start == path else start, target)
        found[pair] = tuple(sorted({*found.get(pair, ()), *names}))
    return found
