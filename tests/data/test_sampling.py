"""Which slices are drawn for training."""

import numpy as np
import pytest

from minunet.data.sampling import draw_slices


def test_half_of_the_drawn_slices_show_tumour_however_few_there_are():
    has_tumour = np.arange(1000) < 20
    drawn = draw_slices(has_tumour, np.arange(1000) % 7, 1000, np.random.default_rng(0))
    assert drawn.shape == (1000,)
    assert has_tumour[drawn].mean() == pytest.approx(0.5, abs=0.05)
    few = draw_slices(has_tumour, np.arange(1000) % 7, 1000, np.random.default_rng(0), share=0.2)
    assert has_tumour[few].mean() == pytest.approx(0.2, abs=0.05)


def test_no_slice_comes_again_before_all_of_its_kind_have_come():
    has_tumour = np.arange(50) % 5 == 0  # 10 with, 40 without
    drawn = draw_slices(has_tumour, np.zeros(50, int), 100, np.random.default_rng(0))
    for kind in (True, False):
        indices, size = drawn[has_tumour[drawn] == kind], int((has_tumour == kind).sum())
        rounds = [indices[i:i + size] for i in range(0, len(indices), size)]
        assert all(len(set(part)) == len(part) for part in rounds)
        assert len(rounds) > 1
        assert (rounds[0] != np.sort(rounds[0])).any()


def test_every_patient_counts_alike_however_many_slices_it_has():
    patients = np.repeat([0, 1, 2, 3], [2, 5, 20, 73])
    has_tumour = np.ones(100, bool)
    has_tumour[[1, 4, 10, 50]] = False
    drawn = draw_slices(has_tumour, patients, 1000, np.random.default_rng(0))
    for kind in (True, False):
        counts = np.bincount(patients[drawn[has_tumour[drawn] == kind]])
        assert np.ptp(counts) <= 1
    first = patients[drawn[has_tumour[drawn]]]  # patients come in rounds, each in its own order
    rounds = [tuple(first[i:i + 4]) for i in range(0, 40, 4)]
    assert all(set(four) == {0, 1, 2, 3} for four in rounds) and len(set(rounds)) > 3


def test_a_patient_that_lacks_a_kind_is_left_out_of_its_rounds():
    drawn = draw_slices([True, False, False], [0, 0, 1], 400, np.random.default_rng(0))
    assert np.bincount(drawn)[0] == pytest.approx(200, abs=40)
    assert abs(np.diff(np.bincount(drawn)[1:])[0]) <= 1


@pytest.mark.parametrize("kind", [True, False])
def test_with_slices_of_one_kind_only_all_come_from_it(kind):
    drawn = draw_slices(np.full(7, kind), np.zeros(7, int), 14, np.random.default_rng(0))
    assert np.bincount(drawn).tolist() == [2] * 7


def test_the_seed_decides_what_is_drawn():
    has_tumour = np.arange(50) % 3 == 0
    patients = np.arange(50) // 9
    first, second, other = (
        draw_slices(has_tumour, patients, 30, np.random.default_rng(s)).tolist() for s in (0, 0, 1))
    assert first == second != other


def test_none_may_be_drawn():
    assert draw_slices([True, False], [0, 0], 0, np.random.default_rng(0)).shape == (0,)


@pytest.mark.parametrize("has_tumour, patients, share, name", [
    (np.zeros(0, bool), [], 0.5, "has_tumour"), (np.ones((2, 2), bool), [0, 0], 0.5, "has_tumour"),
    (np.ones(2, bool), [0], 0.5, "patients"), (np.ones(2, bool), [0, 0], 1.5, "share"),
])
def test_arguments_out_of_range_are_named(has_tumour, patients, share, name):
    with pytest.raises(ValueError, match=f"{name}: expected"):
        draw_slices(has_tumour, patients, 3, np.random.default_rng(0), share)
