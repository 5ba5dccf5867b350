"""The page that leads to the pages of patients: a table, with a bar for each share."""

import math
import os
from typing import NamedTuple
from urllib.parse import quote

from minunet.tool.web import as_text, fill


class Share(NamedTuple):
    """A number from 0 to 1 that is drawn as a bar, such as Dice; nan for none."""

    value: float

    def html(self):
        """The bar, and the number beside it."""
        if math.isnan(self.value):
            return '<td class="share">–</td>'
        return (f'<td class="share"><span class="bar"><span style="width:{100 * self.value:.1f}%">'
                f'</span></span>{self.value:.3f}</td>')


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
        folder, and for each column words, or a `Share`.

    Returns
    -------
    str
    """
    head = "".join(f'<th scope="col">{as_text(name)}</th>' for name in ("patient", *columns))
    return fill(__package__, "index.html", title=as_text(title), head=head,
                lines="\n".join(f"  <p>{as_text(line)}</p>" for line in lines),
                rows="\n".join(_row(*row) for row in rows))


def _row(name, page, cells):
    cells = "".join(cell.html() if isinstance(cell, Share) else f"<td>{as_text(cell)}</td>"
                    for cell in cells)
    return (f'<tr><th scope="row"><a href="{quote(os.fsencode(page))}">{as_text(name)}</a></th>'
            f"{cells}</tr>")
