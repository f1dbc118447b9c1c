import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor
from torch.nn import functional as F

from gwbricks.errors import ConfigError, UnknownNameError
from gwbricks.losses import RankingLoss


def reference(
    x: Tensor, y: Tensor, margin: float, similarity: str, hardest: bool
) -> float:
    """The loss of one pair, one item and one other item at a time."""

    def score(i: int, j: int) -> float:
        if similarity == "cosine":
            return F.cosine_similarity(x[i], y[j], dim=0).item()
        return -sum(
            max(0.0, (b - a).item()) ** 2 for a, b in zip(x[i], y[j], strict=True)
        )

    total = 0.0
    for i in range(len(x)):
        others = [j for j in range(len(x)) if j != i]
        for hinges in (
            [max(0.0, margin + score(i, j) - score(i, i)) for j in others],
            [max(0.0, margin + score(j, i) - score(i, i)) for j in others],
        ):
            total += (max(hinges, default=0.0) if hardest else sum(hinges)) / len(x)
    return total


@pytest.mark.parametrize("similarity", ["cosine", "order"])
@pytest.mark.parametrize("hardest", [True, False], ids=["hardest", "sum"])
@given(
    rows=st.integers(1, 5),
    pairs=st.integers(1, 3),
    margin=st.floats(0, 2),
    seed=st.integers(0, 9),
)
@settings(max_examples=20, deadline=None)
def test_is_the_formula(
    similarity: str,
    hardest: bool,
    rows: int,
    pairs: int,
    margin: float,
    seed: int,
) -> None:
    generator = torch.Generator().manual_seed(seed)
    x, y = torch.randn(2, pairs, rows, 4, generator=generator, dtype=torch.float64)
    found = RankingLoss(margin, similarity, hardest)(x, y).loss
    expected = [
        reference(first, second, margin, similarity, hardest)
        for first, second in zip(x, y, strict=True)
    ]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


def test_loss_is_zero_where_matched_items_lead_by_the_margin() -> None:
    x = torch.eye(4)
    assert RankingLoss(margin=0.9)(x, 3 * x).loss.item() == 0.0
    assert RankingLoss(margin=1.1)(x, 3 * x).loss.item() == pytest.approx(0.2)


def test_order_is_not_symmetric() -> None:
    x, y = torch.randn(2, 5, 3, dtype=torch.float64)
    loss = RankingLoss(similarity="order")
    assert loss(x, y).loss.item() != pytest.approx(loss(y, x).loss.item())


def test_negative_margin_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"margin: -0\.1\. Expected 0 or more"):
        RankingLoss(margin=-0.1)


def test_unknown_similarity_names_the_close_one() -> None:
    with pytest.raises(UnknownNameError, match="cosine"):
        RankingLoss(similarity="cosin")
