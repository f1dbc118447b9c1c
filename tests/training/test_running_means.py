from weakref import WeakSet

import pytest
import torch
from hypothesis import given, strategies as st
from torch import Tensor

from gwbricks.training import RunningMeans

VALUES = st.lists(
    st.tuples(st.floats(-100, 100, width=32), st.integers(1, 9)), min_size=1, max_size=9
)


@given(values=VALUES)
def test_mean_is_weighted(values: list[tuple[float, int]]) -> None:
    means = RunningMeans()
    for value, weight in values:
        means.add({"loss": torch.tensor(value)}, weight)
    expected = sum(v * w for v, w in values) / sum(w for _, w in values)
    assert means.take() == {"loss": pytest.approx(expected, rel=1e-4, abs=1e-4)}


def test_each_name_has_its_own_mean() -> None:
    means = RunningMeans()
    means.add({"loss": torch.tensor(1.0), "cycles": torch.tensor(3.0)})
    means.add({"loss": torch.tensor(2.0)})
    means.add({"cycles": torch.tensor(5.0), "loss": torch.tensor(6.0)})
    assert means.take() == {"loss": 3.0, "cycles": 4.0}


def test_taking_starts_anew() -> None:
    means = RunningMeans()
    means.add({"loss": torch.tensor(1.0)})
    means.take()
    assert means.take() == {}
    means.add({"loss": torch.tensor(7.0)})
    assert means.take() == {"loss": 7.0}


def test_adding_nothing_leaves_nothing() -> None:
    means = RunningMeans()
    means.add({}, weight=3)
    assert means.take() == {}


def test_one_bad_value_spares_the_other_names() -> None:
    means = RunningMeans()
    means.add({"loss": torch.tensor(torch.nan), "cycles": torch.tensor(1.0)})
    means.add({"loss": torch.tensor(1.0), "cycles": torch.tensor(2.0)})
    taken = means.take()
    assert taken["loss"] != taken["loss"]
    assert taken["cycles"] == 1.5


def test_callers_values_are_left_alone() -> None:
    means, value = RunningMeans(), torch.tensor(2.0)
    means.add({"loss": value})
    means.add({"loss": value})
    assert value.item() == 2.0
    assert means.take() == {"loss": 2.0}


def test_half_precision_is_added_up_in_full() -> None:
    means = RunningMeans()
    for _ in range(1000):
        means.add({"loss": torch.tensor(1.0, dtype=torch.bfloat16)})
    assert means.take() == {"loss": 1.0}


def test_adding_copies_nothing_off_the_device() -> None:
    means = RunningMeans()
    for _ in range(2):  # a tensor on the device `meta` has no value to copy
        means.add(
            {
                "loss": torch.ones((), device="meta"),
                "cycles": torch.ones((), device="meta"),
            }
        )
    with pytest.raises(NotImplementedError, match="meta tensor"):
        means.take()


def test_means_keep_no_graph_alive() -> None:
    saved = WeakSet()

    def pack(tensor: Tensor) -> Packed:
        packed = Packed(tensor)
        saved.add(packed)
        return packed

    means, weight = RunningMeans(), torch.ones((), requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda packed: packed.tensor):
        loss = weight.square()
    assert len(saved) == 1
    means.add({"loss": loss})
    del loss
    assert not saved


class Packed:
    """Holds a tensor, and can be weakly referred to."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
