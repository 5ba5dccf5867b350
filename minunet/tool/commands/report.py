"""``minunet report``: on one mask, on a change, or on a folder of masks."""

from pathlib import Path

from minunet.engine.files import InputError
from minunet.tool.patient_page import INDEX
from minunet.tool.report import report, report_change, summarise_change, summarise_report
from minunet.tool.report.cohort import TABLE, find_masks, report_cohort, summarise_cohort


def run(options):
    """Run the command; give its exit code, if it has one."""
    scans, out = [options.before, options.after], Path(options.out)
    _check(options, scans)
    masks = find_masks(options.mask) if options.mask else []
    if all(scans):
        images = [options.image_before, options.image_after]
        print(summarise_change(report_change(*scans, out, images)))
    elif len(masks) == 1 and masks[0].parent in (Path(options.mask), Path(options.mask).parent):
        print(summarise_report(report(masks[0], options.image, out, options.mesh)))
    else:
        print(summarise_cohort(report_cohort(masks, options.mask, options.image, out,
                                             options.mesh)))
        print(f"look at {out / INDEX}; all numbers are in {TABLE}")
        return
    print(f"look at {out / 'report.html'} and {out / 'report.png'}; all numbers are in "
          "report.json and report.csv")


def _check(options, scans):
    """Raise `InputError` if options are missing or do not go together."""
    if not any([*scans, options.mask]):
        raise InputError("nothing to report on; give a MASK, or --before A and --after B")
    if any(scans) and (options.mask or not all(scans)):
        raise InputError("a change needs both --before A and --after B, and no MASK beside them")
    if (options.image_before or options.image_after) and not all(scans):
        raise InputError("--image-before and --image-after belong to --before and --after; give "
                         "the IMAGE of a MASK behind it")
    if options.mesh and all(scans):
        raise InputError("--mesh is of one mask; leave it out, or give a MASK")
