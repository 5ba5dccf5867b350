"""What the command line says of itself: every option, and examples that can be typed."""

import shlex

import pytest

from minunet.tool.arguments import COMMANDS, build_parser, parse


@pytest.mark.parametrize("name, line", [(name, line) for name, command in COMMANDS.items()
                                        for line in command.EXAMPLES.splitlines()])
def test_the_examples_are_commands(name, line):
    program, *words = shlex.split(line, comments=True)
    assert program == "minunet"
    assert parse(words).command == name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_ends_with_its_examples_as_they_are_typed(name, capsys):
    with pytest.raises(SystemExit):
        parse([name, "--help"])
    lines = COMMANDS[name].EXAMPLES.splitlines()
    assert 1 <= len(lines) <= 3 and max(map(len, lines)) <= 77
    assert capsys.readouterr().out.endswith(
        "\n\nexamples:\n" + "".join(f"  {line}\n" for line in lines))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained(name):
    for action in build_parser()[1][name]._actions:
        assert action.help, f"minunet {name}: {action.dest}"
