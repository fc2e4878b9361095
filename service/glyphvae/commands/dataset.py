"""The command `glyphvae dataset`, which makes a data set locally, on a Ray cluster or by a remote service."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, get_args

import typer

from glyphvae.commands.remote import remote
from glyphvae.commands.source import Key, Models, Url, check_source
from glyphvae.datasets.formats import FORMATS, DatasetRequest, Name
from glyphvae.datasets.recipe import Dataset, make_recipe
from glyphvae.datasets.shards import SHARD, Shard, split, write_shards
from glyphvae.errors import StartError
from glyphvae.models.latents import parse_latents
from glyphvae.models.registry import load_registry
from glyphvae.settings import load_settings

_SUFFIXES: dict[str, Name] = {".npz": "npz", ".parquet": "parquet"}


def dataset(
    count: Annotated[int, typer.Argument(help="Number of samples.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")],
    format_: Annotated[
        str | None,
        typer.Option("--format", help=f"{', '.join(get_args(Name))}. Default: by the suffix .npz or .parquet."),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            help="Comma-separated labels, optionally with weights: A:2,B; or digits, capitals, small, ascii, letters, "
            "all. Default: 0-9, A-Z."
        ),
    ] = None,
    start: Annotated[int, typer.Option(help="Number of the first sample.")] = 0,
    test: Annotated[int, typer.Option(help="Number of the samples that go into the test files of idx.")] = 0,
    seed: Annotated[int | None, typer.Option(help="Seed, for reproducible samples. Default: random.")] = None,
    z: Annotated[str | None, typer.Option(help="Comma-separated latents; blank ones are sampled.")] = None,
    temperature: Annotated[float, typer.Option(help="Standard deviation of the sampled latents.")] = 1.0,
    hand: Annotated[str | None, typer.Option(help="A hand, as `glyphvae hand` prints it.")] = None,
    variation: Annotated[
        float | None, typer.Option(help="Use one handwriting for all samples, with this standard deviation.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Model; see `glyphvae models`.")] = None,
    beta: Annotated[float | None, typer.Option(help="Choose the model of this β from the series of --model.")] = None,
    models: Models = None,
    url: Url = None,
    key: Key = None,
    ray: Annotated[
        str | None,
        typer.Option(
            help="Address of a Ray cluster that makes the data set in shards, auto or local; --output is a folder."
        ),
    ] = None,
    shard_size: Annotated[int, typer.Option(min=1, help="Samples per shard.")] = SHARD,
) -> None:
    """Write labelled samples to a file, with local models or by a remote service, or to shards by a Ray cluster."""
    check_source(models, url)
    request = DatasetRequest.model_validate(
        {
            "count": count,
            "format": _format(format_, output),
            "labels": None if labels is None else parse_mix(labels),
            "start": start,
            "test": test,
            "seed": seed,
            "z": None if z is None else parse_latents(z, z.count(",") + 1),
            "temperature": temperature,
            "hand": hand,
            "variation": variation,
            "model": model,
            "beta": beta,
        }
    )
    if ray is not None:
        _shard(request, output, split(request, shard_size, models), ray)
    elif url is None:
        _make(request, output, models)
    else:
        _fetch(request, output, url, key)


def parse_mix(text: str) -> dict[str, float]:
    """Parse labels with weights, as in `A:2,B`; the default weight is 1.

    Raises:
        ValueError: A weight is not a number.
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
        raise StartError(f"--format is required, because the suffix of {output.name!r} does not determine it")
    return chosen


def _make(request: DatasetRequest, output: Path, models: Path | None) -> None:
    settings = load_settings(models=models)
    format_ = FORMATS[request.format]
    format_.check()
    recipe = make_recipe(request, load_registry(settings))
    if not recipe.model.loaded:
        recipe.model.sessions.build()
    with _progress("glyphs", request.count) as advance:
        _write(output, format_.write(Dataset(recipe, request.start, request.count, advance), request.test))
    typer.echo(f"{output}: {request.count} samples of {recipe.model.title}, seed {recipe.seed}", err=True)


def _shard(request: DatasetRequest, output: Path, shards: list[Shard], address: str) -> None:
    try:
        from glyphvae.datasets.ray import run_on  # noqa: PLC0415 (not installed with the service)
    except ModuleNotFoundError as error:
        raise StartError(f"--ray: {error.name} is not installed; it needs `pip install ray`") from error
    FORMATS[request.format].check()
    with _progress("glyphs", request.count) as advance:
        for made in write_shards(output, request, shards, run_on(address)):
            advance(made)
    typer.echo(f"{output}: {request.count} samples in {len(shards)} shards, seed {request.seed}", err=True)


def _fetch(request: DatasetRequest, output: Path, url: str, key: str | None) -> None:
    options = request.model_dump(exclude={"count"}, exclude_none=True)
    with remote(url, key) as client, _progress("bytes", None) as advance:
        _write(output, client.dataset(request.count, **options), advance)


@contextmanager
def _progress(unit: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a progress bar in `bytes` or in another unit; yield the function that advances it."""
    from rich import progress  # noqa: PLC0415 (a server does not need it)
    from rich.console import Console  # noqa: PLC0415

    column = progress.DownloadColumn() if unit == "bytes" else progress.MofNCompleteColumn()
    columns = (progress.TextColumn("{task.description}"), progress.BarColumn(), column, progress.TimeRemainingColumn())
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield partial(bar.advance, bar.add_task(unit, total=total))


def _write(output: Path, chunks: Iterator[bytes], progress: Callable[[int], None] = lambda _: None) -> None:
    """Write `chunks` to a temporary file and rename it when it is complete."""
    unfinished = output.with_name(f"{output.name}.part")
    try:
        with unfinished.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
                progress(len(chunk))
        unfinished.replace(output)
    finally:
        unfinished.unlink(missing_ok=True)
