"""The pictures of what was found: true proportions, one window, the border where it is."""

import warnings

import nibabel as nib
import numpy as np
import pytest
from nifti_files import affine, write_nifti
from PIL import Image, ImageColor

from minunet.tool import drawing, overlays
from minunet.tool.cli import main
from minunet.tool.overlays import draw_volume, pick_slices, shown_channel, window

ORANGE, BLUE = map(ImageColor.getrgb, (drawing.PREDICTION, drawing.TRUTH))
STRIP = 22  # pixels above a slice, with its number


def drawn(path):
    """The picture's pixels (H, W, 3), and where it is orange (H, W)."""
    pixels = np.asarray(Image.open(path).convert("RGB"))
    return pixels, (pixels == ORANGE).all(axis=-1)


def disc(shape=(200, 240), centre=(90, 110), radii=(30, 30)):
    """A filled ellipse (H, W) of bool."""
    return sum(((axis - middle) / radius) ** 2 for axis, middle, radius in zip(
        np.indices(shape), centre, radii, strict=True)) < 1


def box(where):
    """The height and the width of what is marked."""
    return tuple(int(np.ptp(np.flatnonzero(where.any(axis=axis)))) + 1 for axis in (1, 0))


# A slice

def test_the_line_runs_a_pixel_on_either_side_of_the_border(tmp_path):
    mask = disc()
    draw_volume(tmp_path / "a.png", np.full((1, *mask.shape), 5.0), mask[np.newaxis], (1, 1, 1))
    border = drawn(tmp_path / "a.png")[1][STRIP:]
    assert not border[90, 110] and border[90, 80] and border[90, 81]
    assert box(border) == tuple(side + 2 for side in box(mask))  # a pixel further on each side


def test_beside_a_truth_the_line_of_what_was_found_runs_within_that_of_the_truth(tmp_path):
    mask = disc()[np.newaxis]
    draw_volume(tmp_path / "a.png", mask * 1.0, mask, (1, 1, 1), truth=mask)
    pixels, found = (part[STRIP:] for part in drawn(tmp_path / "a.png"))
    true = (pixels == BLUE).all(axis=-1)
    assert box(found) == box(mask[0]) and box(true) == tuple(side + 2 for side in box(mask[0]))


def test_the_line_is_closed_at_the_border_of_the_picture(tmp_path):
    mask = np.ones((1, 200, 240), bool)
    draw_volume(tmp_path / "a.png", np.zeros(mask.shape), mask, (1, 1, 1), sides=False)
    assert drawn(tmp_path / "a.png")[1].sum() == 2 * (200 + 240) - 4


def test_a_slice_without_tumour_has_no_line(tmp_path):
    draw_volume(tmp_path / "a.png", np.zeros((1, 200, 240)), np.zeros((1, 200, 240), bool),
                (1, 1, 1))
    assert not drawn(tmp_path / "a.png")[1].any()


@pytest.mark.parametrize("shape", [(1, 1), (2, 400), (400, 2), (3, 4000), (1500, 1100)])
def test_every_shape_is_drawn_and_no_tumour_gets_lost(tmp_path, shape):
    mask = np.zeros((1, *shape), bool)
    mask[0, shape[0] // 2, shape[1] // 2] = True
    draw_volume(tmp_path / "a.png", np.zeros(mask.shape), mask, (1, 1, 1), sides=False)
    pixels, orange = drawn(tmp_path / "a.png")
    assert orange.any()
    assert max(pixels.shape[0] - STRIP, pixels.shape[1]) in range(192, 1025)


# A volume

@pytest.mark.parametrize("spacing", [(3.0, 1.0, 1.0), (3.0, 2.0, 1.0), (1.0, 0.5, 2.0)])
def test_a_ball_is_round_whatever_the_voxels(tmp_path, spacing):
    radii = 40 / np.array(spacing)
    mask = disc((round(100 / spacing[1]), round(120 / spacing[2])),
                (50 / spacing[1], 60 / spacing[2]), radii[1:])[np.newaxis]
    draw_volume(tmp_path / "a.png", mask * 1.0, mask, spacing)
    pixels, orange = drawn(tmp_path / "a.png")
    high, wide = box(orange)
    assert abs(high - wide) <= 0.05 * wide
    assert abs((pixels.shape[0] - 22) / pixels.shape[1] - 100 / 120) < 0.02


def test_all_slices_have_one_window_and_a_black_one_is_black(tmp_path):
    images = np.zeros((4, 200, 240), np.uint8)
    images[1], images[2] = 100, 200
    images[3, :100] = 200
    draw_volume(tmp_path / "a.png", images, np.zeros(images.shape, bool), (1, 1, 1), sides=False)
    pixels, _ = drawn(tmp_path / "a.png")
    middles = [int(pixels[150, 248 * d + 120, 0]) for d in range(4)]
    assert middles == [0, 126, 253, 0]


@pytest.mark.parametrize("images", [
    np.zeros((2, 8, 8)), np.full((2, 8, 8), -3.5), np.pad([[[9.0]]], ((0, 1), (1, 7), (1, 7)))],
    ids=["zeros", "constant", "one-bright-pixel"])
def test_a_window_has_two_ends(images):
    low, high = window(images)
    assert low < high
    assert low == images.min() and (high == images.max() or images.max() == low)


@pytest.mark.parametrize("tumour, slices", [
    ([], [0, 8, 16, 25, 33, 41, 49, 57, 65, 74, 82, 90]),  # of 91: evenly
    ([7], [7]), ([7, 9], [7, 9]),
    (range(20, 32), list(range(20, 32))),
])
def test_slices_with_tumour_are_shown_or_an_even_choice(tumour, slices):
    mask = np.zeros((91, 3, 3), bool)
    mask[list(tumour), 1, 1] = True
    assert pick_slices(mask) == slices


@pytest.mark.parametrize("largest", [20, 21, 50, 79])
def test_the_slice_with_most_tumour_is_always_shown(largest):
    mask = np.zeros((91, 3, 3), bool)
    mask[20:80, 1, 1] = True
    mask[largest, 0] = True
    picked = pick_slices(mask)
    assert largest in picked and len(picked) == 12
    assert picked == sorted(set(picked))


@pytest.mark.parametrize("modalities, count, channel", [
    ((), 1, 0), ((), 3, 1), ((), 4, 2), (("T1", "T2"), 2, 1),
    (("FLAIR", "T1", "T1ce", "T2"), 4, 0), (("T1", "flair", "T1ce"), 3, 1)])
def test_flair_is_shown_or_the_middle_channel(modalities, count, channel):
    assert shown_channel(count, modalities) == channel


# From the command line

@pytest.fixture
def volumes(monkeypatch):
    """The arguments of `draw_volume`, as predict gives them."""
    calls = []
    monkeypatch.setattr("minunet.tool.patient_page.draw_volume",
                        lambda path, *rest: (calls.append(rest), draw_volume(path, *rest)))
    return calls


@pytest.mark.parametrize("code", [0, 1])
def test_right_and_left_are_marked_if_the_file_says_where_they_are(models, tmp_path, volumes, code):
    data = np.random.default_rng(0).normal(size=(16, 20, 3)).astype(np.float32)
    path = write_nifti(tmp_path / "scan.nii.gz", data, affine("LPS", (1, 2, 3), 0))
    image = nib.load(path)
    image.set_sform(image.affine, code)
    image.set_qform(image.affine, code)
    image.to_filename(tmp_path / "coded.nii.gz")
    assert main(["predict", str(models["grey"]), str(tmp_path / "coded.nii.gz"), "--out",
                 str(tmp_path / "out")]) == 0
    [(images, mask, spacing, text, sides, truth)] = volumes
    assert images.shape == mask.shape == (3, 20, 16)
    assert spacing == (3, 2, 1)
    assert sides == bool(code)
    assert text == "coded. found: orange"
    assert truth is None


def test_the_patients_right_is_on_the_left(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(overlays.ImageDraw.ImageDraw, "text",
                        lambda self, place, text, *rest, **style: written.append((text, place[0])))
    draw_volume(tmp_path / "a.png", np.zeros((1, 200, 240)), np.zeros((1, 200, 240), bool),
                (1, 1, 1))
    places = dict(written)
    assert places["R"] < 120 < places["L"]


def test_names_in_any_script_draw_no_warning(models, tmp_path):
    folder = tmp_path / "患者 🧠 $x$"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (20, 24), np.uint8)
    Image.fromarray(pixels).save(folder / "片 1.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert main(["predict", str(models["grey"]), str(folder), "--out",
                     str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "pages" / f"{folder.name}.png").exists()
