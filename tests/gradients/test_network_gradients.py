"""Whole networks, every configuration: backward against differences along random directions."""

import numpy as np
import pytest

from minunet import UNet, gradcheck

SIZES = {  # (H, W), not square, and just large enough for a depth without padding
    ("same", 1): (4, 6), ("same", 2): (4, 12), ("same", 3): (16, 8),
    ("valid", 1): (18, 20), ("valid", 2): (44, 48), ("valid", 3): (92, 100),
}


@pytest.mark.parametrize("out_channels", [1, 2])
@pytest.mark.parametrize("dropout", [0, 0.3])
@pytest.mark.parametrize("norm", ["batch", None])
@pytest.mark.parametrize("padding, depth", SIZES)
def test_unet(padding, depth, norm, dropout, out_channels):
    net = UNet(2, out_channels, base_channels=2, depth=depth, padding=padding, norm=norm,
               dropout=dropout, dtype="float64")
    rng = np.random.default_rng(0)
    for name, value in net.params.items():
        if name.endswith(".b"):  # where all inputs are 0, a bias of 0 sits on ReLU's kink
            value += rng.normal(0, 0.1, size=value.shape)
    x = rng.normal(size=(2, *SIZES[padding, depth], 2))
    report = gradcheck.check_network(net, x)
    assert len(report) == 1 + len(net.params)  # x, and every parameter
    assert report.ok, f"\n{report}"
