"""Whether volumes align is judged by where voxels lie, in hundredths of a voxel, everywhere."""

import json

import nibabel as nib
import numpy as np
import pytest
from commands import refusal
from nifti_files import affine, heads, write_nifti

from minunet.data.formats.orientation import distance
from minunet.data.formats.volumes import check_places
from minunet.engine.files import InputError, warn
from minunet.tool.cli import main

SPACING = (1.0, 1.0, 4.0)  # of the axes as stored: 4 mm between slices


def turned(path, codes):
    """Store a file along other axes, at the same place in the patient."""
    image = nib.load(path)
    start, end = nib.io_orientation(image.affine), nib.orientations.axcodes2ornt(codes)
    target = path.with_name(f"{codes}_{path.name}")
    image.as_reoriented(nib.orientations.ornt_transform(start, end)).to_filename(target)
    return target


def task(folder, image, label):
    """A Decathlon task of the pair, named twice under two names."""
    pairs = []
    for k in "ab":
        for kind, path in (("imagesTr", image), ("labelsTr", label)):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            (folder / kind / f"{k}.nii.gz").write_bytes(path.read_bytes())
        pairs.append({"image": f"imagesTr/{k}.nii.gz", "label": f"labelsTr/{k}.nii.gz"})
    (folder / "dataset.json").write_text(json.dumps({
        "modality": {"0": "FLAIR"}, "labels": {"0": "background", "1": "tumour"},
        "training": pairs}))
    return folder


def stored(path, array, shift=(0, 0, 0)):
    origin = np.array((12.5, -30.25, 7.125)) + shift
    return write_nifti(path, array, affine("LPS", SPACING, 0.2, origin))


@pytest.fixture
def commands(models, tmp_path):
    """The three commands that take a mask and an image, or two masks, of one patient."""
    def give(image, mask, first):
        return [("report", mask, image, "--out", tmp_path / "one"),
                ("report", "--before", first, "--after", mask, "--out", tmp_path / "two"),
                ("evaluate", models["grey"], task(tmp_path / "task", image, mask))]

    return give


@pytest.fixture
def pair(tmp_path):
    images, labels = heads(values=(1, 1, 1))
    return stored(tmp_path / "image.nii.gz", images[..., 0]), stored(tmp_path / "mask.nii.gz",
                                                                     labels)


@pytest.mark.parametrize("codes", ["RAS", "LAS", "PSR", "SRA"])
def test_a_mask_stored_along_other_axes_lies_on_its_image(pair, commands, codes, tmp_path):
    image, mask = pair
    for command in commands(image, turned(mask, codes), mask):
        assert main([str(argument) for argument in command]) == 0
    change = json.loads((tmp_path / "two" / "report.json").read_text("utf-8"))
    assert change["total"]["change_percent"] == 0


@pytest.mark.parametrize("shift, aligned", [
    ((0.002, 0, 0), True),  # two micrometres: rounding
    ((0, 0, 0.03), True),  # of 4 mm
    ((0.03, 0, 0), False),  # of 1 mm
    ((0, 0, 0.05), False)])
def test_a_hundredth_of_a_voxel_decides_for_every_command(
        pair, commands, tmp_path, capsys, shift, aligned):
    image, mask = pair
    moved = stored(tmp_path / "moved.nii.gz", nib.load(mask).get_fdata().astype(np.uint8), shift)
    for command in commands(image, moved, mask):
        if aligned:
            assert main([str(argument) for argument in command]) == 0
        else:
            line = refusal(capsys, *command)
            assert "do not align: they lie up to 0.0" in line and " voxels) apart" in line


def place(matrix):
    return lambda index: nib.affines.apply_affine(matrix, index)


def test_a_distance_is_told_in_millimetres_and_in_voxels_of_the_first():
    one, other = affine("RAS", (2, 2, 5)), affine("RAS", (2, 2, 5), origin=(12.5, -30.25, 8.125))
    assert distance((3, 4, 5), place(one), place(other)) == pytest.approx((1, 0.2))
    scaled = affine("RAS", (2, 2, 5.5))  # grows from slice to slice
    assert distance((3, 4, 5), place(one), place(scaled)) == pytest.approx((2, 0.4))
    assert distance((3, 4, 1), place(one), place(scaled)) == pytest.approx((0.5, 0.1))


def test_however_little_two_grids_differ_it_is_told():
    other = affine(origin=(12.5101, -30.25, 7.125))
    with pytest.raises(InputError, match=r"lie up to 0\.0101 mm \(0\.0101 voxels\) apart"):
        check_places("a", "b", (5, 6, 7), place(affine()), place(other))


# BraTS's labels of two years

@pytest.mark.parametrize("values, warned", [((1, 2, 3), True), ((1, 2, 4), False),
                                            ((1, 2, 2), False)])
def test_a_change_from_label_4_to_label_3_is_told_apart_from_growth(
        tmp_path, capfd, values, warned):
    warn.cache_clear()
    paths = [write_nifti(tmp_path / f"{i}.nii.gz", heads(values=marks)[1])
             for i, marks in enumerate([(1, 2, 4), values])]
    assert main(["report", "--before", str(paths[0]), "--after", str(paths[1]), "--out",
                 str(tmp_path / "out")]) == 0
    error = capfd.readouterr().err
    assert ("the first has the label 4, the second 3; BraTS marks enhancing tumour by 4 until 2022 "
            "and by 3 in 2023" in error) == warned
