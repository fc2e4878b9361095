"""`python -m benchmarks PART`: measure, and write the results and docs/benchmarks.md."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import decoder as decoder_part
from benchmarks import footprint as footprint_part
from benchmarks import gpu as gpu_part
from benchmarks import growth as growth_part
from benchmarks import http as http_part
from benchmarks import open_loop, results
from benchmarks import overload as overload_part
from benchmarks import recovery as recovery_part
from benchmarks import slow as slow_part
from benchmarks import soak as soak_part
from benchmarks import training as training_part
from benchmarks.cores import BenchmarkError
from benchmarks.http import Options
from benchmarks.page import write_page
from benchmarks.server import stop_on_signal
from benchmarks.stage import Subject
from glyphvae.settings import SHIPPED_MODELS

app = typer.Typer(help="Measure the service beside others.", no_args_is_help=True, pretty_exceptions_enable=False)

Models = Annotated[Path, typer.Option(help="Folder of exported models.")]
Python = Annotated[str, typer.Option(help="The interpreter that runs the service.")]
Out = Annotated[Path, typer.Option(help="Where the results go.")]
Rounds = Annotated[int, typer.Option(help="How often everything has its turn.")]
Seconds = Annotated[int, typer.Option(help="How long a turn is.")]
Requests = Annotated[int, typer.Option(help="Requests before memory is read again.")]

# A decoder's turn: long against the clock's resolution, short against what else the machine does.
DECODER_TURN = 0.01


def _subject(models: Path, python: str) -> Subject:
    # Not resolved: a virtual environment's interpreter is a link, and knows its packages by where the link is.
    return Subject(models.resolve(), str(Path(python).absolute()))


@app.command()
def http(
    models: Models = SHIPPED_MODELS,
    python: Python = sys.executable,
    out: Out = results.FOLDER,
    rounds: Rounds = 5,
    seconds: Seconds = 1,
) -> None:
    """Requests a second and latency, closed loop."""
    options = Options(rounds=rounds, seconds=seconds)
    results.write(out, "http", asdict(options), http_part.measure(_subject(models, python), options))


@app.command()
def arrivals(
    models: Models = SHIPPED_MODELS,
    python: Python = sys.executable,
    out: Out = results.FOLDER,
    rounds: Rounds = 2,
    seconds: Seconds = 3,
) -> None:
    """Latency at a share of capacity, open loop."""
    figures = open_loop.measure(_subject(models, python), seconds, rounds)
    results.write(out, "arrivals", {"rounds": rounds, "seconds": seconds}, figures)


@app.command()
def footprint(  # noqa: PLR0917 (typer takes options as arguments)
    models: Models = SHIPPED_MODELS,
    python: Python = sys.executable,
    out: Out = results.FOLDER,
    seconds: Seconds = 3,
    requests: Requests = 50_000,
    starts: Annotated[int, typer.Option(help="Starts of the service.")] = 5,
) -> None:
    """Start-up, memory and idle processor time."""
    figures = footprint_part.measure(_subject(models, python), seconds, requests, starts)
    results.write(out, "footprint", {"idle_seconds": seconds, "requests": requests, "starts": starts}, figures)


@app.command()
def growth(
    models: Models = SHIPPED_MODELS,
    python: Python = sys.executable,
    out: Out = results.FOLDER,
    rounds: Rounds = 2,
    seconds: Seconds = 1,
) -> None:
    """Cost by requests in flight, glyphs, characters, workers and models."""
    options = Options(rounds=rounds, seconds=seconds, connections=growth_part.CONNECTIONS)
    figures = growth_part.measure(_subject(models, python), options, seconds)
    results.write(out, "growth", {"rounds": rounds, "seconds": seconds}, figures)


@app.command()
def decoder(models: Models = SHIPPED_MODELS, out: Out = results.FOLDER, rounds: Rounds = 60) -> None:
    """The shipped decoder against the reference decoder."""
    figures = decoder_part.measure(_subject(models, sys.executable), rounds, DECODER_TURN)
    results.write(out, "decoder", {"rounds": rounds, "turn_seconds": DECODER_TURN}, figures)


@app.command()
def training(
    out: Out = results.FOLDER,
    rounds: Rounds = 3,
    images: Annotated[int, typer.Option(help="Random images in an epoch.")] = training_part.EPOCH,
    threads: Annotated[int, typer.Option(help="PyTorch's.")] = 2,
) -> None:
    """Images a second in training."""
    figures = training_part.measure(rounds, images, threads)
    results.write(out, "training", {"rounds": rounds, "images": images, "threads": threads}, figures)


@app.command()
def gpu(
    models: Models = SHIPPED_MODELS,
    python: Python = sys.executable,
    out: Out = results.FOLDER,
    seconds: Seconds = 1,
) -> None:
    """Glyphs a second out of a GPU."""
    results.write(out, "gpu", {"seconds": seconds}, gpu_part.measure(_subject(models, python), seconds))


@app.command()
def overload(
    models: Models = SHIPPED_MODELS, python: Python = sys.executable, out: Out = results.FOLDER, seconds: Seconds = 60
) -> None:
    """Goodput and refusals at three times capacity."""
    results.write(out, "overload", {"seconds": seconds}, overload_part.measure(_subject(models, python), seconds))


@app.command()
def soak(
    models: Models = SHIPPED_MODELS,
    python: Python = sys.executable,
    out: Out = results.FOLDER,
    requests: Requests = 1_000_000,
) -> None:
    """Memory and descriptors over a million mixed requests."""
    results.write(out, "soak", {"requests": requests}, soak_part.measure(_subject(models, python), requests))


@app.command()
def slow(
    models: Models = SHIPPED_MODELS,
    python: Python = sys.executable,
    out: Out = results.FOLDER,
    clients: Annotated[int, typer.Option(help="Slow ones.")] = 500,
    seconds: Seconds = 14,
) -> None:
    """How long slow clients stay, and what healthy ones notice."""
    figures = slow_part.measure(_subject(models, python), clients, seconds)
    results.write(out, "slow", {"clients": clients, "seconds": seconds}, figures)


@app.command()
def recovery(
    models: Models = SHIPPED_MODELS,
    python: Python = sys.executable,
    out: Out = results.FOLDER,
    turns: Annotated[int, typer.Option(help="How often a process is killed.")] = 5,
) -> None:
    """What the loss of one of two processes costs."""
    results.write(out, "recovery", {"turns": turns}, recovery_part.measure(_subject(models, python), turns))


@app.command()
def page(
    out: Out = results.FOLDER, docs: Annotated[Path, typer.Option(help="Where the page goes.")] = Path("docs")
) -> None:
    """Write docs/benchmarks.md and its plots from the results."""
    write_page(docs, results.read(out))


@app.command("all")
def everything(
    models: Models = SHIPPED_MODELS,
    python: Python = sys.executable,
    out: Out = results.FOLDER,
    full: Annotated[bool, typer.Option(help="Three times as long, and memory after a million requests.")] = False,
) -> None:
    """Every part that needs no GPU, and the page."""
    times = 3 if full else 1
    http(models, python, out, rounds=5 * times, seconds=1)
    footprint(models, python, out, seconds=3 * times, requests=1_000_000 if full else 50_000, starts=5)
    growth(models, python, out, rounds=2 * times, seconds=1)
    decoder(models, out, rounds=60)
    arrivals(models, python, out, rounds=2, seconds=3 * times)
    training(out, rounds=times + 1)
    page(out)


def main() -> None:
    """Run the command line; what is missing for a measurement is said in one line."""
    try:
        app()
    except BenchmarkError as error:
        raise SystemExit(f"benchmarks: {error}") from None


if __name__ == "__main__":
    stop_on_signal()
    main()
