"""``minunet exercises``."""

from minunet.tool.exercises import write_exercises


def run(options):
    """Run the command; give its exit code, if it has one."""
    path = write_exercises(options.dir)
    print(f"{path} holds nine tasks; write code, then: minunet grade {path}")
