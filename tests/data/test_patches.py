"""Patches of volumes: cut where they should be, as many as cover all, alike for all ranks."""

import numpy as np
import pytest
from thread_ranks import run_ranks

from minunet.data import patches
from minunet.data.augment import augment_volume
from minunet.data.loader import Slices, load_slices, one_ahead
from minunet.data.patches import count_patches, patch_batches, patch_sides
from minunet.data.phantom import phantom_patients
from minunet.data.preprocess import Preprocessing
from minunet.data.scheme import BINARY
from minunet.data.shelf import Shelf

SIDES = 16, 24, 24


@pytest.fixture
def slices():
    return load_slices(phantom_patients(3, size=48, slices=20), Preprocessing(48))


def places():
    """A volume whose voxels hold their own places, and a mask with one voxel."""
    image = np.stack(np.indices((10, 40, 40)), axis=-1).astype(np.float32)
    mask = np.zeros((10, 40, 40), np.uint8)
    mask[7, 30, 5] = 1
    images, masks = Shelf(), Shelf()
    images.append(image)
    masks.append(mask)
    return Slices(images, masks, mask.any(axis=(1, 2)), np.zeros(10, int), BINARY)


@pytest.fixture
def as_they_are(monkeypatch):
    monkeypatch.setattr(patches, "augment_volume", lambda image, mask, rng: (image, mask))


def test_an_epoch_has_as_many_patches_as_cover_all_volumes(slices):
    assert count_patches(slices, (16, 16, 16)) == 3 * 2 * 3 * 3
    assert count_patches(slices, (24, 48, 48)) == 3
    rng = np.random.default_rng(0)
    sizes = [len(images) for images, _ in patch_batches(slices, 4, rng, (16, 16, 16))]
    assert sizes == [4] * 13 + [2]


def test_where_volumes_are_smaller_than_a_patch_so_is_the_patch(slices):
    assert patch_sides(slices, 16, 8).tolist() == [16, 16, 16]
    assert patch_sides(slices, 64, 8).tolist() == [24, 48, 48]
    assert patch_sides(slices, 32, 16).tolist() == [32, 32, 32]


def test_a_patch_has_its_side_along_all_axes_and_its_mask(slices):
    images, target = next(patch_batches(slices, 2, np.random.default_rng(0), (8, 16, 24)))
    assert images.shape == (2, 8, 16, 24, 4) and target.shape == (2, 8, 16, 24, 1)
    assert images.dtype == target.dtype == np.float32
    assert set(np.unique(target)) <= {0, 1}


def test_patches_lie_anywhere_and_a_third_of_them_where_tumour_is(as_they_are):
    slices, rng, found = places(), np.random.default_rng(0), []
    while len(found) < 400:
        found += [(x, t) for images, target in patch_batches(slices, 8, rng, (8, 8, 8))
                  for x, t in zip(images, target, strict=True)]
    corners = np.array([x[0, 0, 0] for x, _ in found])
    assert [len(np.unique(corners[:, axis])) for axis in range(3)] == [3, 33, 33]
    share = np.mean([t.any() for _, t in found])
    assert 0.3 < share < 0.45  # a third, and those that hit it by chance
    for x, t in found:
        if t.any():
            assert len(np.unique(x[t[..., 0] > 0], axis=0)) == 1  # that one voxel


def test_a_volume_smaller_than_a_patch_goes_on_with_its_edges(as_they_are):
    slices = places()
    images, target = next(patch_batches(slices, 1, np.random.default_rng(0), (48, 48, 48)))
    np.testing.assert_array_equal(images[0, 10:], images[0, 9:10].repeat(38, axis=0))
    np.testing.assert_array_equal(images[0, :, 40:], images[0, :, 39:40].repeat(8, axis=1))
    assert target.sum() == 1


def test_a_patch_never_reaches_into_the_next_patient(as_they_are):
    slices = places()
    slices.images.append(np.full((24, 40, 40, 3), 99, np.float32))
    slices.masks.append(np.zeros((24, 40, 40), np.uint8))
    slices = slices._replace(marked=np.append(slices.marked, [False] * 24),
                             patients=np.repeat([0, 1], [10, 24]))
    for x, _ in patch_batches(slices, 1, np.random.default_rng(0), (16, 40, 40)):
        assert (x == 99).all() or not (x == 99).any()


@pytest.mark.parametrize("ranks", [2, 3])
def test_the_parts_of_the_ranks_are_the_batches_of_one(ranks, slices):
    def epoch():
        return [x for x, _ in one_ahead(patch_batches(slices, 4, np.random.default_rng(0), SIDES))]

    whole = epoch()
    shares = run_ranks(ranks, lambda: [x for x, _ in patch_batches(
        load_slices(phantom_patients(3, size=48, slices=20), Preprocessing(48)), 4,
        np.random.default_rng(0), SIDES)])
    for i, batch in enumerate(whole):
        np.testing.assert_array_equal(np.concatenate([share[i] for share in shares]), batch)


def test_all_slices_of_a_volume_move_alike():
    one = np.zeros((40, 40), np.uint8)
    one[10:20, 12:30] = 1
    mask = np.stack([one] * 5)
    image = mask[..., np.newaxis].astype(np.float32)
    moved, moved_mask = augment_volume(image, mask, np.random.default_rng(3))
    assert moved.shape == image.shape and moved.dtype == np.float32
    assert (moved_mask != mask).any()
    assert (moved_mask == moved_mask[:1]).all()


def test_a_volume_is_lit_as_one():
    """Brightness differs between patients, not between slices: but for the noise, all are alike."""
    image = np.random.default_rng(0).normal(size=(1, 16, 16, 2)).repeat(6, axis=0)
    lit, _ = augment_volume(image.astype(np.float32), np.zeros((6, 16, 16), np.uint8),
                            np.random.default_rng(1))
    assert np.ptp(lit.mean(axis=(1, 2)), axis=0).max() < 0.05
