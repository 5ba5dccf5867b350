"""The pictures of the pages on volumes and on reports: one synthetic head, stored and measured."""

from pathlib import Path
from tempfile import TemporaryDirectory

import nibabel as nib
import numpy as np
from matplotlib.figure import Figure
from scipy.ndimage import binary_erosion, label

from minunet.data.formats.nifti import read_volume
from minunet.data.phantom import phantom_volume
from minunet.tool.report import report, report_change

WAYS = ("LPS", "RAS", "PIL")  # where the axes i, j, k of a file run to
SPACING = 2.5, 1.5, 1.5  # mm along D, H, W, as `phantom_volume` draws them
INK, ACROSS, DOWN = "#1f2933", "#d98200", "#2f7fc1"


def orientation():
    """Above, the middle slice of each file's array as it is stored; below, as it is read."""
    images, _ = phantom_volume((32, 160, 160), np.random.default_rng(4))
    affine = np.diag([-SPACING[2], -SPACING[1], SPACING[0], 1.0])
    head = nib.Nifti1Image(np.ascontiguousarray(images[..., 0].transpose(2, 1, 0)), affine)
    figure = Figure(figsize=(8.4, 6.6))
    axes = figure.subplots(2, 3, gridspec_kw={"hspace": 0.32, "wspace": 0.25})
    with TemporaryDirectory() as scratch:
        for (above, below), codes in zip(axes.T, WAYS, strict=True):
            turn = nib.orientations.ornt_transform(nib.io_orientation(head.affine),
                                                   nib.orientations.axcodes2ornt(codes))
            path = Path(scratch) / f"{codes}.nii.gz"
            nib.save(head.as_reoriented(turn), path)
            stored, volume = nib.load(path), read_volume(path)
            data = np.asarray(stored.dataobj)
            sizes = stored.header.get_zooms()
            middle = data.shape[2] // 2
            _slice(above, data[:, :, middle], f"stored {codes}: array[:, :, {middle}]",
                   ("j", "i"), (codes[1], codes[0]), sizes[0] / sizes[1])
            d = len(volume.data) // 2
            _slice(below, volume.data[d], f"read: data[{d}]", ("w", "h"), ("L", "P"),
                   volume.spacing[1] / volume.spacing[2])
    return figure


def report_pages(folder):
    """A report on a phantom's FLAIR, and one on what its tumour might have been before."""
    images, labels = phantom_volume((32, 160, 160), np.random.default_rng(4))
    parts, _ = label(labels > 0, np.ones((3, 3, 3)))
    labels = labels * (parts == np.bincount(parts[parts > 0]).argmax())  # without its specks
    earlier = labels * binary_erosion(labels > 0, np.ones((1, 3, 3)), iterations=2)
    earlier[20:24, 98:105, 50:57] = 2
    affine = np.diag([-SPACING[2], -SPACING[1], SPACING[0], 1.0])
    affine[:3, 3] = 119.25, 119.25, -10.75
    with TemporaryDirectory() as scratch:
        paths = [Path(scratch) / f"{name}.nii.gz" for name in ("flair", "tumour", "earlier")]
        for path, array in zip(paths, (images[..., 0], labels, earlier), strict=True):
            nib.save(nib.Nifti1Image(np.ascontiguousarray(array.transpose(2, 1, 0)), affine), path)
        flair, tumour, before = paths
        for name, write in (("report", lambda out: report(tumour, flair, out)),
                            ("change", lambda out: report_change(before, tumour, out))):
            write(Path(scratch) / name)
            page = Path(scratch) / name / "report.png"
            (folder / f"{name}.png").write_bytes(page.read_bytes())


def _slice(axes, picture, title, names, ends, aspect):
    """Show an array, rows down, with an arrow along each axis to the side that it runs to."""
    axes.imshow(picture, cmap="gray", aspect=aspect)
    axes.set_title(title, size=9.5, color=INK)
    axes.set(xticks=[], yticks=[])
    words = {"L": "left", "R": "right", "A": "front", "P": "back", "S": "head", "I": "feet"}
    arrow = {"arrowstyle": "->", "lw": 1.6}
    for name, end, colour, start, stop, middle, offset in (
            (names[0], ends[0], ACROSS, (0, -0.04), (1, -0.04), (0.5, 0), (0, -18)),
            (names[1], ends[1], DOWN, (-0.04, 1), (-0.04, 0), (0, 0.5), (-17, 0))):
        axes.annotate("", stop, start, "axes fraction", arrowprops=arrow | {"color": colour})
        axes.annotate(f"{name}, to the {words[end]}", middle, offset, "axes fraction",
                      "offset points", color=colour, size=8.5, ha="center", va="center",
                      rotation=90 if offset[0] else 0)
