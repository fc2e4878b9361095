"""The effect of each latent of a conditional model, measured on traversals and put into words."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glyphvae_training.data.dataset import Split
from glyphvae_training.evaluation.coder import Coder
from glyphvae_training.export.exported import read_exported
from glyphvae_training.export.repository import publish_metrics, published
from glyphvae_training.measures.glyph import FEATURES

Pixels = NDArray[np.uint8]

# Two standard deviations of the prior each way hold 95 % of what is drawn.
REACH = 2.0
STEPS = 9
# A change of a measure over a traversal is worth a word if it is at least half of what real characters vary by.
WORTH_A_WORD = 0.5


def axis_names(coder: Coder, real: Split) -> list[str]:
    """Name the effect of each latent.

    Args:
        coder: of a conditional model.
        real: characters of the same labels, whose spread says what is worth a word.
    """
    spread, labels = real_spread(real, len(coder.labels)), np.arange(len(coder.labels))
    return [words(changes(coder, latent, labels), spread) for latent in range(coder.latent_size)]


def publish_axes(folder: Path, name: str, real: Split) -> list[str]:
    """Write the names of a published model's latents into its manifest; returns them."""
    names = axis_names(read_exported(folder, name), real)
    facts, _ = published(folder, name)
    publish_metrics(folder, name, facts.metrics | {"axes": names})
    return names


def traverse(coder: Coder, latent: int, labels: NDArray[np.int64]) -> Pixels:
    """Decode each label while one latent goes from -REACH to REACH, the others 0: uint8 (labels · STEPS, 28, 28)."""
    z = np.zeros((len(labels) * STEPS, coder.latent_size), np.float32)
    z[:, latent] = np.tile(np.linspace(-REACH, REACH, STEPS), len(labels))
    return coder.decode(z, np.repeat(labels, STEPS))[0]


def real_spread(real: Split, labels: int) -> dict[str, float]:
    """Return the standard deviation of each measure among real characters of one label, mean over labels."""
    present = [label for label in range(labels) if (real.labels == label).sum() > 1]
    images = [real.images[real.labels == label] for label in present]
    return {
        name: float(np.mean([feature.measure(pixels).std() for pixels in images])) for name, feature in FEATURES.items()
    }


def changes(coder: Coder, latent: int, labels: NDArray[np.int64]) -> dict[str, float]:
    """Fit the change of each measure from -REACH to REACH by a straight line, mean over labels."""
    pixels = traverse(coder, latent, labels)
    steps = np.linspace(-1, 1, STEPS)
    found = {}
    for name, feature in FEATURES.items():
        measured = feature.measure(pixels).reshape(len(labels), STEPS)
        # The slope of least squares times the length of the way.
        found[name] = float(2 * (measured @ steps).mean() / (steps @ steps))
    return found


def words(change: dict[str, float], spread: dict[str, float]) -> str:
    """Describe a latent by its two ends, the strongest change first.

    Args:
        change: of each measure over the traversal.
        spread: of each measure among real characters.
    """
    strength = {name: change[name] / max(spread[name], 1e-9) for name in FEATURES}
    strong = [name for name in FEATURES if abs(strength[name]) >= WORTH_A_WORD]
    strong.sort(key=lambda name: -abs(strength[name]))
    if not strong:
        return "form of the strokes"
    ends = [(FEATURES[name].low, FEATURES[name].high)[:: 1 if change[name] > 0 else -1] for name in strong[:2]]
    return " to ".join(" and ".join(end) for end in zip(*ends, strict=True))
