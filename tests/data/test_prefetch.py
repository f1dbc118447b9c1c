import threading
from collections.abc import Iterator

import pytest

from gwbricks.data.prefetch import prefetch


def test_batches_come_in_order_and_are_finished_in_another_thread() -> None:
    threads = set()

    def finish(batch: int) -> int:
        threads.add(threading.current_thread())
        return 2 * batch

    assert list(prefetch(range(20), finish)) == [2 * number for number in range(20)]
    assert len(threads) == 1
    assert threading.current_thread() not in threads


def test_no_batch_is_none() -> None:
    assert list(prefetch([], str)) == []


@pytest.mark.parametrize("ahead", [1, 3])
def test_only_the_next_batches_are_made_ahead(ahead: int) -> None:
    made: list[int] = []

    def source() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    batches = prefetch(source(), int, ahead)
    assert [next(batches), next(batches)] == [0, 1]
    batches.close()  # pyright: ignore[reportAttributeAccessIssue] - it is a generator
    assert 2 <= len(made) <= 2 + ahead


def test_error_comes_with_the_batch_that_it_is_of() -> None:
    def finish(batch: int) -> int:
        return 6 // (2 - batch)

    batches = prefetch([0, 1, 2, 3], finish)
    assert [next(batches), next(batches)] == [3, 6]
    with pytest.raises(ZeroDivisionError):
        next(batches)
