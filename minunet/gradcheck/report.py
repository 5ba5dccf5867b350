"""What a check has found: a row for each argument, and the table of them."""

import textwrap
from typing import NamedTuple


class Row(NamedTuple):
    """The verdict on one argument, or a remark about what an operation must not do."""

    argument: str
    shape: tuple
    error: float  # relative, see `check`
    index: tuple  # type: ignore[assignment]  # of the worst element
    analytic: float  # there: what backward says
    numeric: float  # there: what differences say
    tolerance: float
    remark: str = ""  # in the place of all numbers
    reasons: tuple = ()  # sentences on what is wrong with the gradient, if that could be seen

    @property
    def ok(self) -> bool:
        """Whether the error is within the tolerance (a NaN is not), and nothing is remarked."""
        return bool(self.error <= self.tolerance) and not self.remark


class Report(list):
    """Rows, one for each argument and each remark; printed, a table with the reasons below it."""

    @property
    def ok(self) -> bool:
        """Whether every row is."""
        return all(row.ok for row in self)

    def __str__(self):
        name = max([8, *(len(row.argument) for row in self)]) + 2
        shape = max([5, *(len(str(row.shape)) for row in self)]) + 2
        lines = [f"{'argument':<{name}}{'shape':<{shape}}{'error':>8}  {'allowed':<9}{'':<7}"
                 f"{'worst at':<14}{'backward':>12}{'differences':>13}"]
        for row in self:
            start = f"{row.argument:<{name}}{str(row.shape):<{shape}}"
            if row.remark:
                lines.append(f"{start}{'':>19}{'WRONG':<7}{row.remark}")
                continue
            index = ",".join(map(str, row.index)) or ("a direction" if row.shape else "")
            lines.append(f"{start}{row.error:>8.1e}  {row.tolerance:<9.0e}"
                         f"{'ok' if row.ok else 'WRONG':<7}{index:<14}"
                         f"{row.analytic:>12.5g}{row.numeric:>13.5g}")
        lines += [textwrap.fill(f"{row.argument}: {reason}", 94, subsequent_indent="  ")
                  for row in self for reason in row.reasons]
        return "\n".join(lines)
