"""Data set `pen`: the characters of `byclass`, then the lettering of fonts at NIST's resolution, in every part."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glyphvae_training.data.alphabet import ALPHABET, CHARACTERS, MARKS
from glyphvae_training.data.dataset import Dataset, Split, dataset, joined, load_byclass
from glyphvae_training.data.lettering import PIXELS, Lettering, load_lettering
from glyphvae_training.data.pixels import SIDE, normalise
from glyphvae_training.progress import StageProgress, no_stage_progress

NAME = "pen"
# Labels that only their size or place tells from others: in a box of their own, a full stop is a disc, and a dash, a
# slash and a bracket are nearly a 1.
UNBOXED = frozenset((*".,-_|'`‘’–—°/\\()[]{}!¡+<>ı", *MARKS))


def load_pen(folder: Path, cache: Path | None = None, progress: StageProgress = no_stage_progress) -> Dataset:
    """Load the data set; arguments and errors as for `dataset.load_alphanumeric` and `lettering.load_lettering`."""
    characters = load_byclass(folder, cache, progress)
    parts = (
        joined(characters.train, coarse(load_lettering(folder, "train", cache=cache, progress=progress))),
        joined(characters.validation, coarse(load_lettering(folder, "validation", cache=cache, progress=progress))),
        joined(characters.test, coarse(load_lettering(folder, "test", cache=cache, progress=progress))),
    )
    return dataset(NAME, ALPHABET, parts, (*characters.sources, "62 handwriting fonts"))


def coarse(lettering: Lettering) -> Split:
    """Return lettering as images of 28×28."""
    return Split(halved(lettering.images), lettering.labels)


def halved(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Average pixels two by two: (n, 56, 56) to (n, 28, 28)."""
    fine = images.reshape(-1, SIDE, PIXELS, SIDE, PIXELS).astype(np.uint16)
    means: NDArray[np.uint8] = ((fine.sum((2, 4)) + PIXELS) // PIXELS**2).astype(np.uint8)
    return means


def boxed_marks(lettering: Lettering) -> Split:
    """Return the marks of lettering at the size that a picture of them is fitted to, but for those of `UNBOXED`.

    From the fine images: of coarse ones an asterisk would become a blur, and any blur an asterisk.
    """
    fitting = [label for label in range(CHARACTERS, len(ALPHABET)) if ALPHABET[label] not in UNBOXED]
    chosen = np.isin(lettering.labels, fitting)
    return Split(normalise(lettering.images[chosen]), lettering.labels[chosen])
