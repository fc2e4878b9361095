"""`glyphvae dataset`: a data set as a file, made here or by a service elsewhere."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from glyphvae.commands.remote import remote
from glyphvae.datasets.formats import FORMATS, DatasetRequest, Name
from glyphvae.datasets.recipe import Dataset, make_recipe
from glyphvae.datasets.shards import SHARD, Shard, split, write_shards
from glyphvae.errors import StartError
from glyphvae.models.latents import parse_latents
from glyphvae.models.registry import load_registry
from glyphvae.settings import load_settings

if TYPE_CHECKING:
    from rich.progress import Progress

_SUFFIXES: dict[str, Name] = {".npz": "npz", ".parquet": "parquet"}


def dataset(
    count: Annotated[int, typer.Argument(help="How many samples.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")],
    format_: Annotated[
        str | None,
        typer.Option("--format", help=f"{', '.join(get_args(Name))}. Default: that of .npz or .parquet."),
    ] = None,
    labels: Annotated[
        str | None, typer.Option(help="Labels with commas between, with or without weights: A:2,B. Default: all.")
    ] = None,
    start: Annotated[int, typer.Option(help="Number of the first sample.")] = 0,
    test: Annotated[int, typer.Option(help="How many of them go into the test files of idx.")] = 0,
    seed: Annotated[int | None, typer.Option(help="Makes the samples reproducible.")] = None,
    z: Annotated[str | None, typer.Option(help="Latents with commas between; blank ones are drawn.")] = None,
    temperature: Annotated[float, typer.Option(help="Standard deviation of the drawn latents.")] = 1.0,
    variation: Annotated[float | None, typer.Option(help="One hand writes all, and varies this much.")] = None,
    model: Annotated[str | None, typer.Option(help="Which model; see `glyphvae models`.")] = None,
    models: Annotated[Path | None, typer.Option(help="Folder of exported models.")] = None,
    url: Annotated[str | None, typer.Option(help="A service that makes them, instead of this process.")] = None,
    key: Annotated[str | None, typer.Option(envvar="GLYPHVAE_KEY", help="A key, if that service wants one.")] = None,
    ray: Annotated[
        str | None,
        typer.Option(help="A Ray cluster that makes it in shards: its address, auto or local; --output is a folder."),
    ] = None,
    shard_size: Annotated[int, typer.Option(min=1, help="Samples in a shard.")] = SHARD,
) -> None:
    """Write labelled samples to a file: with the models here, by a service elsewhere, or by a cluster in shards."""
    if url is not None and models is not None:
        raise StartError("--models are those of this process; a service has its own")
    order = DatasetRequest.model_validate(
        {
            "count": count,
            "format": _format(format_, output),
            "labels": None if labels is None else parse_mix(labels),
            "start": start,
            "test": test,
            "seed": seed,
            "z": None if z is None else parse_latents(z, z.count(",") + 1),
            "temperature": temperature,
            "variation": variation,
            "model": model,
        }
    )
    if ray is not None:
        _shard(order, output, split(order, shard_size, models), ray)
    elif url is None:
        _make(order, output, models)
    else:
        _fetch(order, output, url, key)


def parse_mix(text: str) -> dict[str, float]:
    """The weights in `A:2,B`; a label without one weighs 1.

    Raises:
        ValueError: A weight is no number.
    """
    mix: dict[str, float] = {}
    for part in text.split(","):
        label, _, weight = part.strip().partition(":")
        try:
            mix[label] = mix.get(label, 0.0) + float(weight or 1)
        except ValueError:
            raise ValueError(f"--labels: {weight!r} is not a weight") from None
    return mix


def _format(name: str | None, output: Path) -> str:
    chosen = name or _SUFFIXES.get(output.suffix)
    if chosen is None:
        raise StartError(f"--format is needed, because {output.name!r} does not tell")
    return chosen


def _make(order: DatasetRequest, output: Path, models: Path | None) -> None:
    settings = load_settings(**({} if models is None else {"models": models}))
    format_ = FORMATS[order.format]
    format_.check()
    recipe = make_recipe(order, load_registry(settings))
    if not recipe.model.loaded:
        recipe.model.sessions.build()
    with _progress(sized=False) as progress:
        task = progress.add_task("glyphs", total=order.count)
        dataset = Dataset(recipe, order.start, order.count, lambda made: progress.advance(task, made))
        _write(output, format_.write(dataset, order.test))
    typer.echo(f"{output}: {order.count} samples of {recipe.model.title}, seed {recipe.seed}", err=True)


def _shard(order: DatasetRequest, output: Path, shards: list[Shard], address: str) -> None:
    try:
        from glyphvae.datasets.ray import run_on  # noqa: PLC0415 (not installed with the service)
    except ModuleNotFoundError as error:
        raise StartError(f"--ray: {error.name} is not installed; it needs `pip install ray`") from error
    FORMATS[order.format].check()
    with _progress(sized=False) as progress:
        task = progress.add_task("glyphs", total=order.count)
        for made in write_shards(output, order, shards, run_on(address)):
            progress.advance(task, made)
    typer.echo(f"{output}: {order.count} samples in {len(shards)} shards, seed {order.seed}", err=True)


def _fetch(order: DatasetRequest, output: Path, url: str, key: str | None) -> None:
    options = order.model_dump(exclude={"count"}, exclude_none=True)
    with remote(url, key) as client, _progress(sized=True) as progress:
        task = progress.add_task("bytes", total=None)
        _write(output, client.dataset(order.count, **options), lambda size: progress.advance(task, size))


def _progress(*, sized: bool) -> "Progress":
    """What counts bytes, or pieces."""
    from rich import progress  # noqa: PLC0415 (a server does without it)
    from rich.console import Console  # noqa: PLC0415

    column = progress.DownloadColumn() if sized else progress.MofNCompleteColumn()
    columns = (progress.TextColumn("{task.description}"), progress.BarColumn(), column, progress.TimeRemainingColumn())
    return progress.Progress(*columns, console=Console(stderr=True), transient=True)


def _write(output: Path, pieces: Iterator[bytes], told: Callable[[int], None] = lambda _: None) -> None:
    """Whoever finds the file finds all of it."""
    unfinished = output.with_name(f"{output.name}.part")
    try:
        with unfinished.open("wb") as file:
            for piece in pieces:
                file.write(piece)
                told(len(piece))
        unfinished.replace(output)
    finally:
        unfinished.unlink(missing_ok=True)
