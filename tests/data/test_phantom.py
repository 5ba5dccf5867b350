"""Synthetic heads: the same from a seed, like MRI in what can be measured, and not too easy."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from minunet.data.phantom import (
    FIELD_OF_VIEW,
    MODALITIES,
    draw_scanner,
    phantom_patients,
    phantom_slice,
    phantom_volume,
    scan,
    slice_levels,
    slice_points,
)
from minunet.data.phantom.anatomy import Tissue, brain_surface, draw_head, tissues, to_head
from minunet.data.phantom.geometry import ellipsoid, random_waves, tube


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def volumes():
    """Six heads with tumour: images (6, 24, 64, 64, 4), labels (6, 24, 64, 64)."""
    drawn = [phantom_volume((24, 64, 64), rng(seed)) for seed in range(6)]
    return tuple(np.stack(arrays) for arrays in zip(*drawn, strict=True))


def healthy_head(seed, z):
    """Fractions and image of a healthy slice, for what needs to know the tissues."""
    draw, pixel = rng(seed), FIELD_OF_VIEW / 96
    head, scanner = draw_head(draw), draw_scanner(draw)
    points = slice_points(z, 96, 96, pixel)
    fractions = tissues(to_head(points, head), head, pixel)
    return fractions, scan(fractions, points, scanner, draw)


# The contract: shapes, types, values, seeds.

def test_a_volume_has_four_modalities_and_the_labels_of_brats(volumes):
    images, labels = volumes
    assert MODALITIES == ("FLAIR", "T1", "T1ce", "T2")
    assert images.shape == (6, 24, 64, 64, 4) and images.dtype == np.float32
    assert labels.shape == (6, 24, 64, 64) and labels.dtype == np.uint8
    assert np.isfinite(images).all() and images.min() >= 0
    assert set(np.unique(labels)) == {0, 1, 2, 4}


def test_a_slice_is_one_image_and_one_label():
    image, label = phantom_slice(48, rng())
    assert image.shape == (48, 48, 4) and image.dtype == np.float32
    assert label.shape == (48, 48) and label.dtype == np.uint8


def test_a_volume_need_not_be_square():
    images, labels = phantom_volume((2, 40, 56), rng())
    assert images.shape == (2, 40, 56, 4) and labels.shape == (2, 40, 56)


def test_the_same_seed_draws_the_same_head_and_another_seed_another():
    (a, la), (b, lb), (c, _) = (phantom_volume((3, 32, 32), rng(seed)) for seed in (7, 7, 8))
    assert np.array_equal(a, b) and np.array_equal(la, lb)
    assert not np.array_equal(a, c)


def test_patient_i_is_the_same_however_many_are_asked_for():
    few, many = phantom_patients(2, size=32, slices=3), phantom_patients(5, size=32, slices=3)
    for a, b in zip(few, many[:2], strict=True):
        assert a.name == b.name
        assert all(np.array_equal(p, q) for p, q in zip(a.load(), b.load(), strict=True))
    assert not np.array_equal(many[0].load()[0], many[1].load()[0])


def test_a_patient_draws_the_same_whenever_loaded_and_differently_with_another_seed():
    patient, = phantom_patients(1, size=32, slices=2)
    other, = phantom_patients(1, size=32, slices=2, seed=1)
    assert np.array_equal(patient.load()[0], patient.load()[0])
    assert not np.array_equal(patient.load()[0], other.load()[0])


def test_a_patient_keeps_the_contract():
    patients = phantom_patients(3, size=40, slices=5)
    assert len({p.name for p in patients}) == 3
    images, masks = patients[0].load()
    assert images.shape == (5, 40, 40, 4) and images.dtype == np.float32
    assert masks.shape == (5, 40, 40) and masks.dtype == np.uint8
    assert set(np.unique(masks)) == {0, 1}
    assert len(patients[0].slices) == 5
    assert patients[0].spacing == (16.0, 6.0, 6.0)      # mm: 80 / 5, 240 / 40


# The tumour.

def test_each_patient_has_slices_with_tumour_and_slices_without(volumes):
    with_tumour = (volumes[1] > 0).any(axis=(2, 3)).sum(axis=1)
    assert (with_tumour >= 3).all() and (with_tumour <= 23).all()


def test_no_tumour_is_drawn_when_none_is_asked_for():
    assert not phantom_volume((4, 32, 32), rng(), tumour=False)[1].any()
    assert not phantom_slice(32, rng(), tumour=False)[1].any()


def test_every_slice_that_asks_for_a_tumour_shows_one():
    assert all(phantom_slice(64, rng(seed))[1].any() for seed in range(60))


def test_even_one_slice_of_a_volume_goes_through_the_tumour():
    assert all(phantom_volume((1, 48, 48), rng(seed))[1].any() for seed in range(20))


def test_the_tumour_lies_inside_the_brain(volumes):
    for seed, labels in enumerate(volumes[1]):
        head = draw_head(rng(seed))             # the first thing a volume draws
        for z, label in zip(slice_levels(24), labels, strict=True):
            points = slice_points(z, 64, 64, FIELD_OF_VIEW / 64)
            assert (brain_surface(to_head(points, head))[label > 0] < 0).all()


def test_tumours_differ_in_size_place_and_zones(volumes):
    labels = volumes[1]
    sizes = (labels > 0).sum(axis=(1, 2, 3))
    centres = [np.argwhere(label > 0).mean(axis=0) for label in labels]
    assert sizes.max() > 4 * sizes.min()
    assert np.std(centres, axis=0).min() > 2        # voxels
    assert len({tuple(np.unique(label)) for label in labels}) > 1


def test_the_necrotic_core_is_wrapped_in_the_rim():
    labels = [phantom_slice(160, rng(seed))[1] for seed in range(10)]
    around = [label[binary_dilation(label == 1) & (label != 1)] for label in labels]
    around = np.concatenate(around)
    assert around.size > 100 and np.mean(around == 4) > 0.95


def test_zones_have_the_brightness_that_radiologists_know():
    images, labels = zip(*(phantom_slice(96, rng(seed)) for seed in range(12)), strict=True)
    ring = [(i, j) for i, j in zip(images, labels, strict=True) if (j == 1).sum() > 20]
    assert len(ring) >= 3
    for image, label in ring:
        core, oedema, rim = (image[label == k].mean(axis=0) for k in (1, 2, 4))
        flair, t1, t1ce, t2 = range(4)
        assert rim[t1ce] > core[t1ce] and rim[t1ce] > oedema[t1ce]
        assert core[t1] < oedema[t1] and core[t2] > oedema[t2]
        assert oedema[flair] > core[flair]


# The head.

@pytest.mark.parametrize("seed", range(4))
def test_healthy_tissues_have_the_order_of_each_modality(seed):
    fractions, image = healthy_head(seed, z=14)
    csf, grey, white = (image[fractions[t] > 0.9].mean(axis=0)
                        for t in (Tissue.CSF, Tissue.GREY, Tissue.WHITE))
    flair, t1, t1ce, t2 = range(4)
    assert csf[flair] < white[flair] < grey[flair]
    assert csf[t1] < grey[t1] < white[t1]
    assert csf[t1ce] < grey[t1ce] < white[t1ce]
    assert white[t2] < grey[t2] < csf[t2]


def test_fractions_of_tissue_sum_to_one():
    fractions, _ = healthy_head(0, z=30)
    assert fractions.min() >= 0
    np.testing.assert_allclose(fractions.sum(axis=0), 1, atol=1e-5)


def test_the_head_ends_inside_the_image():
    edge = np.ones((64, 64), bool)
    edge[1:-1, 1:-1] = False
    for seed in range(20):
        fractions, _ = healthy_head(seed, z=0)
        edge = np.concatenate([fractions[0][[0, -1]].ravel(), fractions[0][:, [0, -1]].ravel()])
        assert (edge > 0.99).all()


def test_slices_shrink_towards_the_vertex(volumes):
    head = (volumes[0][..., 1] > 0.15).sum(axis=(2, 3))       # T1, (6, 24)
    assert (head[:, -1] < 0.6 * head[:, 5]).all()


def test_neighbouring_slices_look_alike_and_distant_ones_less():
    flair = phantom_volume((80, 48, 48), rng(3))[0][..., 0].reshape(80, -1)     # 1 mm apart
    near = [np.corrcoef(a, b)[0, 1] for a, b in pairwise(flair)]
    far = [np.corrcoef(a, b)[0, 1] for a, b in zip(flair, flair[20:], strict=False)]
    assert min(near) > 0.95
    assert np.mean(far) < np.mean(near) - 0.1


def test_air_is_noise_without_sign():
    """Rician: where there is no signal, mean / standard deviation is √(π / (4 − π)) = 1.91."""
    images, _ = phantom_volume((24, 64, 64), rng())
    air = images[:, :12, :12].reshape(-1, 4)        # a corner
    np.testing.assert_allclose(air.mean(axis=0) / air.std(axis=0), 1.91, rtol=0.05)


# Learnable, not trivial, and quick.

def best_threshold_dice(values, truth):
    """Highest Dice of {value > t} or {value < t} over all t, from one sorted pass."""
    hits = np.cumsum(truth[np.argsort(values, axis=None)])      # truth among the k lowest
    k, total = np.arange(1, hits.size + 1), hits[-1]
    below = 2 * hits / (k + total)
    above = 2 * (total - hits) / (hits.size - k + total)
    return max(below.max(), above.max())


def test_the_threshold_search_finds_what_a_threshold_can_separate():
    values = np.array([0.1, 0.9, 0.2, 0.8])
    assert best_threshold_dice(values, values > 0.5) == 1
    assert best_threshold_dice(values, values < 0.5) == 1


@pytest.mark.parametrize("modality", range(4), ids=MODALITIES)
def test_no_threshold_finds_the_tumours(volumes, modality):
    images, labels = volumes
    values, truth = images[..., modality].ravel(), labels.ravel() > 0
    assert best_threshold_dice(values, truth) < 0.8


def test_whole_tumour_differs_from_healthy_brain_in_flair(volumes):
    """Not to be found by a threshold, but there: brighter than most of the head."""
    for images, labels in zip(*volumes, strict=True):
        flair = images[..., 0]
        assert np.median(flair[labels == 2]) > np.quantile(flair[flair > 0.2], 0.6)


# The geometry beneath.

def test_a_sphere_has_its_exact_distance():
    points = np.array([[0, 0, 3], [0, 5, 0], [7, 0, 0]], np.float32).T
    np.testing.assert_allclose(ellipsoid(points, (0, 0, 0), (4, 4, 4)), [-1, 1, 3], atol=1e-4)


def test_a_tube_narrows_along_its_centreline_and_is_mirrored():
    line = ((0, 0, 10, 2.0), (0, 20, 10, 1.0))
    points = np.array([[0, 0, 13], [0, 10, 13], [0, 20, -13], [5, 0, 10]], np.float32).T
    np.testing.assert_allclose(tube(points, line), [1, 1.5, 2, 3], atol=1e-5)


def test_random_waves_have_mean_0_and_variance_1():
    points = rng().uniform(-1000, 1000, (3, 200_000)).astype(np.float32)
    values = random_waves(rng(1), 30)(points)
    assert abs(values.mean()) < 0.05 and abs(values.var() - 1) < 0.05


# Errors.

@pytest.mark.parametrize("shape, message", [
    ((64, 64), r"shape must be three sizes \(D, H, W\), got \(64, 64\)"),
    (64, "shape must be three sizes"),
    ((0, 64, 64), "D of shape must be a whole number from 1, got 0"),
    ((4, 31, 64), "H of shape must be a whole number from 32, got 31"),
    ((4, 64, 31.5), "W of shape must be a whole number from 32, got 31.5"),
])
def test_a_volume_of_an_impossible_shape_is_refused(shape, message):
    with pytest.raises(ValueError, match=message):
        phantom_volume(shape, rng())


@pytest.mark.parametrize("size", [31, 64.0])
def test_a_slice_of_an_impossible_size_is_refused(size):
    with pytest.raises(ValueError, match=f"size must be a whole number from 32, got {size}"):
        phantom_slice(size, rng())


@pytest.mark.parametrize("argument", [{"n": 0}, {"size": 31}, {"slices": 0}, {"seed": -1},
                                      {"slices": True}, {"n": "2"}])
def test_patients_that_cannot_be_drawn_are_refused_at_once(argument):
    (name, value), = argument.items()
    with pytest.raises(ValueError, match=f"{name} must be a whole number .*, got {value!r}"):
        phantom_patients(**{"n": 1} | argument)


def test_numpys_numbers_draw_the_same_patients():
    one, same = (phantom_patients(kind(1), size=kind(32), slices=kind(2), seed=kind(3))[0]
                 for kind in (int, np.int64))
    assert one.name == same.name and one.spacing == same.spacing
    np.testing.assert_array_equal(one.load()[0], same.load()[0])


@pytest.mark.parametrize("draw", [lambda: phantom_slice(32, 0),
                                  lambda: phantom_volume((1, 32, 32), 0)])
def test_a_seed_in_place_of_a_generator_is_refused(draw):
    with pytest.raises(TypeError, match="rng: got int; expected a numpy.random.Generator"):
        draw()
