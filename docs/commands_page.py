"""The page of all commands and their options, made from the parser; `refresh` writes it."""

from minunet.tool.arguments import COMMANDS, build_parser

BEGINNING = """\
# Commands and options

What `minunet COMMAND --help` says, on one page. `python -m minunet` is the same program, and
`minunet --version` says which it is. A command ends with 0 if it did what it was asked to; with 2,
and one line that says what to do, if something that it was given is unusable; `gradcheck` ends
with 1 if a gradient is wrong, and `grade` if a task does not pass.
"""


def make_page():
    """Give the page, as Markdown."""
    _, parsers = build_parser()
    contents = "\n".join(f"* [`minunet {name}`](#{name}): {command.TEXT}"
                         for name, command in COMMANDS.items())
    sections = [_section(name, parser, COMMANDS[name].EXAMPLES)
                for name, parser in parsers.items()]
    return "\n".join([BEGINNING, contents, "", *sections])


def _section(name, parser, examples):
    """A command: what it does, how it is called, its options, and examples."""
    options = [action for action in parser._actions if action.dest != "help"]
    called = [_called(action) for action in options if action.required or not action.option_strings]
    if any(not action.required and action.option_strings for action in options):
        called.append("[OPTION …]")
    lines = "\n".join(f"* `{_written(action)}`: {action.help % vars(action)}" for action in options)
    return (f"## {name}\n\n{parser.description}\n\n"
            f"```sh\n{' '.join(['minunet', name, *called])}\n```\n\n{lines}\n\n"
            f"For example:\n\n```sh\n{examples}\n```\n")


def _called(action):
    """An argument in the line that shows how the command is called."""
    written = _written(action)
    several = {"?": "[{}]", "*": "[{} …]", "+": "{} …"}
    return several.get(action.nargs, "{}").format(written)


def _written(action):
    """How an argument is written: DATA, --resume, or --out RUN."""
    value = [action.metavar] if action.metavar else []
    return " ".join(action.option_strings[:1] + value)
