"""Several ranks give what one gives with the whole batch: here by threads in place of MPI."""

import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from thread_ranks import run_ranks

from minunet import UNet, ops, optim
from minunet.data.loader import batches, load_slices, one_ahead
from minunet.data.phantom import phantom_patients
from minunet.data.preprocess import Preprocessing
from minunet.engine import mpi
from minunet.engine.backend import use_gpu
from minunet.engine.ranks import drawn, gradients, of_each_rank, over_ranks, part, together
from minunet.train import train_step

COUNT = 5  # images: the shares are not equal


def images_and_target(classes, axes=2, count=COUNT):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((count, *axes * (8,), 2))
    return x, rng.integers(0, max(classes, 2), (*x.shape[:-1], 1)).astype(float)


def trained(classes=1, steps=3, axes=2, **config):
    """Train on this rank's part of the batches; give the losses and all that the network holds."""
    net = UNet(2, classes, 3, 2, dtype="float64", axes=axes, **config)
    optimiser = optim.SGD(net.params, 0.1, 0.9)
    x, target = images_and_target(classes, axes)
    mine, losses = part(COUNT), []
    for _ in range(steps):
        with together(COUNT):
            losses.append(float(train_step(net, optimiser, x[mine], target[mine])))
    return np.array(losses), net.params | net.buffers


@pytest.mark.parametrize("ranks", [2, 3, 5])
@pytest.mark.parametrize("config", [
    {}, {"classes": 3}, {"norm": None}, {"dropout": 0.4}, {"axes": 3}], ids=str)
def test_ranks_make_the_steps_of_one_with_the_whole_batch(ranks, config):
    losses, arrays = trained(**config)
    for other_losses, others in run_ranks(ranks, lambda: trained(**config)):
        np.testing.assert_allclose(other_losses, losses, rtol=1e-10)
        for name, array in arrays.items():
            np.testing.assert_allclose(others[name], array, rtol=1e-10, atol=1e-10, err_msg=name)


def test_ten_steps_stay_within_1e_10():
    losses, arrays = trained(steps=10)
    [(other_losses, others), _] = run_ranks(2, lambda: trained(steps=10))
    np.testing.assert_allclose(other_losses, losses, rtol=1e-10)
    for name, array in arrays.items():
        np.testing.assert_allclose(others[name], array, rtol=1e-10, atol=1e-10, err_msg=name)


def test_without_the_others_moments_the_network_would_be_another(monkeypatch):
    losses, _ = trained()
    monkeypatch.setattr("minunet.ops.fast.moments.of_each_rank", lambda *values: [values])
    [(others, _), _] = run_ranks(2, trained)
    assert abs(others / losses - 1).max() > 1e-3


def test_all_ranks_hold_the_same_bytes_and_the_next_run_has_them_again():
    runs = [run_ranks(3, trained) for _ in range(2)]
    first = runs[0][0][1]
    for run in runs:
        for _, arrays in run:
            assert all((arrays[name] == first[name]).all() for name in first)


def test_the_plain_normalisation_takes_the_moments_of_the_batch_too():
    x, _ = images_and_target(1)
    gamma, beta, dy = np.array([2.0, 3.0]), np.array([1.0, 0.0]), np.cos(9 * x)

    def normalised():
        mine = part(COUNT)
        with together(COUNT):
            y, cache = ops.batch_norm_forward(x[mine], gamma, beta)
            return y, *ops.batch_norm_backward(dy[mine], cache)

    expected = normalised()
    y, dx, *sums = zip(*run_ranks(2, normalised), strict=True)
    for whole, parts in zip(expected[:2], (y, dx), strict=True):
        np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-12, atol=1e-12)
    for whole, parts in zip(expected[2:], sums, strict=True):  # a rank's own: summed with the rest
        np.testing.assert_allclose(sum(parts), whole, rtol=1e-12)


def test_a_batch_with_fewer_images_than_ranks_is_computed_by_each():
    assert part(1) == slice(0, 1)
    assert run_ranks(2, lambda: part(1)) == [slice(0, 1)] * 2

    def summed():
        with together(1):
            return over_ranks(3)

    assert run_ranks(2, summed) == [(3,), (3,)]


def test_parts_are_as_equal_as_can_be_and_miss_nothing():
    parts = run_ranks(3, lambda: part(8))
    assert [i for p in parts for i in range(8)[p]] == list(range(8))
    assert {len(range(8)[p]) for p in parts} <= {2, 3}


def test_what_is_told_keeps_its_kind_and_the_order_of_the_ranks():
    def told():
        value = mpi.rank() + 1
        with together(2):
            return of_each_rank(value, np.float32([value, 7]), np.array(value / 4))

    for rows in run_ranks(2, told):
        assert [row[0] for row in rows] == [1, 2] and isinstance(rows[0][0], int)
        assert [row[1].tolist() for row in rows] == [[1, 7], [2, 7]]
        assert rows[0][1].dtype == np.float32 and rows[1][2] == 0.5


def test_outside_of_a_shared_batch_sums_are_a_ranks_own():
    assert run_ranks(2, lambda: over_ranks(mpi.rank())) == [(0,), (1,)]


def test_random_numbers_are_those_of_the_whole_batch():
    whole = np.random.default_rng(0).random((5, 2))

    def own():
        rng = np.random.default_rng(0)
        with together(5):
            return drawn(rng.random, (len(range(5)[part(5)]), 2)), rng.random()

    found = run_ranks(2, own)
    np.testing.assert_array_equal(np.concatenate([numbers for numbers, _ in found]), whole)
    assert found[0][1] == found[1][1]  # the same state


def test_a_rank_sends_the_least_that_a_sum_takes():
    def sent():
        net = UNet(2, 1, 4, 2, norm=None)
        x, target = (array.astype(np.float32) for array in images_and_target(1, count=4))
        with together(4):
            logits, cache = net.forward(x[part(4)], training=True)
            before = mpi._comm.get().sent
            net.backward(np.ones_like(logits), cache)
        size = sum(array.nbytes for array in net.params.values())
        return (mpi._comm.get().sent - before) / size

    for ranks in (2, 4):
        bound = 2 * (ranks - 1) / ranks
        assert all(bound <= share < 1.02 * bound for share in run_ranks(ranks, sent))


def test_gradients_leave_level_by_level():
    calls = []

    def watch():
        net = UNet(2, 1, 4, 2)
        x, _ = images_and_target(1)
        comm = mpi._comm.get()
        send = comm.Ialltoall
        comm.Ialltoall = lambda *arrays: calls.append(arrays[0].size) or send(*arrays)
        with together(COUNT):
            logits, cache = net.forward(x[part(COUNT)].astype(np.float32), training=True)
            net.backward(np.ones_like(logits), cache)

    run_ranks(2, watch)
    assert len(calls) == 2 * 5  # two levels down, the bottom, two up


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_lists_are_shared_and_come_back_in_their_order(ranks):
    def doubled():
        return mpi.gather([[2 * item, float("nan")] for item in mpi.share(range(7))])

    for found in run_ranks(ranks, doubled):
        assert [item for item, _ in found] == list(range(0, 14, 2))
    assert run_ranks(ranks, lambda: mpi.gather([])) == [[]] * ranks


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, bool])
def test_an_array_is_spread_from_whoever_has_it(dtype):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    for found in run_ranks(3, lambda: mpi.spread(array if mpi.rank() == 1 else None, 1)):
        np.testing.assert_array_equal(found, array)
        assert found.dtype == dtype


def test_each_patient_is_read_by_one_rank_and_all_have_its_slices():
    read = []

    patients = phantom_patients(5, size=32, slices=3)

    def slices():
        noting = [replace(p, load=lambda p=p: read.append(p.name) or p.load()) for p in patients]
        found = load_slices(noting, Preprocessing(32))
        return found.images[:15], found.masks[:15], found.patients

    expected = slices()
    assert sorted(read) == [p.name for p in patients]
    read.clear()
    for found in run_ranks(2, slices):
        for array, whole in zip(found, expected, strict=True):
            np.testing.assert_array_equal(array, whole)
    assert sorted(read) == [p.name for p in patients]


@pytest.mark.parametrize("ranks", [2, 3])
def test_the_parts_of_the_ranks_are_the_batches_of_one(ranks):
    patients = phantom_patients(2, size=32, slices=5)

    def epoch():
        slices = load_slices(patients, Preprocessing(32))
        return list(one_ahead(batches(slices, 4, np.random.default_rng(0))))

    whole = epoch()  # of 4, 4, and 2 slices
    shares = run_ranks(ranks, epoch)
    for i, batch in enumerate(whole):
        for k in (0, 1):
            parts = [share[i][k] for share in shares]
            if len(batch[0]) < ranks:  # each rank computes all of them
                parts = parts[:1]
            np.testing.assert_array_equal(np.concatenate(parts), batch[k])


def test_a_rank_that_fails_is_not_waited_for():
    def fail():
        if mpi.rank() == 1:
            raise KeyError("here")
        mpi.gather([1])

    with pytest.raises(KeyError, match="here"):
        run_ranks(2, fail)


def test_a_lost_rank_is_an_error_in_one_line():
    def fail():
        raise RuntimeError("MPI_ERR_PROC_FAILED: gone\nmore")

    with pytest.raises(mpi.LostRank) as error:
        mpi.wait(SimpleNamespace(Test=fail))
    assert str(error.value) == "another rank has ended (MPI_ERR_PROC_FAILED: gone)"


@pytest.mark.parametrize("number, taken", [(0, 0), (1, 1), (2, 0), (5, 1)])
def test_ranks_of_a_machine_share_its_gpus(monkeypatch, number, taken):
    used = []
    device = SimpleNamespace(Device=lambda i: SimpleNamespace(use=lambda: used.append(i)),
                             runtime=SimpleNamespace(getDeviceCount=lambda: 2))
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(cuda=device))
    monkeypatch.setattr("minunet.engine.backend.cuda_problem", lambda: None)
    use_gpu(number)
    assert used == [taken]
    assert mpi.local_rank() == 0  # alone


def test_a_message_that_cannot_begin_is_a_lost_rank_too():
    def fail(*arguments):
        raise RuntimeError("gone")

    with mpi.using_ranks(SimpleNamespace(size=2, rank=0, Ibarrier=fail)), \
            pytest.raises(mpi.LostRank, match="another rank has ended .gone."):
        mpi.meet()


def test_a_single_number_is_spread_and_a_level_without_gradients_sends_nothing():
    def work():
        with together(2):
            grads = gradients()
            grads |= {"b": None}
            grads |= {"w": np.ones(3)}
            return mpi.spread(np.array(7.0) if mpi.first() else None).shape, grads["w"].tolist()

    assert run_ranks(2, work) == [((), [2, 2, 2])] * 2
