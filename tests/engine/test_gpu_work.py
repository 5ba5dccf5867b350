"""What a step asks of a GPU, counted on the stand-in: operations, memory, transfers, waiting."""

import numpy as np
import pytest
import shapes_only
import strict_backend
from hypothesis import given
from hypothesis import strategies as st
from shapes import proof

from minunet import UNet, ops, optim
from minunet.engine import threads
from minunet.engine.threads import GPU_BLOCK_BYTES, row_blocks
from minunet.train import train_step

MIB = 1 << 20
needs_views = pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.1.0",
                                 reason="NumPy before 2.1 does not say whether reshape copies")


def warm_step(base, side, batch, **config):
    """Give the operations of a network's second step, the most bytes alive, and transfers."""
    net = UNet(3, 1, base, **config)
    for arrays in (net.params, net.buffers):
        arrays.update({name: strict_backend.asarray(array) for name, array in arrays.items()})
    images, target = (strict_backend.zeros((batch, side, side, c), np.float32) for c in (3, 1))
    optimiser = optim.Adam(net.params, weight_decay=0.1)
    for _ in range(2):  # constants, such as Winograd's, move in the first
        strict_backend.work.reset()
        strict_backend.transfers.reset()
        loss = train_step(net, optimiser, images, target)
    moved = strict_backend.transfers.to_device, strict_backend.transfers.to_host
    float(loss)
    assert strict_backend.transfers.to_host == moved[1] + 1
    return strict_backend.work.operations, strict_backend.work.peak, moved


@pytest.fixture
def large(monkeypatch):
    """Let `warm_step` take sizes that would fill a GPU: nothing is computed."""
    monkeypatch.setattr(strict_backend, "compute", shapes_only.compute)


@pytest.mark.parametrize("norm", ["batch", None])
@pytest.mark.parametrize("base", [2, 16, 32])  # each method of convolution
def test_a_warm_step_moves_nothing_and_never_waits(base, norm):
    _, _, moved = warm_step(base, 32, 1, norm=norm)
    assert moved == (0, 0)


@needs_views
@pytest.mark.parametrize("case", [(2, 16, 1), (16, 32, 2), (32, 32, 1)])
def test_what_is_counted_without_computing_is_what_is_counted(case, monkeypatch):
    computed = warm_step(*case)
    monkeypatch.setattr(strict_backend, "compute", shapes_only.compute)
    assert warm_step(*case) == computed


@needs_views
def test_operations_do_not_grow_with_batch_and_image(large, monkeypatch):
    """A handful more or less: where tiles are few, another cut is taken."""
    monkeypatch.setattr(threads, "GPU_BLOCK_BYTES", 1 << 50)
    small, *larger = (warm_step(32, side, batch)[0]
                      for side, batch in ((64, 1), (512, 1), (512, 16)))
    assert max(larger) <= small + 20


@needs_views
def test_a_large_step_has_few_operations_in_all(large):
    operations, _, moved = warm_step(32, 512, 16)
    assert operations < 5500
    assert moved == (0, 0)


@pytest.mark.parametrize("arguments", [{"stride": 2}, {"padding": 3}])
def test_no_convolution_goes_image_by_image(arguments):
    """Not only what a U-Net needs: where dx is added up from patches, images go together, too."""
    counts = []
    for batch in (1, 5):
        x = strict_backend.zeros((batch, 9, 9, 2), np.float32)
        y, cache = ops.conv_forward(x, strict_backend.zeros((3, 3, 2, 2), np.float32), **arguments)
        strict_backend.work.reset()
        ops.conv_backward(y, cache)
        counts.append(strict_backend.work.operations)
    assert counts[0] == counts[1]


@proof
@given(n=st.integers(1, 64), rows=st.integers(1, 2048), row_bytes=st.integers(1, GPU_BLOCK_BYTES))
def test_a_gpus_blocks_are_half_full_on_average(n, rows, row_bytes):
    blocks = row_blocks("cupy", n, rows, row_bytes)
    assert len(blocks) <= 2 * n * rows * row_bytes / GPU_BLOCK_BYTES + 1


@needs_views
def test_the_memory_of_a_large_step_is_two_thirds_of_a_gibibyte_an_image(large):
    peaks = {batch: warm_step(32, 512, batch)[1] for batch in (8, 16, 32)}
    assert peaks[16] < 11 * 1024 * MIB
    for batch, before in ((16, 8), (32, 16)):
        assert (peaks[batch] - peaks[before]) / (batch - before) < 700 * MIB


@needs_views
def test_memory_does_not_pile_up_from_step_to_step():
    warm_step(4, 32, 1)
    before = strict_backend.work.alive
    warm_step(4, 32, 1)
    assert strict_backend.work.alive <= before + MIB


def test_the_count_follows_arrays_and_their_views():
    work, x = strict_backend.work, strict_backend.zeros((512, 512), np.float32)
    before, view = work.alive, x[:, 1:].T
    work.reset()
    y = view + 1
    assert work.operations == 1 and work.alive - before == 512 * 511 * 4
    del y
    assert work.alive == before and work.peak - before == 512 * 511 * 4
    del x
    assert work.alive == before  # the view needs the whole
    del view
    assert before - work.alive == MIB


@pytest.mark.parametrize("operands, copies", [
    (lambda x: (x, x.T), 0), (lambda x: (x[:, ::2], x[::2]), 2), (lambda x: (x[:, :4], x[:4]), 1),
    (lambda x: (x[None], x[None]), 0), (lambda x: (x[None], x.T[None]), 1),
    (lambda x: (x[None], x, x.T[None]), 1)])
def test_what_a_product_copies_is_counted(operands, copies):
    """A matrix may lie by rows or by columns; stacks of them must lie by rows, the result too."""
    arrays = operands(strict_backend.zeros((8, 8), np.float32))
    strict_backend.work.reset()
    strict_backend.matmul(*arrays[:2], out=None if len(arrays) == 2 else arrays[2])
    assert strict_backend.work.operations == 1 + copies
