"""What ``minunet bench`` takes."""

from minunet.tool.arguments.shared import add_device, whole

PARTS = "step", "inference", "convolution", "memory", "growth", "image", "roofline", "ranks"
TEXT = "measure speed and memory, against PyTorch where installed; takes some ten minutes"
EXAMPLES = """\
minunet bench step memory
minunet bench --runs 3 --threads 2 --out bench2"""


def add_options(sub):
    """Add the command's options to its parser."""
    sub.add_argument("parts", metavar="PART", nargs="*",
                     help=f"what to measure: {', '.join(PARTS)}, or all (default)")
    sub.add_argument("--out", default="minunet-bench", metavar="DIR",
                     help="folder for bench-MACHINE.json and .png (default: %(default)s)")
    sub.add_argument("--runs", type=whole(1), default=7, metavar="N",
                     help="rounds to take the median of (default: %(default)s)")
    add_device(sub)
