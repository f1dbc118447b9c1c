import torch

from gwbricks.workspace import CorruptedAccuracy


def test_counts_rows_of_each_scale_over_batches() -> None:
    metric = CorruptedAccuracy()
    torch.manual_seed(0)
    label = torch.randint(3, (40,))
    logits = {name: torch.randn(40, 3) for name in ("learned", "shared")}
    cells = torch.tensor([0.0, 0.1, 2.0])[torch.randint(3, (40, 2))]
    for rows in (slice(0, 15), slice(15, 40)):
        batch = {name: values[rows] for name, values in logits.items()}
        metric.update(batch, label[rows], cells[rows])
    found = metric.compute()
    assert len(found) == 6
    for name, values in logits.items():
        for scale in (0.0, 0.1, 2.0):
            rows = [i for i in range(40) if cells[i].max() == scale]
            right = sum(int(values[i].argmax() == label[i]) for i in rows)
            value = found[f"accuracy/{name}/scale_{scale:g}"]
            torch.testing.assert_close(value, torch.tensor(right / len(rows)))


def test_starts_anew_after_a_reset() -> None:
    metric = CorruptedAccuracy()
    scales, logits = torch.zeros(2, 1), {"head": torch.eye(2)}
    metric.update(logits, torch.tensor([1, 0]), scales)
    metric.reset()
    metric.update(logits, torch.tensor([0, 1]), scales)
    assert metric.compute() == {"accuracy/head/scale_0": torch.tensor(1.0)}
