import numpy as np
import pytest

from minunet.data import augment as module
from minunet.data.augment import augment


def blob(side=64, centre=(26, 38), radius=9):
    """A disc, as mask: off centre, so that every flip and shift shows."""
    rows, columns = np.mgrid[:side, :side]
    return (np.hypot(rows - centre[0], columns - centre[1]) < radius).astype(np.uint8)


def centre_of(mask):
    return np.argwhere(mask).mean(axis=0)


@pytest.fixture
def only(monkeypatch):
    """`only(SHIFT=0.05)`: no other variation than the ones given."""
    def set_ranges(**ranges):
        still = {"FLIP": 0.0, "SHIFT": 0.0, "ROTATION": 0.0, "SCALE": (1.0, 1.0), "BEND": 0.0,
                 "REPLACED": 0.0, "GAMMA": (1.0, 1.0), "SHADING": 0.0, "GAIN": (1.0, 1.0),
                 "OFFSET": (0.0, 0.0), "NOISE": (0.0, 0.0)}
        for name, value in (still | ranges).items():
            monkeypatch.setattr(module, name, value)

    return set_ranges


@pytest.mark.parametrize("seed", range(10))
def test_image_and_mask_go_through_the_same_transform(seed, monkeypatch):
    for name, still in (("NOISE", (0.0, 0.0)), ("GAMMA", (1.0, 1.0)), ("SHADING", 0.0)):
        monkeypatch.setattr(module, name, still)
    mask = blob()
    image = np.repeat(mask[..., np.newaxis], 2, axis=-1).astype(np.float32)
    moved, moved_mask = augment(image, mask, np.random.default_rng(seed))
    for c in range(2):
        lit = moved[..., c]
        bright = lit > (lit.min() + lit.max()) / 2  # undoes gain and offset
        # Linear and nearest interpolation part only at the rim.
        assert (bright != moved_mask).sum() <= 0.05 * moved_mask.sum()


def test_types_and_shapes_stay_and_masks_hold_only_0_and_1():
    image = np.random.default_rng(0).standard_normal((40, 56, 3)).astype(np.float32)
    mask = np.zeros((40, 56), np.uint8)
    mask[10:20, 20:40] = 1
    moved, moved_mask = augment(image, mask, np.random.default_rng(1))
    assert moved.shape == image.shape and moved.dtype == np.float32
    assert moved_mask.shape == mask.shape and moved_mask.dtype == np.uint8
    assert set(np.unique(moved_mask)) == {0, 1}


def test_the_same_seed_gives_the_same_variation_and_another_seed_another():
    image, mask = np.random.default_rng(0).random((32, 32, 3), dtype=np.float32), blob(32, (9, 20))
    first = augment(image, mask, np.random.default_rng(5))
    second = augment(image, mask, np.random.default_rng(5))
    other = augment(image, mask, np.random.default_rng(6))
    assert all((a == b).all() for a, b in zip(first, second, strict=True))
    assert (first[0] != other[0]).any()


def test_the_argument_is_not_changed():
    image, mask = np.ones((32, 32, 1), np.float32), blob(32, (9, 20), 5)
    before = image.copy(), mask.copy()
    augment(image, mask, np.random.default_rng(0))
    assert (image == before[0]).all() and (mask == before[1]).all()


def test_nothing_drawn_nothing_changed(only):
    only()
    image, mask = np.random.default_rng(0).random((31, 40, 2), dtype=np.float32), np.eye(31, 40)
    moved, moved_mask = augment(image, mask.astype(np.uint8), np.random.default_rng(0))
    np.testing.assert_allclose(moved, image, atol=1e-6)
    np.testing.assert_array_equal(moved_mask, mask)


def test_a_flip_is_left_right_and_exact(only):
    only(FLIP=1.0)
    image = np.random.default_rng(0).random((31, 40, 2), dtype=np.float32)
    mask = np.random.default_rng(1).integers(0, 2, (31, 40)).astype(np.uint8)
    moved, moved_mask = augment(image, mask, np.random.default_rng(0))
    np.testing.assert_allclose(moved, image[:, ::-1], atol=1e-6)
    np.testing.assert_array_equal(moved_mask, mask[:, ::-1])


def test_about_half_of_all_slices_are_flipped(only):
    only(FLIP=0.5)
    mask, rng = blob(centre=(32, 45)), np.random.default_rng(0)
    image = mask[..., np.newaxis].astype(np.float32)
    flipped = [centre_of(augment(image, mask, rng)[1])[1] < 32 for _ in range(200)]
    assert 80 < sum(flipped) < 120


def test_a_shift_moves_up_to_its_share_of_each_side(only):
    only(SHIFT=0.05)  # 5 pixels of 100
    mask, rng = blob(100, (50, 50)), np.random.default_rng(0)
    image = mask[..., np.newaxis].astype(np.float32)
    moves = np.array([centre_of(augment(image, mask, rng)[1]) for _ in range(100)]) - 50
    assert np.abs(moves).max() < 5.6 and np.abs(moves).max(axis=0).min() > 4
    assert moves.min() < -4  # both ways


def test_a_rotation_turns_about_the_centre_by_at_most_20_degrees(only):
    only(ROTATION=module.ROTATION)
    middle, rng = 49.5, np.random.default_rng(0)
    mask = blob(100, (49.5, 85), 6)
    image = mask[..., np.newaxis].astype(np.float32)
    arms = np.array([centre_of(augment(image, mask, rng)[1]) for _ in range(100)]) - middle
    np.testing.assert_allclose(np.hypot(*arms.T), 35.5, atol=0.5)
    angles = np.rad2deg(np.arctan2(*arms.T))
    assert -21 < angles.min() < -16 and 16 < angles.max() < 21


def test_a_scale_above_1_enlarges(only):
    only(SCALE=(1.1, 1.1))
    mask = blob(100, (49.5, 49.5), 20)
    _, moved = augment(mask[..., np.newaxis].astype(np.float32), mask, np.random.default_rng(0))
    assert moved.sum() / mask.sum() == pytest.approx(1.1**2, rel=0.02)


def test_bending_moves_points_by_different_ways_and_shifts_nothing_on_the_whole(only):
    only(BEND=0.025)
    side, rng = 96, np.random.default_rng(0)
    places = np.argwhere(np.ones((side, side))).reshape(side, side, 2).astype(np.float32)
    inside = slice(24, 72)  # nothing comes from beyond the edge
    moves = [(augment(places, blob(side), rng)[0] - places)[inside, inside] for _ in range(100)]
    moves = np.stack(moves)  # (100, 48, 48, 2): each pixel's value is where it comes from
    assert 1.5 < moves.std() < 2.5  # of 2.4 at the 4 × 4 points; less between
    assert moves.std(axis=(1, 2)).mean() > 0.5 * moves.std()  # not one shift for all
    assert np.abs(moves.mean(axis=(0, 1, 2))).max() < 0.5
    assert np.abs(np.diff(moves, axis=1)).max() < 1  # nothing is torn or folded


def test_gain_and_offset_are_each_channels_own_and_within_range(only):
    only(GAIN=module.GAIN, OFFSET=module.OFFSET)
    image = np.zeros((8, 8, 3), np.float32)
    image[4:] = 1
    for seed in range(20):
        moved, _ = augment(image, np.zeros((8, 8), np.uint8), np.random.default_rng(seed))
        offset, gain = moved[0, 0], moved[-1, 0] - moved[0, 0]
        assert (np.abs(offset) <= 0.4).all() and (np.abs(gain - 1) <= 0.4 + 1e-6).all()
        assert len(set(offset)) == 3 and len(set(gain)) == 3


def test_gamma_keeps_black_white_and_the_order_of_greys(only):
    only(GAMMA=(0.7, 1.4))
    image = np.linspace(-2, 3, 64, dtype=np.float32).reshape(8, 8, 1)
    middles = []
    for seed in range(20):
        moved, _ = augment(image, np.zeros((8, 8), np.uint8), np.random.default_rng(seed))
        greys = moved.ravel()
        np.testing.assert_allclose(greys[[0, -1]], [-2, 3], atol=1e-5)
        assert (np.diff(greys) > 0).all()
        middles.append(greys[32])
    assert min(middles) < 0.2 and max(middles) > 0.8  # was 0.54: darker, and brighter


def test_shading_is_smooth_and_each_channels_own_and_leaves_black_black(only):
    only(SHADING=0.2)
    image = np.ones((48, 48, 2), np.float32)
    image[24] = 0  # a black line
    shaded, _ = augment(image, np.zeros((48, 48), np.uint8), np.random.default_rng(0))
    assert (shaded[24] == 0).all()
    light = np.log(shaded[:24])
    assert 0.05 < light.std() < 0.4 and np.abs(np.diff(light, axis=1)).max() < 0.06
    assert np.abs(light[..., 0] - light[..., 1]).max() > 0.1


def test_noise_is_every_pixels_own_and_at_most_so_strong(only):
    only(NOISE=(0.0, 0.15))
    image, rng = np.zeros((32, 32, 2), np.float32), np.random.default_rng(0)
    noise = np.stack([augment(image, np.zeros((32, 32), np.uint8), rng)[0] for _ in range(50)])
    assert noise.dtype == np.float32
    strength = noise.std(axis=(1, 2))  # (50, 2)
    assert strength.min() < 0.02 and 0.12 < strength.max() < 0.16
    assert abs(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]) < 0.02


def test_a_lost_channel_is_replaced_by_another_as_often_as_said(only):
    only(REPLACED=0.6)
    image = np.broadcast_to(np.float32([1, 2, 3]), (8, 8, 3))
    rng, mask = np.random.default_rng(0), np.zeros((8, 8), np.uint8)
    found = [tuple(augment(image, mask, rng)[0][4, 4].round(4)) for _ in range(300)]
    changed = [values for values in found if values != (1, 2, 3)]
    # In a third of the draws the other channel is the lost one itself.
    assert 90 < len(changed) < 150
    assert set(changed) == {(2, 2, 3), (3, 2, 3), (1, 1, 3), (1, 3, 3), (1, 2, 1), (1, 2, 2)}


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"got \(8, 8, 1\) and \(8, 9\)"):
        augment(np.zeros((8, 8, 1), np.float32), np.zeros((8, 9), np.uint8),
                np.random.default_rng(0))
