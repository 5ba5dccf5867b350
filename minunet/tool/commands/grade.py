"""``minunet grade``."""

from minunet.tool.exercises import grade


def run(options):
    """Run the command; give its exit code, if it has one."""
    return 0 if grade(options.file, options.tasks, options.json) else 1
