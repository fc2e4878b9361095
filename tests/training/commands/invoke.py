"""Invocation of single commands in this process."""

from collections.abc import Callable

import typer
from typer.testing import CliRunner, Result


def invoke(command: Callable[..., None], *arguments: object) -> Result:
    """Run a command with these arguments."""
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def output(command: Callable[..., None], *arguments: object) -> str:
    """Return what a command prints on standard output; it has to succeed."""
    result = invoke(command, *arguments)
    assert result.exit_code == 0, f"{result.output}{result.exception}"
    return result.stdout


def refusal(command: Callable[..., None], *arguments: object) -> str:
    """Return the line with which a command fails."""
    result = invoke(command, *arguments)
    assert isinstance(result.exception, SystemExit)
    assert result.exit_code == 1
    assert result.output.count("\n") == 1
    return result.output
