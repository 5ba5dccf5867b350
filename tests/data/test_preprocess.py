import json

import numpy as np
import pytest
from PIL import Image
from skimage.transform import resize

from minunet.data import open_dataset
from minunet.data.preprocess import Preprocessing, prepare, prepare_masks, restore
from minunet.engine.files import InputError

KEEP = Preprocessing(size=None)


def head(shape=(4, 40, 40, 2), seed=0):
    """A bright textured square in noisy air, uint8."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 5, shape)
    inside = images[:, 8:-8, 10:-10]
    inside += rng.integers(60, 180, inside.shape)
    return images.astype(np.uint8)


def test_settings_survive_json():
    settings = Preprocessing(size=96, low=0.5, high=99.5)
    assert Preprocessing.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings


@pytest.mark.parametrize("wrong, message", [
    ({"size": 0}, "size must be a whole number from 1, got 0"),
    ({"size": 1.5}, "size must be a whole number from 1, got 1.5"),
    ({"low": 99}, "percentiles are 99 and 99; give"),
    ({"high": 101}, "percentiles are 1 and 101; give"),
    ({"low": -1}, "low must be a finite number from 0, got -1"),
    ({"high": np.nan}, "high must be a finite number from 0, got nan"),
    ({"low": None}, "low must be a finite number from 0, got None"),
    ({"one_tumour": 1}, "one_tumour must be True or False, got 1"),
])
def test_settings_out_of_range_are_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        Preprocessing(**wrong)


@pytest.mark.parametrize("use", [
    lambda images: prepare(images, KEEP), lambda images: prepare_masks(images[..., 0] > 9, KEEP),
    lambda images: restore(images, (40, 40), KEEP)])
def test_a_masked_array_is_refused(use):
    with pytest.raises(TypeError, match=r"is a masked array, and masks are not .*\.filled\(0\)"):
        use(np.ma.masked_less(head(), 3))


def test_tissue_has_mean_0_and_standard_deviation_1_in_each_channel():
    images = head()
    z = prepare(images, KEEP)
    assert z.dtype == np.float32 and z.shape == images.shape
    for c in range(2):
        tissue = z[..., c][images[..., c] > 50]
        assert tissue.mean(dtype=float) == pytest.approx(0, abs=1e-4)
        assert tissue.std(dtype=float) == pytest.approx(1, abs=1e-4)


def test_prepared_values_follow_the_formula():
    x = head()[..., :1].astype(float)
    tissue = x[x > x.min() + 0.1 * (np.percentile(x, 99) - x.min())]
    low, high = np.percentile(tissue, [1, 99])
    clipped = np.clip(tissue, low, high)
    expected = (np.clip(x, low, high) - clipped.mean()) / clipped.std()
    np.testing.assert_allclose(prepare(head()[..., :1], KEEP), expected, atol=1e-5)


def test_gain_and_offset_of_the_scanner_do_not_matter():
    images = head().astype(np.float32)
    np.testing.assert_allclose(prepare(images * 7 - 300, KEEP), prepare(images, KEEP), atol=1e-4)


def test_how_much_air_surrounds_the_head_does_not_matter():
    images = head()
    wide = np.pad(images, ((0, 0), (30, 30), (30, 30), (0, 0)))
    tissue = prepare(wide, KEEP)[:, 38:-38, 40:-40]
    np.testing.assert_allclose(tissue, prepare(images, KEEP)[:, 8:-8, 10:-10], atol=0.02)


def test_statistics_are_of_the_patient_not_of_the_slice():
    images = head()
    images[1] = images[1] // 2  # a darker slice stays darker
    z = prepare(images, KEEP)
    assert z[1, 8:-8, 10:-10].mean() < z[0, 8:-8, 10:-10].mean() - 0.5


def test_a_single_bright_pixel_is_clipped_and_moves_nothing():
    images = head().astype(np.float32)
    bright = images.copy()
    bright[0, 20, 20] = 1e6
    z = prepare(bright, KEEP)
    assert z.max() < 4
    np.testing.assert_allclose(z[1:], prepare(images, KEEP)[1:], atol=0.01)


def test_a_patient_of_one_slice_works():
    settings = Preprocessing(size=32)
    assert prepare(head((1, 40, 40, 1)), settings).shape == (1, 32, 32, 1)
    assert prepare_masks(np.ones((1, 40, 40), np.uint8), settings).shape == (1, 32, 32)


def test_the_argument_is_not_changed():
    images = head().astype(np.float32)
    before = images.copy()
    prepare(images, Preprocessing(size=20))
    prepare(images, KEEP)
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize("shape, size", [((40, 40), 20), ((40, 40), 27), ((40, 40), 64),
                                         ((50, 30), 20), ((30, 50), 64)])
def test_resizing_is_that_of_pillow(shape, size):
    images = head((2, *shape, 1))
    z, prepared = prepare(images, KEEP), prepare(images, Preprocessing(size=size))
    rows, columns = (round(side * size / max(shape)) for side in shape)
    top, left = (size - rows) // 2, (size - columns) // 2
    expected = Image.fromarray(z[0, ..., 0]).resize((columns, rows), Image.Resampling.BILINEAR)
    np.testing.assert_allclose(prepared[0, top:top + rows, left:left + columns, 0],
                               np.asarray(expected), atol=1e-4)


def test_a_short_side_is_padded_equally_with_its_edge_values():
    images = head((2, 40, 20, 1))
    prepared = prepare(images, Preprocessing(size=40))
    assert prepared.shape == (2, 40, 40, 1)
    np.testing.assert_array_equal(prepared[:, :, 10:30], prepare(images, KEEP))
    np.testing.assert_array_equal(prepared[:, :, :10], np.repeat(prepared[:, :, 10:11], 10, 2))
    np.testing.assert_array_equal(prepared[:, :, 30:], np.repeat(prepared[:, :, 29:30], 10, 2))


@pytest.mark.parametrize("shape", [(60, 60), (60, 41), (33, 60)])
@pytest.mark.parametrize("size", [30, 47, 60, 90])
def test_a_mask_goes_where_its_image_goes(shape, size):
    rows, columns = np.mgrid[:shape[0], :shape[1]]
    mask = (np.hypot(rows - 0.6 * shape[0], columns - 0.4 * shape[1]) < 9).astype(np.uint8)
    settings = Preprocessing(size=size, low=0, high=100)
    image = (40 + 60 * mask).astype(np.float32)
    image[0, 0] = 0  # the background: 40 is tissue then, and two values can be standardised
    image = prepare(image[np.newaxis, ..., np.newaxis], settings)[0, ..., 0]
    prepared = prepare_masks(mask[np.newaxis], settings)[0]
    assert prepared.dtype == np.uint8
    bright = image > (image.min() + image.max()) / 2 - 1e-4  # a tie is tumour
    assert (bright != prepared).sum() <= 0.05 * prepared.sum()


@pytest.mark.parametrize("size", [32, 50, 64, 128])
def test_a_tumour_neither_grows_nor_shrinks(size):
    rows, columns = np.mgrid[:64, :64]
    mask = (np.hypot(rows - 30.3, columns - 33.8) < 12.3)[np.newaxis]
    prepared = prepare_masks(mask, Preprocessing(size=size))
    assert prepared.sum() / size**2 == pytest.approx(mask.sum() / 64**2, rel=0.05)


def test_masks_of_other_values_are_refused():
    with pytest.raises(ValueError, match="masks: expected 0 and 1, got 0 to 255"):
        prepare_masks(np.array([[[0, 255]]], np.uint8), KEEP)


def test_restore_enlarges_as_scikit_image_does():
    probabilities = np.random.default_rng(0).random((2, 20, 20, 3), dtype=np.float32)
    restored = restore(probabilities, (50, 50), Preprocessing(size=20))
    assert restored.shape == (2, 50, 50, 3) and restored.dtype == np.float32
    expected = resize(probabilities[1], (50, 50), order=1, mode="edge")
    np.testing.assert_allclose(restored[1], expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(64, 64), (64, 40), (37, 64)])
@pytest.mark.parametrize("size", [48, 64, 80])
def test_restore_undoes_what_prepare_masks_does(shape, size):
    settings = Preprocessing(size=size)
    rows, columns = np.mgrid[:shape[0], :shape[1]]
    masks = (np.hypot(rows - 0.6 * shape[0], columns - 0.4 * shape[1]) < 10)[np.newaxis]
    small = prepare_masks(masks, settings)[..., np.newaxis].astype(np.float32)
    restored = restore(small, shape, settings)
    assert restored.shape == (1, *shape, 1)
    back = restored[..., 0] >= 0.5
    assert 2 * (back & masks).sum() / (back.sum() + masks.sum()) > 0.95


def test_without_a_size_nothing_moves():
    masks = np.random.default_rng(0).integers(0, 2, (2, 15, 21)).astype(np.uint8)
    np.testing.assert_array_equal(prepare_masks(masks, KEEP), masks)
    probabilities = masks[..., np.newaxis].astype(np.float32)
    np.testing.assert_array_equal(restore(probabilities, (15, 21), KEEP), probabilities)
    assert prepare(head((1, 30, 44, 1)), KEEP).shape == (1, 30, 44, 1)


@pytest.mark.parametrize("call, name", [
    (lambda: prepare(np.zeros((4, 4, 3)), KEEP), "images"),
    (lambda: prepare(np.zeros((0, 4, 4, 1)), KEEP), "images"),
    (lambda: prepare_masks(np.zeros((4, 4)), KEEP), "masks"),
    (lambda: restore(np.zeros((2, 8, 8)), (8, 8), KEEP), "probabilities"),
    (lambda: restore(np.zeros((2, 8, 8, 1)), (30, 30), Preprocessing(size=16)), "probabilities"),
])
def test_arrays_of_the_wrong_shape_are_named(call, name):
    with pytest.raises(ValueError, match=f"{name}: expected"):
        call()


def test_real_tissue_has_nearly_the_same_brightness_in_all_patients(lgg_folder):
    medians = []
    for patient in open_dataset(lgg_folder)[::9]:
        images, _ = patient.load()
        z = prepare(images, KEEP, patient.name)
        assert z.min() > -4 and z.max() < 6
        medians.append(np.median(z[images[..., 1] > 40], axis=0))  # (3,), of what FLAIR shows
    assert np.std(medians, axis=0).max() < 0.4
