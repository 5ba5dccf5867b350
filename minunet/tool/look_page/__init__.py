"""What ``minunet look`` does: one HTML page in which the network itself runs on one scan.

The page is put together from the files beside this one, and needs nothing else: no framework, no
network access. `network.js` is the forward pass, written to be read.
"""

from pathlib import Path

from minunet.engine.files import InputError, check_new, output_folder
from minunet.tool.look_page.page import build_page
from minunet.tool.look_page.scan import phantom, read_scan
from minunet.tool.web import write_page

NAME = "look.html"


def look_page(net, preprocessing, scheme, model, path, out, truth=None, progress=None):
    """Write the page on one scan: ``look.html``.

    Parameters
    ----------
    net : UNet
    preprocessing : Preprocessing
    scheme : Scheme
        The model's.
    model : str
        What to call it.
    path : str, Path or None
        A picture, a folder of a patient's slices, a NIfTI volume, or a folder of volumes, as
        ``minunet predict`` takes them; None draws a synthetic head.
    out : str or Path
        A folder, made if need be, without such a page.
    truth : str or Path, optional
        The true mask of a NIfTI scan. Those of slices are found beside them: ``NAME_mask``.
    progress : callable, optional
        Called with the number of things done: slices segmented, and pixels whose field was found.

    Returns
    -------
    file : Path
    slices : int
        How many of the scan's slices the page has.

    Raises
    ------
    InputError
        If the scan is unusable or does not fit the model, the page is there already, or `out`
        cannot be written to.
    """
    file = Path(out) / NAME
    check_new([file])
    if net.config["padding"] != "same":
        raise InputError(f"{model} is a network without padding, which the page cannot run; give "
                         "one that minunet train wrote")
    scan = read_scan(path, scheme, truth) if path else phantom(net, preprocessing)
    text, slices = build_page(net, preprocessing, scheme, model, scan, progress)
    output_folder(out)
    write_page(file, text)
    return file, slices
