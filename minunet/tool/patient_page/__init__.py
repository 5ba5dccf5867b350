"""Pages of patients: one HTML file each, in which all slices can be looked at, and an index.

A page needs nothing but itself: no framework, no network access. `draw.js` and `viewer.js`, beside
this file, run in it.
"""

from contextlib import suppress
from pathlib import Path

from minunet.engine import mpi
from minunet.engine.files import check_new, output_folder
from minunet.tool.overlays import draw_volume, shown_channel
from minunet.tool.patient_page.index import Share, build_index
from minunet.tool.patient_page.page import build_page
from minunet.tool.web import write_page

INDEX, FOLDER = "index.html", "pages"


class Pages:
    """What a command leaves to look at: pages and contact sheets in ``pages``, and an index.

    Parameters
    ----------
    out : str or Path
    names : iterable of str
        All patients, as they will be added.

    Raises
    ------
    InputError
        If one of the files is there already.
    """

    def __init__(self, out, names):
        self.out, self._written, self._rows = Path(out), [], []
        self._places = {name: place for place, name in enumerate(names)}
        check_new([self.out / INDEX])
        check_new(path for name in names for path in self._paths(name))

    def add(self, scene, cells, order=0.0, mark=""):
        """Write the page of a patient and its contact sheet, a picture of some slices.

        Parameters
        ----------
        scene : Scene
        cells : list of str or Share
            For the index.
        order : float
            Patients stand in the index by this, the least first; of equals, as in `names`.
        mark : str
            What stands there behind the name.
        """
        page, picture = self._paths(scene.name)
        output_folder(page.parent)
        self._written += [page, picture]
        write_page(page, build_page(scene))
        draw_sheet(picture, scene)
        link = page.relative_to(self.out).as_posix()
        self._rows.append((order, self._places[scene.name], (scene.name + mark, link, cells)))

    def finish(self, title, lines, columns):
        """Write the index; of several ranks, the first does, of the patients of all."""
        rows = mpi.gather(self._rows)
        if mpi.first():
            rows = [(name, link, [Share(*cell) if isinstance(cell, list | tuple) else cell
                                  for cell in cells])  # as JSON, a Share is a list
                    for *_, (name, link, cells) in sorted(rows, key=lambda row: row[:2])]
            write_page(self.out / INDEX, build_index(title, lines, columns, rows))

    def discard(self):
        """Remove what was written, since it is not the whole."""
        for path in self._written:
            path.unlink(missing_ok=True)
            for folder in path.parents[:len(path.relative_to(self.out).parts) - 1]:
                with suppress(OSError):  # not empty
                    folder.rmdir()

    def _paths(self, name):
        start = self.out / FOLDER / name
        return [start.with_name(f"{start.name}.{kind}") for kind in ("html", "png")]


def draw_sheet(path, scene):
    """Draw a contact sheet of a scene, which has images: up to twelve slices."""
    words, marks = scene.words, f"{scene.words.found}: orange"
    if scene.truth is not None:
        marks += f", {words.truth}: blue"
    channel = shown_channel(scene.images.shape[-1], scene.channels)
    shown = scene.images[..., channel]  # (D, H, W)
    draw_volume(path, shown, scene.found > 0, scene.spacing or (1, 1, 1),
                f"{scene.name}. {marks}", scene.sides,
                None if scene.truth is None else scene.truth > 0)
