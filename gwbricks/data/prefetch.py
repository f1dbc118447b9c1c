"""Batches that are made ahead of their use, for a GPU."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Batch = TypeVar("Batch")


def prefetch(
    batches: Iterable[Batch], finish: Callable[[Batch], Batch], ahead: int = 2
) -> Iterator[Batch]:
    """Yields batches in their order, the next ones being made in a thread meanwhile.

    Args:
        batches: The batches.
        finish: What is done to each in the thread, such as pinning its memory.
        ahead: Number of batches that are made before they are asked for.

    Example:
        >>> list(prefetch("abc", str.upper))
        ['A', 'B', 'C']
    """
    source = iter(batches)

    def make() -> list[Batch]:
        return [finish(batch) for batch in islice(source, 1)]

    with ThreadPoolExecutor(1) as pool:
        coming = deque(pool.submit(make) for _ in range(ahead))
        while made := coming.popleft().result():
            coming.append(pool.submit(make))
            yield from made
