"""One patient's tumour in another patient's slice."""

import numpy as np
import pytest

from minunet.data import graft as module
from minunet.data import loader
from minunet.data.augment import augment
from minunet.data.graft import graft
from minunet.data.loader import Slices, batches

SIDE = 64


def disc(row, column, radius):
    rows, columns = np.mgrid[:SIDE, :SIDE]
    return np.hypot(rows - row, columns - column) < radius


def slice_with(tumour, brightness=3.0):
    """A round head of 0 in air of -2, two channels, its tumour brighter; and the mask."""
    head = np.where(disc(32, 32, 28), 0.0, -2.0)
    head[tumour] = brightness
    return np.stack([head, head], axis=-1).astype(np.float32), tumour.astype(np.uint8)


@pytest.fixture
def healthy():
    return slice_with(np.zeros((SIDE, SIDE), bool))


@pytest.fixture
def donor():
    return slice_with(disc(26, 40, 8))


def test_the_tumour_is_where_the_donor_has_it_and_the_mask_marks_it(healthy, donor):
    image, mask = graft(*healthy, *donor, np.random.default_rng(0))
    np.testing.assert_array_equal(mask, donor[1])
    assert image[26, 40, 0] > 0.8 and image.dtype == np.float32 and mask.dtype == np.uint8
    np.testing.assert_array_equal(image[~disc(26, 40, 16)], healthy[0][~disc(26, 40, 16)])


def test_a_graft_is_as_bright_as_the_donor_or_down_to_a_third_and_a_bit_less(healthy, donor):
    rng = np.random.default_rng(0)
    middles = [graft(*healthy, *donor, rng)[0][26, 40, 0] for _ in range(200)]  # of 3
    assert 0.85 < min(middles) < 1.1 and 2.8 < max(middles) <= 3


def test_a_graft_lies_between_what_was_there_and_the_donor(monkeypatch, healthy, donor):
    monkeypatch.setattr(module, "OPACITY", (0.5, 0.5))
    image, _ = graft(healthy[0] + 1, healthy[1], *donor, np.random.default_rng(0))
    assert image[26, 40, 0] == pytest.approx((1 + 3) / 2, abs=0.01)


def test_its_border_is_blurred_by_more_or_less(healthy, donor):
    bright, rng = np.full_like(donor[0], 3.0), np.random.default_rng(0)  # a border of the blend
    steepest = []
    for _ in range(50):
        image, _ = graft(*healthy, bright, donor[1], rng)
        steepest.append(np.abs(np.diff(image[26, 20:50, 0])).max() / image[26, 40, 0])
    assert min(steepest) < 0.5 and max(steepest) > 0.9


def test_no_tumour_hangs_in_the_air(healthy):
    at_the_rim = slice_with(disc(32, 58, 6))
    half_outside = graft(*healthy, *at_the_rim, np.random.default_rng(0))
    assert all((a == b).all() for a, b in zip(half_outside, healthy, strict=True))
    a_little_outside = slice_with(disc(32, 54, 7))
    image, mask = graft(*healthy, *a_little_outside, np.random.default_rng(0))
    air = ~disc(32, 32, 28)
    assert mask.any() and not mask[air].any() and (image[air] == -2).all()


def test_a_donor_without_tumour_gives_nothing(healthy):
    image, mask = graft(*healthy, *healthy, np.random.default_rng(0))
    assert (image == healthy[0]).all() and not mask.any()


def test_what_the_slice_had_stays_and_classes_are_the_donors(donor):
    own = slice_with(disc(40, 20, 6))
    image, mask = graft(*own, donor[0], 2 * donor[1], np.random.default_rng(0))
    assert mask[40, 20] == 1 and mask[26, 40] == 2
    assert image[40, 20, 0] == 3


def test_the_arguments_are_not_changed(healthy, donor):
    before = [array.copy() for array in (*healthy, *donor)]
    graft(*healthy, *donor, np.random.default_rng(0))
    assert all((a == b).all() for a, b in zip(before, (*healthy, *donor), strict=True))


def test_the_donor_is_moved_by_a_map_of_its_own(healthy, donor):
    rng = np.random.default_rng(0)
    masks = [augment(*healthy, rng, donor)[1] for _ in range(30)]
    centres = np.array([np.argwhere(mask).mean(axis=0) for mask in masks if mask.any()])
    assert len(centres) > 15 and np.ptp(centres, axis=0).min() > 5


@pytest.mark.parametrize("without, with_tumour", [(0.0, 0.0), (0.6, 0.0), (0.0, 0.4), (0.6, 0.4)])
def test_so_many_of_the_slices_are_given_one(without, with_tumour, monkeypatch, healthy, donor):
    monkeypatch.setattr(loader, "GRAFTED", (without, with_tumour))
    calls = []
    monkeypatch.setattr(loader, "augment", lambda image, mask, rng, other: (
        calls.append((mask.any(), other)), (image, mask))[1])
    images, masks = (np.stack([a] * 150 + [b] * 150) for a, b in zip(healthy, donor, strict=True))
    slices = Slices(images, masks, np.arange(300) >= 150, np.arange(300) % 5, None)
    next(batches(slices, 300, np.random.default_rng(0)))
    rates = [np.mean([other is not None for own, other in calls if own == kind])
             for kind in (False, True)]
    assert rates == pytest.approx([without, with_tumour], abs=0.12)
    assert all(other[1].any() for _, other in calls if other is not None)


def test_the_width_of_the_border_is_a_share_of_the_side(monkeypatch, healthy, donor):
    monkeypatch.setattr(module, "OPACITY", (1.0, 1.0))
    widths = []
    for hundredths in (1.0, 3.0):
        monkeypatch.setattr(module, "RIM", (hundredths, hundredths))
        image, _ = graft(*healthy, np.full_like(donor[0], 3.0), donor[1], np.random.default_rng(0))
        steepest = np.abs(np.diff(image[26, 20:50, 0])).max() / 3
        widths.append(1 / (steepest * np.sqrt(2 * np.pi)))  # σ of a Gaussian edge, in pixels
    assert widths[0] == pytest.approx(0.64, rel=0.15) and widths[1] == pytest.approx(1.92, rel=0.15)
