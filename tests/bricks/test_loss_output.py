import pytest
import torch

from gwbricks.bricks import LossOutput


def test_all_is_the_metrics_and_the_loss() -> None:
    loss, error = torch.tensor(2.0), torch.tensor(3.0)
    assert LossOutput(loss, {"error": error}).all == {"error": error, "loss": loss}


def test_metrics_are_not_shared_between_outputs() -> None:
    first, second = LossOutput(torch.tensor(0.0)), LossOutput(torch.tensor(0.0))
    first.metrics["error"] = torch.tensor(1.0)
    assert second.metrics == {}


def test_a_metric_cannot_be_called_loss() -> None:
    with pytest.raises(ValueError, match=r"metrics: 'loss' is taken.*Fix: rename it"):
        LossOutput(torch.tensor(0.0), {"loss": torch.tensor(1.0)})
