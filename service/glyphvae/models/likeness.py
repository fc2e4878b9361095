"""The likeness of an image to the real characters of its label, as a percentile of them.

The measure is a weighted sum of the classifier's evidence for the label, the KL and, where the image was decoded, the
error beyond that of a perfect reconstruction. Training weighs each by its spread among real characters and stores the
quantiles of the sum (`glyphvae quantiles`).
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

Floats = NDArray[np.float32]
# An image is doubtful below this percentile, and so are as many of 100 real characters.
DOUBTFUL = 5
# Steps of grey around a character are at least this many full ones.
LEAST_STEPS = 10

_SHARES = np.linspace(0, 1, 256)[1:-1]
_ENTROPY = np.pad(-_SHARES * np.log(_SHARES) - (1 - _SHARES) * np.log1p(-_SHARES), 1).astype(np.float32)


class Measure(BaseModel):
    """The quantiles of a measure among real characters.

    Attributes:
        evidence: Weight of the classifier's logit.
        kl: Weight of the KL.
        excess: Weight of what `excess_error` returns; 0 where images are not decoded.
        percentiles: Those that the quantiles are of, rising.
        labels: Quantiles by label.
        others: Quantiles of all labels that have too few characters for their own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    evidence: float
    kl: float
    excess: float = 0
    percentiles: Annotated[tuple[float, ...], Field(min_length=2)]
    labels: dict[str, tuple[float, ...]]
    others: tuple[float, ...]

    @model_validator(mode="after")
    def _quantiles_rise(self) -> "Measure":
        for row in (self.percentiles, self.others, *self.labels.values()):
            if len(row) != len(self.percentiles) or list(row) != sorted(row):
                raise ValueError("quantiles rise, and there are as many as percentiles")
        return self


class Likeness(BaseModel):
    """The measures of a model: for images that are encoded only, and for those that are decoded again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoded: Measure
    reconstructed: Measure

    @staticmethod
    def of(metrics: dict[str, Any]) -> "Likeness | None":
        """Return that of a manifest's metrics, None if it was not measured."""
        found = metrics.get("likeness")
        return None if found is None else Likeness.model_validate(found)


@dataclass(frozen=True)
class Percentiles:
    """A measure, ready to be compared with.

    Args:
        measure: The measure.
        names: The labels of the model.
    """

    measure: Measure
    names: Sequence[str]

    @cached_property
    def _quantiles(self) -> list[tuple[float, ...]]:
        return [self.measure.labels.get(name, self.measure.others) for name in self.names]

    def find(self, labels: NDArray[np.int64], evidence: Floats, kl: Floats, excess: Floats | float = 0) -> list[float]:
        """Return the percentile of each of n images among the real characters of its label, from 0 to 100.

        Args:
            labels: (n,) of the images.
            evidence: (n,) the classifier's logit of that label.
            kl: (n,) in nats.
            excess: (n,) what `excess_error` returns.
        """
        measure = self.measure
        likeness = measure.evidence * evidence + measure.kl * kl
        if measure.excess:
            likeness = likeness + measure.excess * excess
        # For the one image of most requests, this takes a tenth of the time that NumPy's functions take.
        quantiles, percentiles = self._quantiles, measure.percentiles
        each = zip(labels.tolist(), likeness.tolist(), strict=True)
        return [_interpolated(value, quantiles[label], percentiles) for label, value in each]


def _interpolated(value: float, quantiles: Sequence[float], percentiles: Sequence[float]) -> float:
    upper = bisect_right(quantiles, value)
    if upper in {0, len(quantiles)}:
        return percentiles[0 if upper == 0 else -1]
    low, high = quantiles[upper - 1], quantiles[upper]
    below, above = percentiles[upper - 1], percentiles[upper]
    return round(below + (value - low) / (high - low) * (above - below), 2)


def excess_error(pixels: NDArray[np.uint8], error: Floats) -> Floats:
    """Return how much more the error is than that of a perfect reconstruction, per step of grey in the image.

    Args:
        pixels: (n, 28, 28).
        error: (n,) -log p(x|z), nats.

    Returns:
        (n,) nats.
    """
    levels = pixels.astype(np.int16)
    steps = sum(np.abs(np.diff(levels, axis=axis)).sum(axis=(1, 2)) for axis in (1, 2)) / 255
    return np.asarray((error - _ENTROPY[pixels].sum(axis=(1, 2))) / (steps + LEAST_STEPS), np.float32)


def describe_doubt(name: str | None, percentile: float | None, others: int) -> dict[str, Any]:
    """Return how sure it is that an image is a character: the object `doubt` of a response.

    Args:
        name: Its label.
        percentile: Among the real characters of that label, None if that is not known.
        others: How many other pieces of ink were left out of its picture.
    """
    doubtful = percentile is not None and percentile < DOUBTFUL
    reasons = []
    if doubtful:
        reasons.append(f"It is less like {name} than {100 - (percentile or 0):g} % of real ones.")
    if others:
        reasons.append(f"Other pieces of ink in the picture were left out: {others}.")
    return {"percentile": percentile, "others": others, "doubtful": doubtful, "reasons": reasons}
