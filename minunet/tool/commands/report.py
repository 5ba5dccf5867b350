"""``minunet report``."""

from pathlib import Path

from minunet.engine.files import InputError
from minunet.tool.report import report, report_change, summarise_change, summarise_report


def run(options):
    """Run the command; give its exit code, if it has one."""
    scans = [options.before, options.after]
    if not any(scans + [options.mask]):
        raise InputError("nothing to report on; give a MASK, or --before A and --after B")
    if any(scans) and (options.mask or not all(scans)):
        raise InputError("a change needs both --before A and --after B, and no MASK beside them")
    if all(scans):
        print(summarise_change(report_change(*scans, options.out)))
    else:
        print(summarise_report(report(options.mask, options.image, options.out)))
    print(f"look at {Path(options.out) / 'report.png'}; all numbers are in report.json and "
          "report.csv")
