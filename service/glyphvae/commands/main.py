"""The command `glyphvae`.

The training commands are added through entry points of the group `glyphvae.commands`, so that the packages do not
import each other.
"""

import inspect
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
from glyphvae.commands.keys import keys, sign
from glyphvae.commands.remote import remote
from glyphvae.errors import GlyphvaeError, Problem, StartError
from glyphvae.models.latents import parse_latents
from glyphvae.models.registry import load_registry
from glyphvae.operations.render_text import RenderText
from glyphvae.server.admin import listen
from glyphvae.server.server import Config, Server
from glyphvae.server.supervisor import Supervisor
from glyphvae.settings import Settings, load_settings
from glyphvae.startup import check_address_space, check_memory
from glyphvae.wording import character_ranges

OWN_COMMANDS = {"serve", "render", "dataset", "keys", "models", "sign"}

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


def _flags() -> inspect.Signature:
    """Return a signature with one option per setting, None if not given, so that flags and settings cannot diverge."""
    parameters = []
    for name, field in Settings.model_fields.items():
        option = typer.Option(help=field.description, show_default=str(field.default))
        kind: Any = Annotated[_option_type(field.annotation), option]
        parameters.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind))
    return inspect.Signature(parameters)


def _option_type(annotation: Any) -> Any:  # noqa: ANN401 (a type, or a Literal)
    # Choices are checked by Settings, whose error names the setting, whether set by a flag or by the environment.
    return annotation | None if annotation in {int, float, Path} else str | None


def serve(**flags: object) -> None:
    """Serve the exported models over HTTP."""
    settings = load_settings(**flags)
    check_address_space(settings)
    log_config = _log_config(settings.log_level, settings.log_format)
    logging.config.dictConfig(log_config)
    check_memory(settings)
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


serve.__signature__ = _flags()  # type: ignore[attr-defined]
for command in (serve, dataset, keys, sign):
    app.command()(command)


@app.command()
def render(
    text: Annotated[str, typer.Argument(help="Text to write.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="PNG file to write.")],
    seed: Annotated[int | None, typer.Option(help="Seed, for a reproducible image. Default: random.")] = None,
    z: Annotated[str | None, typer.Option(help="Style: comma-separated latents; blank ones are sampled.")] = None,
    variation: Annotated[float, typer.Option(help="Standard deviation of each glyph's latents.")] = 0.25,
    width: Annotated[int | None, typer.Option(help="Wrap lines to this width, in glyph pixels.")] = None,
    align: Annotated[str, typer.Option(help="Alignment: left, centre, right or justify.")] = "left",
    scale: Annotated[int, typer.Option(help="Image pixels per glyph pixel.")] = 2,
    ink: Annotated[str, typer.Option(help="Colour of the ink.")] = "black",
    paper: Annotated[str, typer.Option(help="Colour of the paper, or transparent.")] = "white",
    model: Annotated[str | None, typer.Option(help="Model; see `glyphvae models`.")] = None,
    beta: Annotated[float | None, typer.Option(help="Choose the model of this β from the series of --model.")] = None,
    models: Annotated[Path | None, typer.Option(help="Folder of exported models.")] = None,
    url: Annotated[str | None, typer.Option(help="URL of a service that renders the text instead.")] = None,
    key: Annotated[str | None, typer.Option(envvar="GLYPHVAE_KEY", help="Bearer key for that service.")] = None,
) -> None:
    """Write a text to a PNG file, with local models or by a remote service."""
    if url is not None and models is not None:
        raise StartError("--models cannot be combined with --url; the remote service has its own models")
    body = {
        "text": text,
        "seed": seed,
        # The number of latents is checked later, where the model is known.
        "z": None if z is None else parse_latents(z, z.count(",") + 1),
        "variation": variation,
        "width": width,
        "align": align,
        "scale": scale,
        "ink": ink,
        "paper": paper,
        "model": model,
        "beta": beta,
    }
    request = RenderText.model_validate(body)
    options = request.model_dump(exclude_unset=True)
    if url is None:
        from glyphvae.writer import Writer  # noqa: PLC0415 (needs the HTTP client's library, which a server does not)

        Writer(models).render(**options).save(output)
        return
    with remote(url, key) as client:
        client.render_text(**options).save(output)


@app.command("models")
def list_models(models: Annotated[Path | None, typer.Option(help="Folder of exported models.")] = None) -> None:
    """List the exported models."""
    from rich.console import Console  # noqa: PLC0415 (a server does not need it)
    from rich.table import Table  # noqa: PLC0415

    table = Table("model", "kind", "labels", "latents", "beta", "summary")
    for model in load_registry(load_settings(models=models)).models.values():
        facts = model.manifest
        labels = character_ranges(facts.labels) if facts.labels else "none"
        table.add_row(model.title, facts.kind, labels, str(facts.latent_size), f"{facts.beta:g}", facts.summary)
    Console().print(table)


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
    }


def main() -> None:
    """Run the command line; expected errors are printed as one line, not as a traceback."""
    # Entry points are loaded only for other commands, so that the service's own commands stay fast and independent.
    if not (OWN_COMMANDS | {"--version"}) & set(sys.argv[1:2]):
        for point in entry_points(group="glyphvae.commands"):
            app.command(point.name)(point.load())
    try:
        app()
    except Problem as problem:
        raise SystemExit(f"glyphvae: {problem.detail}") from None
    except ValidationError as error:
        raise SystemExit(f"glyphvae: {problem_of(error.errors()).detail}") from None
    except (GlyphvaeError, ValueError, OSError) as error:
        raise SystemExit(f"glyphvae: {error}") from None
