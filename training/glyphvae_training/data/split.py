"""Deterministic, stratified split, decided by the bytes of each image.

The SHA-256 of an image ranks it within its class; the lowest tenth is held out for testing, the next for validation.
Nothing depends on the order of the file, on a random generator, or on which other classes there are, and two copies of
one image in a class have one rank and are never on both sides.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def digests(images: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return the first eight bytes of each image's SHA-256, uint64 (n,)."""
    hashes = b"".join(hashlib.sha256(image.tobytes()).digest()[:8] for image in images)
    return np.frombuffer(hashes, ">u8").astype(np.uint64)


def split_by_digest(
    images: NDArray[np.uint8], labels: NDArray[np.int64], shares: Sequence[float]
) -> list[NDArray[np.int64]]:
    """Return indices of each part, ascending.

    Args:
        images: uint8 (n, ...), whose bytes decide.
        labels: int64 (n,), the strata.
        shares: of each class's distinct images, in order of rank; what they leave of 1 is the last part.

    Returns:
        `len(shares) + 1` arrays int64 that together hold 0..n-1 once.
    """
    ranks = digests(images)
    parts = np.empty(len(images), np.int64)
    bounds = np.cumsum(shares)
    for label in np.unique(labels):
        of_class = np.flatnonzero(labels == label)
        distinct, which = np.unique(ranks[of_class], return_inverse=True)
        parts[of_class] = np.searchsorted(np.round(bounds * len(distinct)), which, side="right")
    return [np.flatnonzero(parts == part) for part in range(len(shares) + 1)]
