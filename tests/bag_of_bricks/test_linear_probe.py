import torch

from gwbricks.bag_of_bricks import LinearProbe


def test_is_a_linear_map() -> None:
    probe, state = LinearProbe(in_dim=3, num_classes=2), torch.randn(4, 3)
    expected = state @ probe.linear.weight.T + probe.linear.bias
    torch.testing.assert_close(probe(state), expected)


def test_trains_itself_but_not_what_it_reads() -> None:
    probe, state = LinearProbe(3, 2), torch.randn(4, 3, requires_grad=True)
    logits = probe(state)
    (logits.square().sum() + state.sum()).backward()
    assert probe.linear.weight.grad is not None
    torch.testing.assert_close(state.grad, torch.ones(4, 3))


def test_reads_several_states_by_name() -> None:
    probe = LinearProbe(3, 2)
    states = {"v": torch.randn(4, 3), "t": torch.randn(2, 3)}
    logits = probe.each(states)
    assert list(logits) == ["t", "v"]
    torch.testing.assert_close(logits["v"], probe(states["v"]))
    assert logits["t"].shape == (2, 2)
