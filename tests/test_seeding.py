import hashlib
import subprocess
import sys

import pytest
import torch
from hypothesis import given, strategies as st

from gwbricks.seeding import derive_seed, seed_torch

SEEDS = st.integers(min_value=0, max_value=2**32 - 1)
NAMES = st.text("abcv./", max_size=8)


@given(seed=SEEDS, name=NAMES)
def test_is_what_every_random_generator_takes(seed: int, name: str) -> None:
    derived = derive_seed(seed, name)
    assert 0 <= derived < 2**32
    assert torch.Generator().manual_seed(derived).initial_seed() == derived


@given(seed=SEEDS, name=NAMES, other=NAMES)
def test_other_names_give_other_seeds(seed: int, name: str, other: str) -> None:
    assert (derive_seed(seed, name) == derive_seed(seed, other)) == (name == other)


@given(seed=SEEDS, other=SEEDS)
def test_other_seeds_give_other_seeds(seed: int, other: int) -> None:
    assert (derive_seed(seed, "v") == derive_seed(other, "v")) == (seed == other)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        pytest.param((), "7", id="seed-only"),
        pytest.param(("domains.v",), "7/domains.v", id="path"),
        pytest.param(("epoch", 3), "7/epoch/3", id="number"),
    ],
)
def test_is_the_start_of_a_sha256_digest(names: tuple[object, ...], text: str) -> None:
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert derive_seed(7, *names) == int(digest[:8], 16)


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_does_not_depend_on_the_process(hash_seed: str) -> None:
    code = "from gwbricks.seeding import derive_seed; print(derive_seed(3, 'v'))"
    printed = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    assert int(printed) == derive_seed(3, "v")


@given(seed=SEEDS)
def test_torch_is_seeded_as_by_torch_itself(seed: int) -> None:
    seed_torch(seed)
    drawn = torch.rand(3)
    torch.manual_seed(seed)
    assert torch.equal(drawn, torch.rand(3))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_nothing_is_kept_for_a_gpu_that_is_not_there() -> None:
    before = len(torch.cuda._queued_calls)
    seed_torch(0)
    assert len(torch.cuda._queued_calls) == before
