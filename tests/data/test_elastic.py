import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from minunet.data.elastic import deform, random_displacement


def draw(shape=(61, 81), seed=0, std=3.0, grid=3):
    return random_displacement(shape, np.random.default_rng(seed), std, grid)


@pytest.fixture
def image(rng):
    return rng.random((31, 40, 2), dtype=np.float32)


@pytest.fixture
def mask(rng):
    return rng.choice(np.array([0, 1, 7, 200], np.uint8), (31, 40))


@pytest.mark.parametrize("grid", [2, 3, 5])
def test_the_field_passes_through_the_drawn_values(grid):
    shape = (1 + 20 * (grid - 1), 1 + 30 * (grid - 1))  # so that the points fall on pixels
    drawn = np.random.default_rng(4).normal(0, 3.0, (2, grid, grid))
    field = draw(shape, seed=4, grid=grid)
    assert field.shape == (2, *shape)
    np.testing.assert_allclose(field[:, ::20, ::30], drawn, rtol=0, atol=1e-12)


@pytest.mark.parametrize("grid, n", [(3, 188), (4, 188), (4, 274), (6, 148), (8, 26), (2, 1)])
def test_the_last_pixel_is_a_corner_whatever_rounding_says(grid, n):
    """(n − 1) · ((grid − 1) / (n − 1)) can be larger than grid − 1 in the last digit."""
    drawn = np.random.default_rng(0).normal(0, 3.0, (2, grid, grid))
    last = -1 if n > 1 else 0
    np.testing.assert_allclose(draw((n, n), grid=grid)[:, -1, -1], drawn[:, last, last],
                               rtol=0, atol=1e-12)


def test_it_is_the_bicubic_interpolation_of_a_spline_library():
    drawn = np.random.default_rng(0).normal(0, 3.0, (2, 4, 4))
    where = np.meshgrid(np.linspace(0, 3, 50), np.linspace(0, 3, 33), indexing="ij")
    expected = [map_coordinates(one, where, order=3, mode="mirror") for one in drawn]
    np.testing.assert_allclose(draw((50, 33), grid=4), expected, rtol=0, atol=1e-12)


def test_std_is_that_of_the_drawn_values_in_pixels():
    corners = [draw((21, 21), seed, std=10.0)[:, ::10, ::10] for seed in range(200)]
    assert np.std(corners) == pytest.approx(10, rel=0.05)
    assert np.mean(corners) == pytest.approx(0, abs=0.5)
    assert (draw(std=6.0) == 2 * draw(std=3.0)).all()


def test_rows_and_columns_are_moved_independently():
    fields = np.stack([draw((21, 21), seed)[:, 10, 10] for seed in range(400)])
    assert abs(np.corrcoef(fields.T)[0, 1]) < 0.15


def test_the_field_is_smooth():
    """Neighbours 1/30 of a grid step apart differ by about as little of the std."""
    field = draw(std=3.0)
    assert max(np.abs(np.diff(field, axis=axis)).max() for axis in (1, 2)) < 3 * 3.0 / 10
    bend = max(np.abs(np.diff(field, 2, axis=axis)).max() for axis in (1, 2))
    assert bend < 0.1  # pixels: no kink at a grid point


def test_the_seed_decides_and_two_times_the_square_of_the_grid_is_drawn():
    assert (draw(seed=5) == draw(seed=5)).all()
    assert (draw(seed=5) != draw(seed=6)).any()
    rng, counted = np.random.default_rng(0), np.random.default_rng(0)
    random_displacement((20, 30), rng, 2.0, grid=4)
    counted.normal(size=2 * 4**2)
    assert rng.bit_generator.state == counted.bit_generator.state


def test_no_displacement_changes_nothing(image, mask):
    bent, bent_mask = deform(image, mask, np.zeros((2, 31, 40)))
    assert (bent == image).all() and (bent_mask == mask).all()
    assert bent.dtype == np.float32 and bent_mask.dtype == np.uint8


def test_a_constant_shift_is_a_shift_and_edges_go_on(image, mask):
    """y[p] = x[p + u]: three rows further down comes from, and two columns further left."""
    u = np.stack([np.full((31, 40), 3.0), np.full((31, 40), -2.0)])
    bent, bent_mask = deform(image, mask, u)
    rows, columns = np.minimum(np.arange(31) + 3, 30), np.maximum(np.arange(40) - 2, 0)
    assert (bent == image[rows][:, columns]).all()
    assert (bent_mask == mask[rows][:, columns]).all()


def test_between_pixels_the_image_is_linear_and_the_mask_the_nearest(image, mask):
    bent, bent_mask = deform(image, mask, np.full((2, 31, 40), [[[0.25]], [[0.0]]]))
    np.testing.assert_allclose(bent[:-1], 0.75 * image[:-1] + 0.25 * image[1:], atol=1e-6)
    assert (bent_mask == mask).all()


def test_image_and_mask_are_bent_alike():
    """A disc, as image and as mask: where the image is above one half, the mask is 1."""
    rows, columns = np.mgrid[:80, :80]
    disc = (np.hypot(rows - 30, columns - 45) < 18).astype(np.uint8)
    bent, bent_mask = deform(disc[..., np.newaxis].astype(np.float32), disc, draw((80, 80)))
    assert (bent_mask != disc).sum() > 50
    assert ((bent[..., 0] > 0.5) != bent_mask).sum() < 15  # of the outline's 113, by rounding


def test_all_channels_are_bent_alike(image, mask):
    same = np.repeat(image[..., :1], 3, axis=-1)
    bent, _ = deform(same, mask, draw((31, 40)))
    assert (bent == bent[..., :1]).all() and (bent != same).any()


def test_the_mask_keeps_its_values_and_arguments_are_not_changed(image, mask):
    before, before_mask, u = image.copy(), mask.copy(), draw((31, 40))
    _, bent_mask = deform(image, mask, u)
    assert set(np.unique(bent_mask)) <= {0, 1, 7, 200}
    assert (image == before).all() and (mask == before_mask).all() and (u == draw((31, 40))).all()


@pytest.mark.parametrize("image_shape, u_shape", [
    ((31, 40), (2, 31, 40)), ((30, 40, 1), (2, 31, 40)), ((31, 40, 1), (2, 1, 1)),
    ((31, 40, 1), (31, 40, 2)),
])
def test_shapes_that_do_not_fit_are_named(image_shape, u_shape, mask):
    with pytest.raises(ValueError, match="displacement: expected"):
        deform(np.zeros(image_shape, np.float32), mask, np.zeros(u_shape))
