"""A step of training: what crosses to a GPU and back, and that enough steps overfit one image."""

import numpy as np
import pytest
import strict_backend

from minunet import UNet, ops, optim


@pytest.mark.parametrize("dropout, masks", [(0.0, 0), (0.3, 1)])
@pytest.mark.parametrize("base_channels", [2, 16])  # few for im2col, enough for Winograd's method
def test_a_training_step_moves_the_batch_in_and_the_loss_out(base_channels, dropout, masks):
    """Every other transfer would make the GPU wait; dropout's mask is drawn on the host."""
    net = UNet(base_channels=base_channels, depth=2, dropout=dropout)
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 1)).astype(np.float32)
    target = np.ones_like(x)
    for arrays in (net.params, net.buffers):
        arrays.update({name: strict_backend.asarray(array) for name, array in arrays.items()})
    opt = optim.Adam(net.params, weight_decay=0.1)
    for _ in range(2):  # the first step may also move constants there, once and for all
        strict_backend.transfers.reset()
        x_there, target_there = strict_backend.asarray(x), strict_backend.asarray(target)
        logits, cache = net.forward(x_there, training=True)
        loss, dlogits = ops.sigmoid_cross_entropy(logits, target_there)
        overlap, doverlap = ops.dice_loss(logits, target_there)
        _, grads = net.backward(dlogits + doverlap, cache)
        opt.step(grads)
        assert np.isfinite(float(loss + overlap))
    transfers = strict_backend.transfers
    assert (transfers.to_device, transfers.to_host) == (2 + masks, 1)


@pytest.mark.parametrize("norm", ["batch", None])
def test_it_can_overfit_one_image(norm):
    net = UNet(base_channels=8, depth=2, norm=norm)
    rows, columns = np.mgrid[:16, :16]
    target = ((rows - 6) ** 2 + (columns - 9) ** 2 < 20).astype(np.float32)[None, :, :, None]
    x = target + np.random.default_rng(0).normal(0, 0.5, target.shape).astype(np.float32)
    opt = optim.Adam(net.params, lr=1e-2)
    for _ in range(60):
        logits, cache = net.forward(x, training=True)
        gradients = [loss(logits, target)[1]
                     for loss in (ops.sigmoid_cross_entropy, ops.dice_loss)]
        opt.step(net.backward(sum(gradients), cache)[1])
    found = net.forward(x, training=True)[0] > 0
    assert 2 * (found * target).sum() / (found.sum() + target.sum()) > 0.99
