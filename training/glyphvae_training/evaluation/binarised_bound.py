"""Measures -log p(x) of black and white test digits, which is what papers call the NLL of binarised MNIST.

    python -m glyphvae_training.evaluation.binarised_bound RUN --data DATA

5,000 draws for each of 10,000 images would be half a day of one core. So all images get the bound with few draws, and
some of them also with 5,000: the mean difference, which is small and varies little, is taken off the mean of all (a
control variate, see Owen, "Monte Carlo theory, methods and examples", section 8.9).
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

from glyphvae_training.data.dataset import Split, load_mnist
from glyphvae_training.evaluation.importance import binarised
from glyphvae_training.export.repository import publish_metrics, published
from glyphvae_training.fitting.binarised import negative_bound
from glyphvae_training.fitting.runs import load_run
from glyphvae_training.judges.judge_data import part_of
from glyphvae_training.measures.measure import significant
from glyphvae_training.models.vae import VAE

KEY = "likelihood"
# Two-sided, 95 %, of a normal distribution.
QUANTILE = 1.96


@dataclass(frozen=True)
class Draws:
    """How often is drawn.

    Attributes:
        few: For every image.
        many: For some images.
        images: How many those are.
    """

    few: int = 50
    many: int = 5000
    images: int = 300


def likelihood(model: VAE, test: Split, draws: Draws, seed: int = 0) -> dict[str, Any]:
    """-log p(x) of images, in nats, as the bound with `draws.many` has it.

    Args:
        model: With a flow.
        test: Images of 0 and 255.
        draws: How many.
        seed: Of the noise, and of which images get many draws.

    Returns:
        `value`, `low` and `high` (95 %, of a normal distribution, for another set of as many images), `n` images, and
        `draws`; `few`: the same bound with few draws; `elbo`: with one; `images_with_all_draws`.
    """
    generator = torch.Generator().manual_seed(seed)
    chosen = np.sort(np.random.default_rng(seed).permutation(len(test))[: draws.images])
    few = negative_bound(model, test, draws.few, generator).numpy()
    many = negative_bound(model, part_of(test, chosen), draws.many, generator).numpy()
    one = negative_bound(model, test, 1, generator).numpy()
    gained = few[chosen] - many
    value = float(few.mean() - gained.mean())
    error = QUANTILE * math.sqrt(few.var() / len(few) + gained.var() / len(gained))
    return {
        "value": significant(value),
        "low": significant(value - error),
        "high": significant(value + error),
        "n": len(few),
        "draws": draws.many,
        "images_with_all_draws": len(chosen),
        "few": {"value": significant(float(few.mean())), "draws": draws.few},
        "elbo": significant(float(one.mean())),
    }


def measure(  # noqa: PLR0917 (the command line)
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    data: Annotated[Path, typer.Option(help="Folder with the source files, at any depth.")] = Path("data"),
    exported: Annotated[Path | None, typer.Option(help="Model repository whose manifest gets the numbers.")] = None,
    name: Annotated[str, typer.Option(help="Of the model there.")] = "vae-binarised",
    few: Annotated[int, typer.Option(min=1, help="Draws for every image.")] = 50,
    many: Annotated[int, typer.Option(min=1, help="Draws for some.")] = 5000,
    images: Annotated[int, typer.Option(min=2, help="How many those are.")] = 300,
    seed: Annotated[int, typer.Option(min=0, help="Of the ink of the test images, and of the noise.")] = 0,
) -> None:
    """Measure the likelihood of MNIST's test digits, each pixel drawn black or white once."""
    model = load_run(run).model
    assert isinstance(model, VAE)  # noqa: S101 (a conditional one has another likelihood)
    test = binarised(load_mnist(data).test, np.random.default_rng(seed))
    found = likelihood(model, test, Draws(few, many, images), seed)
    if exported is not None:
        facts, _ = published(exported, name)
        publish_metrics(exported, name, facts.metrics | {KEY: found})
    typer.echo(json.dumps(found, indent=2))


if __name__ == "__main__":
    typer.run(measure)
