"""The page that leads to the pages of patients: a table, with a bar for each share."""

import math
import os
from typing import NamedTuple
from urllib.parse import quote

from minunet.tool.web import as_text, fill


class Share(NamedTuple):
    """A number from 0 to 1 that is drawn as a bar, such as Dice; nan for none."""

    value: float
    text: str = ""  # to stand beside the bar; three digits if it is empty


def build_index(title, lines, columns, rows):
    """Put the page together.

    Parameters
    ----------
    title : str
    lines : list of str
        Paragraphs above the table.
    columns : list of str
        What the cells after the patient are.
    rows : list of (name, page, cells)
        In the order in which they stand: the patient, the path of the page from this one's
        folder, and for each column words, a `Share`, or None if it is not known. A column that is
        known of nobody is left out.

    Returns
    -------
    str
    """
    known = [k for k in range(len(columns)) if any(map(_is_known, (row[2][k] for row in rows)))]
    shares = {k for k in known if any(isinstance(cells[k], Share) for *_, cells in rows)}
    head = '<th scope="col">patient</th>' + "".join(
        f'<th scope="col"{_share(k in shares)}>{as_text(columns[k])}</th>' for k in known)
    return fill(__package__, "index", title, head=head,
                lines="\n".join(f"  <p>{as_text(line)}</p>" for line in lines),
                rows="\n".join(_row(name, page, [(cells[k], k in shares) for k in known])
                               for name, page, cells in rows))


def _is_known(cell):
    return cell is not None and not (isinstance(cell, Share) and math.isnan(cell.value))


def _share(drawn):
    return ' class="share"' if drawn else ""


def _row(name, page, cells):
    cells = "".join(f"<td{_share(drawn)}>{_cell(cell)}</td>" for cell, drawn in cells)
    return (f'<tr><th scope="row"><a href="{quote(os.fsencode(page))}">{as_text(name)}</a></th>'
            f"{cells}</tr>")


def _cell(cell):
    if not _is_known(cell):
        return "–"
    if not isinstance(cell, Share):
        return as_text(cell)
    return (f'<span class="bar"><span style="width:{100 * cell.value:.1f}%"></span></span>'
            f"{as_text(cell.text or f'{cell.value:.3f}')}")
