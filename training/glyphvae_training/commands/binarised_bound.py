"""The command that measures the likelihood of binarised MNIST.

Run it with `python -m glyphvae_training.commands.binarised_bound RUN --data DATA`.
"""

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from glyphvae_training.commands.options import DATA, DataFolder, errors_reported
from glyphvae_training.data.binarisation import binarise
from glyphvae_training.data.dataset import load_mnist
from glyphvae_training.evaluation.binarised_bound import Draws, likelihood
from glyphvae_training.export.repository import publish_metrics, published
from glyphvae_training.fitting.runs import load_run
from glyphvae_training.models.vae import VAE

KEY = "likelihood"


@errors_reported()
def measure(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    data: DataFolder = DATA,
    exported: Annotated[Path | None, typer.Option(help="Model repository whose manifest gets the figures.")] = None,
    name: Annotated[str, typer.Option(help="Name of the model in that repository.")] = "vae-binarised",
    few: Annotated[int, typer.Option(min=1, help="Draws for every image.")] = 50,
    many: Annotated[int, typer.Option(min=1, help="Draws for a subset of the images.")] = 5000,
    images: Annotated[int, typer.Option(min=2, help="Size of that subset.")] = 300,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the binarisation and the noise.")] = 0,
) -> None:
    """Measure the likelihood of MNIST's test digits, each pixel binarised once."""
    model = load_run(run).model
    assert isinstance(model, VAE)  # noqa: S101 (a conditional one has another likelihood)
    test = binarise(load_mnist(data).test, np.random.default_rng(seed))
    found = likelihood(model, test, Draws(few, many, images), seed)
    if exported is not None:
        facts, _ = published(exported, name)
        publish_metrics(exported, name, facts.metrics | {KEY: found})
    typer.echo(json.dumps(found, indent=2))


if __name__ == "__main__":
    typer.run(measure)
