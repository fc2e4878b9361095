"""Writing at 512 pixels, where strokes are many pixels wide: strokes painted there, pictures of 28×28 enlarged."""

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from glyphvae_training.data.pixels import SIDE
from glyphvae_training.evaluation.hands import Hands, Letters, mean_over_fonts, width_between_letters
from glyphvae_training.export.exported import Arrays, Exported, run
from glyphvae_training.measures.artefacts import width_variation
from glyphvae_training.measures.comparison import Interval
from glyphvae_training.measures.hog import hog
from glyphvae_training.models.pen import KNOTS, interpolation
from glyphvae_training.models.strokes import Strokes, paint, pixel_centres
from glyphvae_training.splines import basis

Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]
Floats = NDArray[np.float32]

LARGE = 512
# Of the edges, in pixels: as soft as those that fonts are drawn with.
SOFTNESS = 0.3
# Sides of HOG's cells, of which 16 make a side.
CELLS = 16
# Painting one glyph takes about 80 MB.
GLYPHS_AT_A_TIME = 2


def compare_large(model: Exported, small: Letters, letters: Letters, rng: np.random.Generator) -> dict[str, Interval]:
    """Compare letters written in the hands of fonts with those of the fonts.

    Each hand is taken from all letters of its font.

    Args:
        model: With strokes or without; one that knows no sizes is given those of the font.
        small: Of the fonts, at 28×28.
        letters: The same, in large images.
        rng: Draws forms and fonts.

    Returns:
        "distance", that of HOG features of the written letters to the font's own, as a share of the mean distance of
        two fonts; "width between letters", the coefficient of variation of the stroke's width between the letters of a
        hand, at true size and with forms as they are drawn, with that "at the middle of the forms" and "of the fonts";
        "width within a letter", its mean coefficient of variation, "of the fonts" likewise.
    """
    hands, names = Hands(model), letters.labels
    fonts, side = len(letters.images), letters.images.shape[2]
    own = np.stack([hog(images, side // CELLS) for images in letters.images])  # (fonts, letters, features)
    between = {"": np.zeros(fonts), " at the middle of the forms": np.zeros(fonts), " of the fonts": np.zeros(fonts)}
    within = {"": np.zeros(fonts), " of the fonts": np.zeros(fonts)}
    distance = np.zeros(fonts)
    for font in range(fonts):
        hand = hands.of(small.images[font], names)
        middle, size = write_large(model, hands.latents(hand, names), names, side)
        drawn, drawn_size = write_large(model, hands.latents(hand, names, hands.forms(len(names), rng)), names, side)
        strangers = [np.linalg.norm(own[other] - own[font], axis=1).mean() for other in range(fonts) if other != font]
        written = np.linalg.norm(hog(middle, side // CELLS) - own[font], axis=1).mean()
        distance[font] = written / np.mean(strangers)
        true = letters.size[font]
        for name, images, sizes in (
            ("", drawn, drawn_size),
            (" at the middle of the forms", middle, size),
            (" of the fonts", letters.images[font], true),
        ):
            known = true if sizes is None else sizes
            between[name][font] = width_between_letters(images[None], known[None], finer=1)[0]
        within[""][font] = width_variation(drawn, finer=1).mean()
        within[" of the fonts"][font] = width_variation(letters.images[font], finer=1).mean()
    found = {"distance": distance}
    found |= {f"width between letters{name}": values for name, values in between.items()}
    found |= {f"width within a letter{name}": values for name, values in within.items()}
    return {name: mean_over_fonts(values, rng) for name, values in found.items()}


def write_large(model: Exported, z: Floats, labels: Labels, side: int = LARGE) -> tuple[Pixels, Floats | None]:
    """Write labels.

    Args:
        model: With strokes or without.
        z: Latents, (n, latent).
        labels: (n,).
        side: Of the images in pixels.

    Returns:
        uint8 (n, side, side), and the cap heights in a unit of the cell, (n,), if the model knows them.
    """
    if model.strokes is None:
        return enlarged(model.decode(z, labels)[0], side), None
    found = run(model.strokes, {"z": z, "label": labels})
    return painted(found, int(model.manifest["config"]["segments"]), side), found["proportions"][:, 0]


def enlarged(images: Pixels, side: int) -> Pixels:
    """Enlarge images (n, 28, 28) by linear interpolation."""
    return np.stack([np.asarray(Image.fromarray(x).resize((side, side), Image.Resampling.BILINEAR)) for x in images])


@torch.inference_mode()
def painted(found: Arrays, segments: int, side: int) -> Pixels:
    """Paint what the graph of strokes gives, as polylines of so many segments."""
    control, radius, presence = (torch.from_numpy(found[name]) for name in ("control", "radius", "presence"))
    curve = torch.from_numpy(basis(control.shape[2], segments + 1))
    strokes = Strokes(curve @ control, radius @ interpolation(KNOTS, segments + 1).T, presence)
    places, images = pixel_centres(side), []
    for start in range(0, len(control), GLYPHS_AT_A_TIME):
        some = Strokes(*(values[start : start + GLYPHS_AT_A_TIME] for values in strokes))
        edges = torch.full((len(some.presence),), SOFTNESS * SIDE / side)
        images.append((paint(some, edges, places) * 255).round().to(torch.uint8).view(-1, side, side))
    return torch.cat(images).numpy()
