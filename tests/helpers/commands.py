"""Commands as the tests run them."""

from minunet.tool.cli import main


def refusal(capsys, *arguments):
    """Run a command that must fail; give its one line."""
    assert main([str(argument) for argument in arguments]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("minunet: error: ")
    return lines[0]
