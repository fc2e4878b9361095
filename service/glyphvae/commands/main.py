"""The command `glyphvae`.

The training commands are added through entry points of the group `glyphvae.commands`, so that the packages do not
import each other.
"""

import logging.config
import sys
from contextlib import AbstractContextManager, nullcontext, suppress
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from glyphvae import __version__
from glyphvae.api.parameters import problem_of
from glyphvae.commands.dataset import dataset
from glyphvae.commands.hands import font, hand
from glyphvae.commands.keys import keys, sign
from glyphvae.commands.options import with_options
from glyphvae.commands.read import read
from glyphvae.commands.render import render
from glyphvae.commands.source import Models
from glyphvae.environment import warn_of_unknown
from glyphvae.errors import GlyphvaeError, Problem
from glyphvae.models.registry import load_registry
from glyphvae.server.admin import listen
from glyphvae.server.listener import check_certificate, remove_stale
from glyphvae.server.server import Config, Server
from glyphvae.server.supervisor import Supervisor
from glyphvae.settings import Settings, load_settings
from glyphvae.startup import check_address_space, check_memory, check_ports
from glyphvae.wording import character_ranges

# Columns of a terminal that has room for summaries.
_WIDE = 120
OWN_COMMANDS = {"serve", "render", "read", "hand", "font", "dataset", "keys", "models", "sign"}

app = typer.Typer(
    help="Serve, train and evaluate variational autoencoders of handwriting.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)


def _show_version(wanted: bool) -> None:
    """Print the version and exit."""
    if wanted:
        typer.echo(f"glyphvae {__version__}")
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Take the options that come before a command."""


@with_options(Settings)
def serve(**flags: object) -> None:
    """Serve the exported models over HTTP."""
    settings = load_settings(**flags)
    check_address_space(settings)
    log_config = _log_config(settings.log_level, settings.log_format)
    logging.config.dictConfig(log_config)
    warn_of_unknown()
    check_memory(settings)
    check_certificate(settings)
    remove_stale(settings.unix_socket)
    check_ports(settings)
    admin = listen(settings.admin_host, settings.admin_port) if settings.admin_port else None
    if settings.workers == 1:
        config = Config(settings, log_config, admin)
        config.load()
        server = Server(config)
        with suppress(KeyboardInterrupt):
            server.run([config.bind_socket()])
    else:
        load_registry(settings)  # so that an invalid file stops the start here, not in each process again and again
        with _shared_folder() if admin else nullcontext() as counts:
            config = Config(settings, log_config, admin, counts)
            Supervisor(config, [config.bind_socket()]).run()


def _shared_folder() -> AbstractContextManager[Path | None]:
    from glyphvae.observability.shared_counters import shared_folder  # noqa: PLC0415 (locks files as POSIX does)

    return shared_folder()


_SERVICE, _FILES, _OTHER = "Serve", "Make files, with local models or by a service", "Train and evaluate"
for panel, command in (
    (_SERVICE, serve),
    (_SERVICE, keys),
    (_SERVICE, sign),
    (_FILES, render),
    (_FILES, read),
    (_FILES, hand),
    (_FILES, font),
    (_FILES, dataset),
):
    app.command(rich_help_panel=panel)(command)


@app.command("models", rich_help_panel=_SERVICE)
def list_models(models: Models = None) -> None:
    """List the exported models."""
    from rich.console import Console  # noqa: PLC0415 (a server does not need it)
    from rich.table import Column, Table  # noqa: PLC0415

    console = Console()
    registry = load_registry(load_settings(models=models))
    table = Table("", Column("model", no_wrap=True), "kind", "labels", "latents", "beta", box=None)
    if console.width >= _WIDE:
        table.add_column("summary")
    for name, model in registry.models.items():
        facts = model.manifest
        labels = character_ranges(facts.labels) if facts.labels else "none"
        mark = "*" if name == registry.default else ""
        row = (mark, model.title, facts.kind, labels, str(facts.latent_size), f"{facts.beta:g}", facts.summary)
        table.add_row(*row[: len(table.columns)])
    console.print(table)
    console.print("* the default")


def _log_config(level: str, style: str) -> dict[str, Any]:
    """Return the logging configuration: one line per event to standard error; a dictionary, to pass to workers."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "text": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
            "json": {"()": "glyphvae.observability.access_log.JsonFormatter"},
        },
        "handlers": {"stderr": {"class": "glyphvae.observability.log_writer.LogHandler", "formatter": style}},
        "root": {"level": level.upper(), "handlers": ["stderr"]},
        # At level info it calls tables errors that it splits to make them fit.
        "loggers": {"fontTools": {"level": "ERROR" if level == "error" else "WARNING"}},
    }


def main() -> None:
    """Run the command line; expected errors are printed as one line, not as a traceback."""
    # Entry points are loaded only for other commands, so that the service's own commands stay fast and independent.
    if not (OWN_COMMANDS | {"--version"}) & set(sys.argv[1:2]):
        for point in entry_points(group="glyphvae.commands"):
            app.command(point.name, rich_help_panel=_OTHER)(point.load())
    try:
        app()
    except Problem as problem:
        allowed = "".join(f"; allowed: {error.allowed}" for error in problem.errors if error.allowed)
        raise SystemExit(f"glyphvae: {problem.detail}{allowed}") from None
    except ValidationError as error:
        raise SystemExit(f"glyphvae: {problem_of(error.errors()).detail}") from None
    except OSError as error:
        where = f"{error.filename}: {error.strerror}" if error.filename else error
        raise SystemExit(f"glyphvae: {where}") from None
    except (GlyphvaeError, ValueError) as error:
        raise SystemExit(f"glyphvae: {error}") from None
