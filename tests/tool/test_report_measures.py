"""Size and shape: what a digital shape measures is what the shape itself does."""

import math

import numpy as np
import pytest
from report_shapes import box, ellipsoid, ellipsoid_area

from minunet.tool.report.border import outlines, perimeter_and_area, surface
from minunet.tool.report.shape import (
    angular_deviation,
    bounding_ellipsoid,
    margin_fluctuation,
    measure_shape,
    radial_distances,
)
from minunet.tool.report.size import farthest, measure_size, slice_diameters

ELLIPSOIDS = [((20, 20, 20), (1, 1, 1)), ((12, 20, 30), (1, 1, 1)), ((30, 20, 12), (1, 1, 1)),
              ((15, 15, 15), (5, 1, 1)), ((20, 15, 12), (3, 0.9, 0.9)),
              ((12, 25, 18), (2.5, 0.5, 0.5)), ((16, 11, 24), (1.5, 0.8, 1.2))]


def circle_line(radius, points=720):
    """A closed line r(φ)."""
    angle = np.linspace(0, 2 * np.pi, points + 1)
    return radius(angle)[:, np.newaxis] * np.stack([np.sin(angle), np.cos(angle)], axis=1)


@pytest.mark.parametrize("axes, spacing", ELLIPSOIDS)
def test_an_ellipsoid_measures_what_geometry_says_within_3_percent(axes, spacing):
    mask = ellipsoid(axes, spacing)
    size, shape = measure_size(mask, spacing), measure_shape(mask, spacing)
    volume, area = 4 / 3 * math.pi * math.prod(axes), ellipsoid_area(axes)
    across, largest = sorted(2 * a for a in axes[1:])
    near = 0.03
    assert size["volume_mm3"] == pytest.approx(volume, near)
    assert size["largest_diameter_mm"] == pytest.approx(largest, near)
    assert size["perpendicular_diameter_mm"] == pytest.approx(across, near)
    assert size["largest_diameter_3d_mm"] == pytest.approx(2 * max(axes), near)
    assert size["largest_slice_area_mm2"] == pytest.approx(math.pi * axes[1] * axes[2], near)
    assert shape["sphericity"] == pytest.approx(
        math.pi ** (1 / 3) * (6 * volume) ** (2 / 3) / area, near)
    assert shape["solidity"] == pytest.approx(1, abs=near)
    assert 0.9 < shape["bounding_ellipsoid_ratio"] <= 1


def test_a_ball_is_a_ball():
    shape = measure_shape(ellipsoid((20, 20, 20), (1, 1, 1)), (1, 1, 1))
    assert 0.99 < shape["sphericity"] <= 1
    assert 0.99 < shape["solidity"] <= 1
    assert 0.99 < shape["circularity"] <= 1
    assert shape["margin_fluctuation"] < 0.01
    assert shape["angular_deviation"] < 0.01


def test_shape_is_of_no_size_but_size_is():
    small = ellipsoid((12, 20, 30), (1, 1, 1))
    assert measure_shape(small, (1, 1, 1)) == pytest.approx(measure_shape(small, (4, 4, 4)))
    assert measure_size(small, (4, 4, 4))["volume_ml"] == pytest.approx(
        64 * measure_size(small, (1, 1, 1))["volume_ml"])


def test_a_box_of_known_size():
    size = measure_size(box((20, 40, 60), (5, 5, 5), (15, 25, 45)), (2, 1, 0.5))
    assert size["voxels"] == 10 * 20 * 40
    assert size["volume_mm3"] == 20 * 20 * 20
    assert size["volume_ml"] == 8
    assert size["largest_slice_area_mm2"] == 400
    # The border rounds the corners off, by less than a voxel each.
    assert size["largest_diameter_mm"] == pytest.approx(math.hypot(20, 20), abs=1.5)
    assert size["perpendicular_diameter_mm"] == pytest.approx(math.hypot(20, 20), abs=1.5)
    assert size["largest_diameter_3d_mm"] == pytest.approx(math.sqrt(3) * 20, abs=4)


def test_a_box_is_convex_and_fills_a_known_part_of_its_ellipsoid():
    shape = measure_shape(box((60, 60, 60), (5, 5, 5), (55, 55, 55)), (1, 1, 1))
    assert shape["solidity"] == pytest.approx(1, abs=0.01)
    # Its edges are rounded by a voxel of 50, which makes it a little more of a ball.
    assert 0 < shape["sphericity"] - (math.pi / 6) ** (1 / 3) < 0.03
    assert shape["bounding_ellipsoid_ratio"] == pytest.approx(
        2 / (math.sqrt(3) * math.pi), rel=0.15)


def test_a_bay_lowers_solidity_by_what_it_takes():
    whole = box((40, 40, 40), (4, 4, 4), (36, 36, 36))
    bay = whole & ~box((40, 40, 40), (4, 12, 20), (36, 28, 36))
    assert measure_shape(bay, (1, 1, 1))["solidity"] == pytest.approx(0.75, abs=0.02)


def test_the_largest_diameter_lies_in_the_slice_that_it_names_and_where_it_says():
    mask = box((6, 40, 40), (1, 15, 15), (5, 20, 20)) | box((6, 40, 40), (3, 10, 5), (4, 13, 35))
    size = measure_size(mask, (4, 1, 1))
    (h1, w1), (h2, w2) = size["diameters"]["ends"]
    assert size["diameters"]["slice"] == 3
    assert math.hypot(h2 - h1, w2 - w1) == pytest.approx(size["largest_diameter_mm"])
    assert sorted((w1, w2)) == pytest.approx([4.5, 34.5], abs=1)
    assert 9 < min(h1, h2) <= max(h1, h2) < 13


def test_the_second_diameter_stands_at_a_right_angle_on_the_first():
    rng = np.random.default_rng(1)
    for _ in range(5):
        mask = ellipsoid((3, *rng.uniform(8, 20, 2)), (1, 1, 1), rng.uniform(-0.5, 0.5, 3))[6]
        mask |= np.roll(mask, (4, 3), axis=(0, 1))
        first, second = (b - a for a, b in slice_diameters(mask, (1.0, 0.7)))
        assert first @ second == pytest.approx(0, abs=1e-9)
        assert np.linalg.norm(second) <= np.linalg.norm(first)


def test_parts_that_do_not_touch_in_a_slice_are_not_measured_across_the_gap():
    mask = box((40, 60), (5, 5), (20, 20)) | box((40, 60), (5, 50), (12, 55))
    diameter, _ = slice_diameters(mask, (1, 1))
    assert np.linalg.norm(diameter[1] - diameter[0]) < 22


def test_the_border_encloses_what_was_counted():
    mask = ellipsoid((9, 14, 11), (2, 1, 1))
    corners, triangles = surface(mask, (2, 1, 1))
    a, b, c = np.moveaxis(corners[triangles], 1, 0)
    assert abs((a * np.cross(b, c)).sum() / 6) == pytest.approx(2 * mask.sum(), rel=0.01)
    hole = mask[4] & ~box(mask[4].shape, (14, 11), (19, 16))
    lines = outlines(hole, (1, 1))
    assert len(lines) == 2
    assert perimeter_and_area(lines)[1] == pytest.approx(hole.sum(), rel=0.01)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 4), (3, 1, 1), (1, 9, 9), (2, 2, 2)])
def test_the_smallest_tumours_have_finite_measures(shape):
    mask = np.ones(shape, bool)
    for grid in ((3, 1, 1), False), (None, False), (None, len(mask) == 1):
        values = measure_shape(mask, *grid) | measure_size(mask, *grid)
        values.pop("diameters")
        assert all(np.isfinite(value) for value in values.values())
        assert all(0 < values[name] <= 1.001 for name in values if name in (
            "sphericity", "solidity", "bounding_ellipsoid_ratio", "bounding_ellipse_ratio"))


def test_without_spacing_lengths_are_pixels_and_what_needs_slices_is_left_out():
    mask = ellipsoid((9, 14, 11), (1, 1, 1))
    size, shape = measure_size(mask), measure_shape(mask)
    assert "largest_diameter_px" in size
    assert not [name for name in size if "mm" in name or name == "volume_ml"]
    assert "sphericity" not in shape
    assert "circularity" in shape


def test_a_picture_has_an_area_and_no_volume():
    size = measure_size(box((1, 30, 30), (0, 5, 5), (1, 15, 25)), flat=True)
    assert (size["pixels"], size["area_px2"]) == (200, 200)
    assert not [name for name in size if "volume" in name or "3d" in name]
    shape = measure_shape(ellipsoid((1, 20, 20), (1, 1, 1), (0, 0.3, 0.1))[4:5], flat=True)
    assert shape["bounding_ellipse_ratio"] > 0.95
    assert shape["circularity"] > 0.98


def test_the_bounding_ellipsoid_of_points_on_one_is_that_one():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(500, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    turned = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    assert bounding_ellipsoid(points * (3, 2, 1) @ turned + 7) == pytest.approx(
        4 / 3 * math.pi * 6, rel=0.02)
    square = np.array([(0, 0), (0, 2), (2, 0), (2, 2)], float)
    assert bounding_ellipsoid(square) == pytest.approx(2 * math.pi, rel=1e-3)


def test_the_farthest_points_are_those_of_all_pairs():
    points = np.random.default_rng(2).normal(size=(60, 3))
    every = np.linalg.norm(points[:, np.newaxis] - points, axis=2)
    a, b = farthest(points)
    assert np.linalg.norm(a - b) == every.max()


def test_the_margin_fluctuation_of_ripples_is_their_standard_deviation():
    # Ten ripples: the window of a tenth of the perimeter averages each of them to nothing.
    ripples = circle_line(lambda angle: 10 + 0.2 * np.cos(10 * angle))
    assert margin_fluctuation(ripples) == pytest.approx(0.02 / math.sqrt(2), rel=0.05)
    assert margin_fluctuation(circle_line(lambda angle: 10 + 0 * angle)) < 1e-4


def test_a_long_outline_is_smooth_and_not_round():
    oval = circle_line(lambda angle: 1 / np.hypot(np.cos(angle) / 20, np.sin(angle) / 10))
    assert margin_fluctuation(oval) < 0.25 * angular_deviation(oval)
    assert angular_deviation(circle_line(lambda angle: 10 + 0 * angle)) < 1e-4


def test_radial_distances_do_not_depend_on_size_or_place():
    oval = circle_line(lambda angle: 1 / np.hypot(np.cos(angle) / 20, np.sin(angle) / 10))
    np.testing.assert_allclose(radial_distances(3 * oval + (50, -7))[0], radial_distances(oval)[0],
                               rtol=1e-9)


def test_the_margin_is_the_same_wherever_its_outline_begins():
    oval = circle_line(lambda angle: 1 / np.hypot(np.cos(angle) / 20, np.sin(angle) / 10))
    begun = np.roll(oval[:-1], 97, axis=0)
    again = np.concatenate([begun, begun[:1]])
    assert margin_fluctuation(again) == pytest.approx(margin_fluctuation(oval), rel=0.01)
    assert angular_deviation(again) == pytest.approx(angular_deviation(oval), rel=0.01)
