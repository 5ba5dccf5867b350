"""What ``minunet grade`` takes."""

from minunet.tool.arguments.shared import whole

TEXT = "grade the file of tasks, and give hints"
EXAMPLES = """\
minunet grade mywork/unet_by_hand.py 1 2
minunet grade mywork/unet_by_hand.py --json grades.json"""


def add_options(sub):
    """Add the command's options to its parser."""
    sub.description += (" Each task runs in a process of its own, with your rights: grade no file "
                        "that you would not run. The exit code is 0 if all these tasks pass, "
                        "else 1.")
    sub.add_argument("file", metavar="FILE", help="the file that minunet exercises has written, "
                     "with your code")
    sub.add_argument("tasks", metavar="TASK", nargs="*", type=whole(1),
                     help="which tasks, by number (default: all)")
    sub.add_argument("--json", metavar="FILE", help="write the verdicts there as well, to a new "
                     "file")
