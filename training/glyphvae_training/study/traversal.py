"""Figure 4: what each latent of the conditional VAE does, on J and on every label, and a sentence in five styles."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from glyphvae_training.evaluation.axis_names import REACH, STEPS, changes, real_spread, traverse, words
from glyphvae_training.evaluation.coder import Coder
from glyphvae_training.export.exported import read_exported
from glyphvae_training.export.manifest import facts_of, manifest_path
from glyphvae_training.export.repository import publish_metrics
from glyphvae_training.study.figures import show, tiled
from glyphvae_training.study.sentence import sentence, stacked
from glyphvae_training.study.train import subsample
from glyphvae_training.study.workshop import Workshop

Json = dict[str, Any]
Pixels = NDArray[np.uint8]

# The shipped model of six latents; a study without it looks at its own model of beta 1.
SHIPPED = "cvae"
OWN = "cvae-beta-1"
LETTER = "J"
TEXT = "THE QUICK BROWN FOX JUMPS OVER 13 LAZY DOGS"
STYLES = 5


def traversal(workshop: Workshop) -> Json:
    """Measure every latent on its traversal, name it, and draw figure 4."""
    shipped = manifest_path(workshop.exported, SHIPPED).is_file()
    model: Coder = read_exported(workshop.exported, SHIPPED) if shipped else workshop.model(OWN)
    real = subsample(workshop.dataset("alphanumeric").test, workshop.schedule.points)
    spread = real_spread(real, len(model.labels))
    rows = [axis_row(model, latent, spread) for latent in workshop.track(range(model.latent_size), "traversals")]
    axes = [row["words"] for row in rows]
    letter = np.array([model.labels.index(LETTER)])
    sheet = np.concatenate([traverse(model, latent, letter) for latent in range(model.latent_size)])
    workshop.figure("figure-4", traversals(sheet, axes))
    workshop.figure("figure-4-styles", styles(model, np.random.default_rng(0)))
    if shipped:
        publish_axes(workshop, axes)
    result = {"model": SHIPPED if shipped else OWN, "reach": REACH, "spread": spread, "axes": axes}
    workshop.record("traversal", result, {"latents": rows})
    return {**result, "latents": rows}


def axis_row(coder: Coder, latent: int, spread: dict[str, float]) -> Json:
    """What a latent does to the letter shown and to all labels, and its name."""
    everywhere = changes(coder, latent, np.arange(len(coder.labels)))
    letter = changes(coder, latent, np.array([coder.labels.index(LETTER)]))
    return {
        "latent": f"x{latent + 1}",
        **{f"{name}, all labels": value for name, value in everywhere.items()},
        **{f"{name}, {LETTER}": value for name, value in letter.items()},
        "words": words(everywhere, spread),
    }


def traversals(sheet: Pixels, axes: list[str]) -> Figure:
    """A row for each latent, with its name."""
    figure = Figure(figsize=(9, 0.75 * len(axes)), layout="constrained")
    for latent, (panel, name) in enumerate(zip(figure.subplots(len(axes), 1), axes, strict=True)):
        show(panel, tiled(sheet[latent * STEPS : (latent + 1) * STEPS], STEPS))
        panel.text(1.02, 0.5, f"x{latent + 1}: {name}", transform=panel.transAxes, va="center", fontsize=9)
    return figure


def styles(coder: Coder, rng: np.random.Generator) -> Figure:
    """One sentence, a line for each latent drawn."""
    drawn = rng.standard_normal((STYLES, coder.latent_size), dtype=np.float32)
    lines = stacked([sentence(coder, TEXT, z) for z in drawn])
    figure = Figure(figsize=(9, 9 * lines.shape[0] / lines.shape[1]), layout="constrained")
    show(figure.subplots(), lines)
    return figure


def publish_axes(workshop: Workshop, axes: list[str]) -> None:
    """Put the names into the manifest, beside the other metrics."""
    facts = facts_of(read_exported(workshop.exported, SHIPPED).manifest)
    if facts.metrics.get("axes") != axes:
        publish_metrics(workshop.exported, SHIPPED, facts.metrics | {"axes": axes})
