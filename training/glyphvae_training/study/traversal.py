"""Figure 4: the effect of each latent of the conditional VAE, on J and on all labels, and a sentence in five styles."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from glyphvae_training.evaluation.axis_names import REACH, STEPS, changes, real_spread, traverse, words
from glyphvae_training.evaluation.coder import Coder
from glyphvae_training.study.context import StudyContext
from glyphvae_training.study.figures import show, tiled
from glyphvae_training.study.sentence import sentence, stacked
from glyphvae_training.study.train import subsample

Json = dict[str, Any]
Pixels = NDArray[np.uint8]

MODEL = "cvae"
LETTER = "J"
TEXT = "THE QUICK BROWN FOX JUMPS OVER 13 LAZY DOGS"
STYLES = 5


def traversal(context: StudyContext) -> Json:
    """Measure every latent on its traversal, name it, and draw figure 4."""
    model: Coder = context.model(MODEL)
    real = subsample(context.dataset("alphanumeric").test, context.schedule.points)
    spread = real_spread(real, len(model.labels))
    rows = [axis_row(model, latent, spread) for latent in context.track(range(model.latent_size), "traversals")]
    axes = [row["words"] for row in rows]
    letter = np.array([model.labels.index(LETTER)])
    grid = np.concatenate([traverse(model, latent, letter) for latent in range(model.latent_size)])
    context.figure("figure-4", traversals(grid, axes))
    context.figure("figure-4-styles", styles(model, np.random.default_rng(0)))
    result = {"model": MODEL, "reach": REACH, "spread": spread, "axes": axes}
    context.record("traversal", result, {"latents": rows})
    return {**result, "latents": rows}


def axis_row(coder: Coder, latent: int, spread: dict[str, float]) -> Json:
    """Measure the effect of a latent on the letter shown and on all labels, and name it."""
    everywhere = changes(coder, latent, np.arange(len(coder.labels)))
    letter = changes(coder, latent, np.array([coder.labels.index(LETTER)]))
    return {
        "latent": f"x{latent + 1}",
        **{f"{name}, all labels": value for name, value in everywhere.items()},
        **{f"{name}, {LETTER}": value for name, value in letter.items()},
        "words": words(everywhere, spread),
    }


def traversals(grid: Pixels, axes: list[str]) -> Figure:
    """Draw a row for each latent, with its name."""
    figure = Figure(figsize=(9, 0.75 * len(axes)), layout="constrained")
    for latent, (panel, name) in enumerate(zip(figure.subplots(len(axes), 1), axes, strict=True)):
        show(panel, tiled(grid[latent * STEPS : (latent + 1) * STEPS], STEPS))
        panel.text(1.02, 0.5, f"x{latent + 1}: {name}", transform=panel.transAxes, va="center", fontsize=9)
    return figure


def styles(coder: Coder, rng: np.random.Generator) -> Figure:
    """Draw one sentence, a line for each latent drawn."""
    drawn = rng.standard_normal((STYLES, coder.latent_size), dtype=np.float32)
    lines = stacked([sentence(coder, TEXT, z) for z in drawn])
    figure = Figure(figsize=(9, 9 * lines.shape[0] / lines.shape[1]), layout="constrained")
    show(figure.subplots(), lines)
    return figure
