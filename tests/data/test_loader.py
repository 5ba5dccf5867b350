"""From patients to batches."""

import threading
import weakref

import numpy as np
import pytest

from minunet.data.loader import batches, load_slices, one_ahead
from minunet.data.patient import Patient
from minunet.data.phantom import phantom_patients
from minunet.data.preprocess import Preprocessing, prepare
from minunet.engine.files import InputError

SETTINGS = Preprocessing(size=32)


@pytest.fixture(scope="module")
def slices():
    return load_slices(phantom_patients(2, size=32, slices=5, seed=0), SETTINGS)


def test_slices_of_all_patients_are_prepared_and_put_in_a_row(slices):
    assert slices.images.shape == (10, 32, 32, 4)
    assert slices.images.dtype == np.float32
    assert slices.masks.shape == (10, 32, 32)
    assert slices.patients.tolist() == [0] * 5 + [1] * 5


def test_an_epoch_has_as_many_slices_as_the_data_and_a_smaller_last_batch(slices):
    sizes = [len(images) for images, _ in batches(slices, 4, np.random.default_rng(0))]
    assert sizes == [4, 4, 2]


def test_a_batch_is_what_the_network_and_the_loss_take(slices):
    images, target = next(batches(slices, 3, np.random.default_rng(0)))
    assert images.shape == (3, 32, 32, 4)
    assert target.shape == (3, 32, 32, 1)
    assert images.dtype == target.dtype == np.float32
    assert set(np.unique(target)) <= {0, 1}


def test_the_same_seed_gives_the_same_batches_and_another_seed_others(slices):
    first, again, other = (list(batches(slices, 5, np.random.default_rng(seed)))
                           for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first[1], again[1], strict=True))
    assert not np.array_equal(first[0][0], other[0][0])


@pytest.mark.parametrize("size", [0, -1, 1.5])
def test_a_batch_size_that_cannot_be_is_named(slices, size):
    with pytest.raises(ValueError, match=f"batch_size must be a whole number from 1, got {size}"):
        next(batches(slices, size, np.random.default_rng(0)))


def test_patients_of_other_channels_are_refused_by_name():
    one, two = phantom_patients(2, size=32, slices=3, seed=0)
    images, masks = two.load()
    grey = Patient("grey", two.slices, lambda: (images[..., :1], masks))
    with pytest.raises(InputError, match=f"{one.name} has 4, grey has 1"):
        load_slices([one, grey], SETTINGS)


def test_masks_that_mark_nothing_are_refused():
    (patient,) = phantom_patients(1, size=32, slices=3, seed=0)
    images, masks = patient.load()
    healthy = Patient("healthy", patient.slices, lambda: (images, masks * 0))
    with pytest.raises(InputError, match="no mask of the training patients marks anything"):
        load_slices([healthy], SETTINGS)


def test_one_ahead_gives_the_same_items_and_makes_them_in_another_thread(monkeypatch):
    made_in = []

    def numbers():
        for i in range(4):
            made_in.append(threading.current_thread().name)
            yield i

    monkeypatch.setenv("MINUNET_THREADS", "2")
    assert list(one_ahead(numbers())) == [0, 1, 2, 3]
    assert all(name.startswith("minunet-data") for name in made_in)


@pytest.mark.parametrize("threads", ["1", "2"])
def test_one_ahead_passes_on_what_goes_wrong(monkeypatch, threads):
    monkeypatch.setenv("MINUNET_THREADS", threads)

    def broken():
        yield 1
        raise InputError("file lost")

    with pytest.raises(InputError, match="file lost"):
        list(one_ahead(broken()))


def test_a_patient_is_gone_from_memory_when_the_next_is_read(monkeypatch):
    alive = []

    def watched(images, *arguments):
        assert not any(reference() is not None for reference in alive)
        prepared = prepare(images, *arguments)
        alive.append(weakref.ref(prepared))
        return prepared

    monkeypatch.setattr("minunet.data.loader.prepare", watched)
    load_slices(phantom_patients(3, size=32, slices=2), SETTINGS)
    assert len(alive) == 3
