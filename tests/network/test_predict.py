"""From a patient's images to probabilities at their own size, and to pictures in a folder."""

import os

import numpy as np
import pytest
from image_files import imread, write

from minunet import UNet
from minunet.data.phantom import phantom_patients
from minunet.data.preprocess import Preprocessing
from minunet.engine.files import InputError
from minunet.predict import predict_slices, segment
from minunet.tool.predict_inputs import list_slices
from minunet.tool.predict_pictures import predict_pictures, read_slices

NET = UNet(3, 1, base_channels=4, depth=2, seed=1)
SETTINGS = Preprocessing(size=32)


@pytest.fixture
def folder(tree):
    return sorted(path for path in tree.iterdir() if path.is_dir())[0]


@pytest.mark.parametrize("size", [(32, 32), (30, 32), (33, 41), (5, 7)])
def test_slices_of_any_size_come_back_at_that_size(size):
    x = np.random.default_rng(0).normal(size=(3, *size, 3)).astype(np.float32)
    assert predict_slices(NET, x).shape == (3, *size, 1)


def test_where_nothing_needs_padding_it_is_what_the_network_says():
    x = np.random.default_rng(0).normal(size=(3, 32, 32, 3)).astype(np.float32)
    assert np.array_equal(predict_slices(NET, x, batch_size=3), NET.predict(x))


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_progress_is_told_of_every_image_once(padding):
    net = UNet(1, 1, 3, 1, padding=padding, norm=None)
    done = []
    predict_slices(net, np.ones((5, 40, 20, 1)), tile=16, batch_size=2, progress=done.append)
    assert done == [2, 2, 1]


def test_the_batch_size_does_not_change_the_result():
    x = np.random.default_rng(0).normal(size=(5, 16, 16, 3)).astype(np.float32)
    assert np.allclose(predict_slices(NET, x, batch_size=2), predict_slices(NET, x, batch_size=5),
                       atol=1e-6)


@pytest.mark.parametrize("padding, norm, depth", [("same", "batch", 2), ("same", None, 1),
                                                  ("valid", None, 2), ("valid", "batch", 1)])
@pytest.mark.parametrize("size", [(96, 136), (50, 71), (9, 33)])
def test_tiles_give_what_the_whole_gives(padding, norm, depth, size):
    net = UNet(2, 1, 3, depth, padding=padding, norm=norm, dtype="float64")
    x = np.random.default_rng(0).normal(size=(2, *size, 2))
    whole, tiled = predict_slices(net, x, tile=200), predict_slices(net, x, tile=16)
    assert whole.shape == (2, *size, 1)
    assert np.abs(tiled - whole).max() < 1e-12


def test_valid_padding_sees_the_mirrored_surroundings():
    net = UNet(1, 1, 3, 1, padding="valid", dtype="float64")
    x = np.random.default_rng(0).normal(size=(1, 12, 20, 1))
    lost = 20 - net.output_shape((20, 20))[0]
    mirrored = np.pad(x, ((0, 0), (lost // 2,) * 2, (lost // 2,) * 2, (0, 0)), mode="reflect")
    assert np.allclose(predict_slices(net, x), net.predict(mirrored), rtol=0, atol=1e-12)


def mirror(positions, n):
    """Where a mirror at the middle of the first and of the last of n pixels puts a position."""
    there_and_back = np.concatenate([np.arange(n), np.arange(n - 2, 0, -1)])
    return there_and_back[positions % len(there_and_back)]


@pytest.mark.parametrize("size", [(70, 40), (16, 33), (7, 5), (1, 2)])
def test_each_tile_is_seen_with_its_surroundings_and_their_mirror_image(size, monkeypatch):
    """Also where the image is smaller than the border: the mirror is mirrored again."""
    net = UNet(1, 1, 3, 2, padding="valid", dtype="float64")
    x = np.arange(1.0, 1 + np.prod(size)).reshape(1, *size, 1)  # no two pixels alike
    seen = []

    def predict(part):
        seen.append(part[0, ..., 0])
        return UNet.predict(net, part)

    monkeypatch.setattr(net, "predict", predict)
    predict_slices(net, x, tile=16)
    tile = min(16, -(-max(size) // 4) * 4)
    corners = [(row, column) for row in range(0, size[0], tile)
               for column in range(0, size[1], tile)]
    assert len(seen) == len(corners)
    for tile_seen, corner in zip(seen, corners, strict=True):
        border = (tile_seen.shape[0] - net.output_shape(tile_seen.shape)[0]) // 2
        rows, columns = (mirror(start - border + np.arange(side), n) for start, side, n
                         in zip(corner, tile_seen.shape, size, strict=True))
        assert np.array_equal(tile_seen, x[0, :, :, 0][np.ix_(rows, columns)])


def test_a_patient_comes_back_at_the_size_that_was_stored():
    (patient,) = phantom_patients(1, size=48, slices=3, seed=0)
    images, masks = patient.load()
    probabilities = segment(NET, images[..., :3], SETTINGS)
    assert probabilities.shape == (*masks.shape, 1)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()


def test_a_patient_of_other_channels_is_refused():
    with pytest.raises(InputError, match="anna has 1 channel, the model takes 3"):
        segment(NET, np.ones((2, 32, 32, 1)), SETTINGS, "anna")


def test_every_slice_of_a_folder_gets_two_pictures_of_its_own_size(folder, tmp_path):
    (found,) = predict_pictures(NET, SETTINGS, [folder], tmp_path)
    assert found[:2] == (folder.name, 6)
    assert len(os.listdir(tmp_path / folder.name)) == 2 * 6
    mask = imread(tmp_path / folder.name / f"{folder.name}_1_mask.png")
    probability = imread(tmp_path / folder.name / f"{folder.name}_1_probability.png")
    assert mask.shape == probability.shape == (48, 48)
    assert set(np.unique(mask)) <= {0, 255}
    assert np.array_equal(mask > 0, probability >= 128)


def test_a_single_image_gets_its_pictures_beside_each_other(folder, tmp_path):
    list(predict_pictures(NET, SETTINGS, [folder / f"{folder.name}_2.tif"], tmp_path))
    assert sorted(os.listdir(tmp_path)) == [
        "index.html", "pages", *(f"{folder.name}_2_{kind}.png" for kind in ("mask", "probability")),
        "summary.csv"]
    assert sorted(os.listdir(tmp_path / "pages")) == [f"{folder.name}_2.{kind}" for kind in
                                                      ("html", "png")]


def test_slices_come_in_the_order_of_their_numbers_and_without_masks(folder):
    numbers = [file.stem.rsplit("_")[-1] for file in list_slices(folder)]
    assert numbers == ["1", "2", "3", "4", "5", "6"]


@pytest.mark.parametrize("names, message", [
    (["nowhere"], "nowhere does not exist"),
    (["empty"], "holds no images"),
    (["a/scan.png", "b/scan.png"], "two inputs are called scan"),
    (["a/scan.png", "broken.png"], "broken.png: it is of no kind"),
    (["grey.png"], "grey has 1 channel"),
    (["mixed"], r"slices of mixed differ .* 1.png is 9 × 9 × 3 of uint8, 2.png is 8 × 9"),
    (["deep"], "slices of deep differ .* of uint8, 2.png is 9 × 9 × 1 of uint16"),
    (["black.png"], "nothing to standardise"),
])
def test_bad_input_is_refused_before_anything_is_written(tmp_path, names, message):
    rng = np.random.default_rng(0)
    for name in ("empty", "a", "b", "mixed", "deep"):
        (tmp_path / name).mkdir()
    for name, shape in (("a/scan.png", (9, 9, 3)), ("b/scan.png", (9, 9, 3)), ("grey.png", (9, 9)),
                        ("mixed/1.png", (9, 9, 3)), ("mixed/2.png", (8, 9, 3))):
        write(tmp_path / name, rng.integers(0, 255, shape, np.uint8))
    for number, dtype in ((1, np.uint8), (2, np.uint16)):
        write(tmp_path / "deep" / f"{number}.png", rng.integers(0, 255, (9, 9), dtype))
    write(tmp_path / "black.png", np.zeros((9, 9, 3), np.uint8))
    (tmp_path / "broken.png").write_bytes(b"\x89PNG and nothing more")
    with pytest.raises(InputError, match=message):
        list(predict_pictures(NET, SETTINGS, [tmp_path / name for name in names], tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_slices_are_read_as_one_array(folder):
    assert read_slices("anna", list_slices(folder)).shape == (6, 48, 48, 3)
