from torch import nn

from gwbricks.workspace import GWDecoder, GWEncoder


def test_coders_have_the_hidden_layers_asked_for_and_two_linear_maps_more() -> None:
    for coder in (GWEncoder(8, 32, 12, 3), GWDecoder(8, 32, 12, 3)):
        sizes = [
            (m.in_features, m.out_features) for m in coder if isinstance(m, nn.Linear)
        ]
        assert sizes == [(8, 32), (32, 32), (32, 32), (32, 32), (32, 12)]
