from collections import Counter
from threading import current_thread

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor

from gwbricks.data import EvalLoader, loaders, Table, TrainLoader
from gwbricks.errors import ConfigError

ITEMS = 30
IDS = torch.arange(ITEMS)
# Every value tells its item, so that rows and labels can be traced.
COLUMNS = {
    "a": IDS[:, None].expand(-1, 2).float(),
    "b": 100.0 + IDS[:, None],
    "label": 1000 + IDS,
}
SHIFT = {"a": 0, "b": 100, "label": 1000}
Groups = dict[tuple[str, ...], Tensor]


def items_of(table: Table) -> dict[tuple[str, ...], dict[str, list[int]]]:
    """The items in each column of each group."""
    found = {}
    for group in table.layout.groups:
        found[group.columns] = {}
        for name in group.columns:
            start = table.layout.offsets(name)[group]
            rows = table.columns[name][start : start + group.rows].reshape(
                group.rows, -1
            )
            assert torch.equal(rows, rows[:, :1].expand_as(rows))
            found[group.columns][name] = (rows[:, 0] - SHIFT[name]).int().tolist()
    return found


@st.composite
def group_items(draw: st.DrawFn) -> Groups:
    sizes = draw(
        st.dictionaries(
            st.sampled_from([("a",), ("b",), ("a", "b")]),
            st.integers(1, ITEMS),
            min_size=1,
        )
    )
    return {group: IDS[-size:] for group, size in sizes.items()}


@given(groups=group_items(), batch_size=st.integers(1, 12), epoch=st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_batches_hold_rows_of_every_group_with_their_own_values(
    groups: Groups, batch_size: int, epoch: int
) -> None:
    loader = TrainLoader(COLUMNS, groups, batch_size, 0, ("label",))
    loader.set_epoch(epoch)
    batches = [items_of(table) for table in loader]
    rows = {group: min(batch_size, len(items)) for group, items in groups.items()}
    passes = {group: len(items) // rows[group] for group, items in groups.items()}
    assert len(batches) == len(loader) == max(passes.values())
    for group, items in groups.items():
        columns = tuple(sorted((*group, "label")))
        seen = [batch[columns]["label"] for batch in batches]
        for batch, labels in zip(batches, seen, strict=True):
            assert all(found == labels for found in batch[columns].values())
            assert len(set(labels)) == len(labels) == rows[group]
            assert set(labels) <= set(items.tolist())
        # No item comes again before the pass is over.
        for start in range(0, len(batches), passes[group]):
            drawn = Counter(i for b in seen[start : start + passes[group]] for i in b)
            assert max(drawn.values()) == 1


def order(loader: TrainLoader) -> list[list[int]]:
    return [table.columns["label"].tolist() for table in loader]


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_batches_do_not_depend_on_how_many_are_looked_up_together(
    steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = {("a",): IDS, ("a", "b"): IDS[:7]}
    loader = TrainLoader(COLUMNS, groups, 2, 0, ("label",), share=(1, 2))
    expected = [items_of(table) for table in loader]
    assert len(expected) == len(loader) == 7
    monkeypatch.setattr(loaders, "INDEXED", steps)
    assert [items_of(table) for table in loader] == expected
    loader.load_state_dict({"epoch": 0, "steps": 3})
    assert [items_of(table) for table in loader] == expected[3:]


def test_each_epoch_has_another_order() -> None:
    loader = TrainLoader(COLUMNS, {("a",): IDS}, 6, 0, ("label",))
    first = order(loader)
    loader.set_epoch(1)
    assert order(loader) != first
    loader.set_epoch(0)
    assert order(loader) == first


def test_same_seed_gives_the_same_order_and_another_seed_another() -> None:
    groups = {("a",): IDS, ("a", "b"): IDS[:9]}
    first, again, other = (
        order(TrainLoader(COLUMNS, groups, 4, seed, ("label",))) for seed in (0, 0, 1)
    )
    assert first == again != other


def test_another_group_does_not_change_the_order_of_the_first() -> None:
    alone = TrainLoader(COLUMNS, {("a",): IDS}, 6, 0, ("label",))
    both = TrainLoader(COLUMNS, {("b",): IDS, ("a",): IDS}, 6, 0, ("label",))
    for table, wider in zip(alone, both, strict=True):
        assert torch.equal(table.columns["a"], wider.columns["a"])


def test_shorter_groups_start_over_in_a_new_order() -> None:
    groups = {("a",): IDS, ("b",): IDS[:6]}
    loader = TrainLoader(COLUMNS, groups, 3, 0)
    found = [table.columns["b"].flatten().tolist() for table in loader]
    assert len(found) == 10
    passes = [found[i] + found[i + 1] for i in range(0, 10, 2)]
    assert all(sorted(p) == [100, 101, 102, 103, 104, 105] for p in passes)
    assert len({tuple(p) for p in passes}) > 1


def test_lightning_finds_the_epoch_setter_of_the_loader() -> None:
    loader = TrainLoader(COLUMNS, {("a",): IDS}, 6, 0)
    loader.sampler.set_epoch(3)
    assert loader.epoch == 3


@given(
    flags=st.lists(
        st.tuples(st.booleans(), st.booleans()), min_size=ITEMS, max_size=ITEMS
    ),
    batch_size=st.integers(1, 12),
)
@settings(max_examples=25, deadline=None)
def test_evaluation_shows_every_item_once_with_all_of_its_domains(
    flags: list[tuple[bool, bool]], batch_size: int
) -> None:
    present = {
        name: torch.tensor([flag[i] for flag in flags]) for i, name in enumerate("ab")
    }
    loader = EvalLoader(COLUMNS, present, batch_size, ("label",))
    seen: dict[int, tuple[str, ...]] = {}
    batches = list(loader)
    assert len(batches) == len(loader)
    for table in batches:
        ((columns, found),) = items_of(table).items()
        assert all(items == found["label"] for items in found.values())
        assert 1 <= len(found["label"]) <= batch_size
        assert found["label"] == sorted(found["label"])
        assert not seen.keys() & found["label"]
        seen |= dict.fromkeys(found["label"], columns)
    expected = {
        item: tuple(d for d, has in zip("ab", flag, strict=True) if has)
        for item, flag in enumerate(flags)
    }
    assert seen == {i: (*group, "label") for i, group in expected.items() if group}


def test_evaluation_repeats_all_rows() -> None:
    present = {"a": torch.ones(ITEMS, dtype=torch.bool)}
    once, thrice = (EvalLoader(COLUMNS, present, 4, repeats=n) for n in (1, 3))
    assert len(thrice) == 3 * len(once)
    expected = [items_of(table) for table in [*once, *once, *once]]
    assert [items_of(table) for table in thrice] == expected


def test_evaluation_is_the_same_every_time() -> None:
    present = {"a": torch.ones(ITEMS, dtype=torch.bool)}
    loader = EvalLoader(COLUMNS, present, 7, ("label",))
    first, again = ([t.columns["label"].tolist() for t in loader] for _ in range(2))
    assert first == again
    assert [i for batch in first for i in batch] == COLUMNS["label"].tolist()


@pytest.mark.parametrize("batch_size", [4, 30, 100])
def test_group_gives_all_it_has_if_that_is_less_than_a_batch(batch_size: int) -> None:
    loader = TrainLoader(COLUMNS, {("a",): IDS, ("b",): IDS[:5]}, batch_size, 0)
    for table in loader:
        assert len(table.columns["a"]) == min(batch_size, 30)
        assert len(table.columns["b"]) == min(batch_size, 5)


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_share_the_rows_of_each_step(processes: int) -> None:
    groups = {("a",): IDS, ("a", "b"): IDS[:12]}
    one = TrainLoader(COLUMNS, groups, 2 * processes, 0)
    shares = [
        TrainLoader(COLUMNS, groups, 2, 0, share=(process, processes))
        for process in range(processes)
    ]
    for loader in (one, *shares):
        loader.set_epoch(3)
    steps = zip(one, *shares, strict=True)
    for whole, *parts in [[items_of(table) for table in step] for step in steps]:
        for group, columns in whole.items():
            for name, rows in columns.items():
                found = [row for part in parts for row in part[group][name]]
                assert sorted(found) == sorted(rows)


@pytest.mark.parametrize("processes", [2, 3, 40])
def test_processes_evaluate_the_batches_of_one(processes: int) -> None:
    """None says that it has no batch, so that all take part in what comes after."""
    present = {"a": IDS >= 0, "b": IDS >= 7}
    one = [items_of(table) for table in EvalLoader(COLUMNS, present, 4)]
    shares = [
        EvalLoader(COLUMNS, present, 4, share=(process, processes))
        for process in range(processes)
    ]
    for process, loader in enumerate(shares):
        assert [items_of(table) for table in loader] == one[process::processes]
        assert len(loader) == len(shares[0]) == -(-len(one) // processes)


def test_fewer_rows_than_processes_are_an_error() -> None:
    with pytest.raises(ConfigError, match=r"group a has 2 rows, fewer than the 3 proc"):
        TrainLoader(COLUMNS, {("a",): IDS[:2]}, 8, 0, share=(0, 3))


def test_latents_have_the_rows_of_what_they_are_made_of() -> None:
    groups = {("a",): IDS[:20], ("a", "b"): IDS[5:]}
    columns = {"a/latent": 2 * COLUMNS["a"], **COLUMNS, "unread": IDS}
    raw, other = (
        next(iter(TrainLoader(given, groups, 4, seed=0, labels=("label",))))
        for given in (COLUMNS, {n: c for n, c in columns.items() if n != "a"})
    )
    assert set(other.columns) == {"a/latent", "b", "label"}
    assert other.layout == raw.layout
    assert torch.equal(other.columns["a/latent"], 2 * raw.columns["a"])
    assert torch.equal(other.columns["label"], raw.columns["label"])


@pytest.fixture
def pinned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the threads that pin memory, which is not pinned without a GPU."""
    threads: list[str] = []

    def pin_memory(table: Table) -> Table:
        threads.append(current_thread().name)
        return table

    monkeypatch.setattr(Table, "pin_memory", pin_memory)
    return threads


def test_batches_made_ahead_are_the_same(pinned: list[str]) -> None:
    groups = {("a",): IDS, ("a", "b"): IDS[5:]}
    present = {"a": IDS >= 0, "b": IDS > 4}
    for make in (
        lambda is_pinned: TrainLoader(COLUMNS, groups, 4, seed=0, pinned=is_pinned),
        lambda is_pinned: EvalLoader(COLUMNS, present, 4, pinned=is_pinned),
    ):
        plain, ahead = list(make(False)), list(make(True))
        assert [items_of(table) for table in ahead] == [items_of(t) for t in plain]
    assert len(pinned) == 7 + 9
    assert current_thread().name not in pinned


def test_batches_made_ahead_do_not_count_as_done(pinned: list[str]) -> None:
    loader = TrainLoader(COLUMNS, {("a",): IDS}, 4, seed=0, pinned=True)
    batches = iter(loader)
    seen = [items_of(next(batches)) for _ in range(3)]
    assert loader.state_dict() == {"epoch": 0, "steps": 3}
    del batches  # which ends the thread
    assert len(pinned) == 3 + 2
    loader.load_state_dict(loader.state_dict())
    rest = [items_of(table) for table in loader]
    assert seen + rest == [items_of(table) for table in loader]


def test_an_error_while_a_batch_is_made_ahead_is_raised(pinned: list[str]) -> None:
    columns = {"a": COLUMNS["a"][:3]}
    loader = TrainLoader(columns, {("a",): IDS}, 4, seed=0, pinned=True)
    with pytest.raises(IndexError):
        list(loader)
    assert not pinned
