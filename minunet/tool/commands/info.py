"""``minunet info``."""

from minunet.tool.info import describe_machine, describe_model


def run(options):
    """Run the command; give its exit code, if it has one."""
    model = describe_model(options.model) if options.model else {}
    for name, text in (describe_machine() | model).items():
        print(f"{name:<14}{text}")
