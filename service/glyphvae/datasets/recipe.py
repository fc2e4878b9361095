"""Reproducible labelled samples: sample i of a seed is the same wherever, and in whatever order, samples are made.

Samples are made in blocks of `BLOCK`. A block's labels and latents depend only on the seed and the block's number, and
a block is always decoded as one batch, because ONNX Runtime rounds differently in batches of different sizes. So any
range of samples can be made separately, and consecutive ranges join to the whole. This module does not depend on HTTP.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from glyphvae.api.hands import HandString, given_latents
from glyphvae.api.parameters import Beta, Deviation, Latent, ModelName, Parameters, Seed, Temperature, value_of
from glyphvae.errors import InvalidParameter
from glyphvae.models.labels import parse_labels, usual_labels
from glyphvae.models.latents import MAX_SEED, draw_latents, draw_style, form_only, new_seed
from glyphvae.models.registry import Floats, Labels, Model, Pixels, Registry
from glyphvae.scheduling.steps import run_now

# Large enough for a decoder's best speed per glyph. Another size would give other samples.
BLOCK = 128

# More than any data set needs, and small enough for JSON's exact integers.
MOST = 10**12

Weight = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Label = Annotated[str, Field(max_length=128)]


class DatasetParameters(Parameters):
    """The parameters that determine the samples of a data set."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"count": 100, "labels": {"A": 2, "B": 1}, "seed": 7}]})

    count: int = Field(ge=1, le=MOST, description="Number of samples.")
    start: int = Field(
        0,
        ge=0,
        le=MOST,
        description="Number of the first sample. With the same seed, `start` 0 and `start` 1000 with `count` 1000 each "
        "give the same samples as `count` 2000.",
    )
    labels: dict[Label, Weight] | list[Label] | Label | None = Field(
        None,
        min_length=1,
        max_length=1024,
        description="Labels in equal shares, or the weight of each; `digits`, `capitals`, `small`, `ascii`, `letters`, "
        "`all` and several characters, as `0123456789`, alone too, stand for each of their labels. Default: 0-9 and "
        "A-Z; all labels of a model that does not begin with these.",
    )
    seed: Seed = None
    z: list[Latent | None] | None = Field(
        None,
        max_length=64,
        description="Latents from -10 to 10, the same for all samples; a null or missing one is sampled.",
    )
    hand: HandString = None
    # Not the default of what is looked at: a classifier has to learn the handwriting that is hard to read, too.
    temperature: Temperature = 1.0
    variation: Deviation | None = Field(
        None,
        description="If given, all samples are in one handwriting: the latents are sampled once, and each sample "
        "deviates from them with this standard deviation, as in `/render-text`. Default: each sample has its own "
        "handwriting.",
    )
    model: ModelName = None
    beta: Beta = None


@dataclass(frozen=True, eq=False)
class Conditions:
    """Labels and latents of samples.

    Attributes:
        labels: (n,) int64.
        z: (n, latent) float32.
    """

    labels: Labels
    z: Floats


@dataclass(frozen=True, eq=False)
class Samples(Conditions):
    """Samples: glyphs with their labels and latents.

    Attributes:
        pixels: (n, 28, 28) uint8, paper 0, ink 255.
    """

    pixels: Pixels


@dataclass(frozen=True, eq=False)
class Recipe:
    """The checked parameters of a data set, without its range of samples.

    Attributes:
        model: The model that writes the samples.
        seed: The seed.
        shares: (classes,) float64, the cumulative share of each label; the last is 1.
        centre: Mean of the sampled latents, None for the mean of the prior.
        given: The fixed latents, None for one that is sampled.
        spread: Standard deviation of the sampled latents.
    """

    model: Model
    seed: int
    shares: NDArray[np.float64]
    centre: Floats | None
    given: tuple[float | None, ...]
    spread: float

    def block(self, number: int) -> Conditions:
        """Sample labels and latents of a block."""
        generator = np.random.default_rng([self.seed, number])
        # Stratified instead of independent: each block holds every label according to its share, give or take one.
        strata = (generator.permutation(BLOCK) + generator.random()) / BLOCK
        labels = np.searchsorted(self.shares, strata, side="right").astype(np.int64)
        z = draw_latents(int(generator.integers(MAX_SEED + 1)), BLOCK, self.given, self.spread)
        return Conditions(labels, z if self.centre is None else self.centre + z)


@dataclass(frozen=True)
class Dataset:
    """A range of the samples of a recipe.

    Attributes:
        recipe: The parameters of the samples.
        start: Number of the first sample.
        count: Number of samples.
        progress: Called after each block with its number of samples.
    """

    recipe: Recipe
    start: int
    count: int
    progress: Callable[[int], None] = lambda _: None

    @property
    def classes(self) -> tuple[str, ...]:
        """The characters, in the order of their labels."""
        return self.recipe.model.manifest.labels

    def conditions(self) -> Iterator[Conditions]:
        """Yield labels and latents only, which is fast, block by block."""
        for block, rows in self._blocks():
            yield Conditions(block.labels[rows], block.z[rows])

    def samples(self) -> Iterator[Samples]:
        """Yield the samples, block by block.

        Raises:
            NotReady: The model does not run.
        """
        for block, rows in self._blocks():
            pixels = run_now(self.recipe.model.decode(block.z, block.labels))[rows]
            yield Samples(block.labels[rows], block.z[rows], pixels)
            self.progress(len(pixels))

    def part(self, start: int, count: int) -> "Dataset":
        """Return the range of `count` samples that begins with the `start`-th of this one."""
        return Dataset(self.recipe, self.start + start, count, self.progress)

    def _blocks(self) -> Iterator[tuple[Conditions, slice]]:
        """Yield each block and the slice of its rows that belong to the range."""
        stop = self.start + self.count
        if not self.count:
            return
        for number in range(self.start // BLOCK, -(-stop // BLOCK)):
            first = number * BLOCK
            yield self.recipe.block(number), slice(max(self.start - first, 0), min(stop - first, BLOCK))


def make_recipe(parameters: DatasetParameters, registry: Registry) -> Recipe:
    """Check `parameters` against the model; choose a seed if there is none.

    Raises:
        UnknownModel: There is no such model.
        InvalidParameter: A label or β is unknown, all weights are 0, there are too many latents, or the model has no
            labels.
    """
    model = value_of("body.beta", registry.get, parameters.model, parameters.beta)
    if not model.manifest.labels:
        detail = f"the model {model.manifest.name!r} has no labels, so its samples would have none"
        raise InvalidParameter.of("body.model", detail)
    seed = new_seed() if parameters.seed is None else parameters.seed
    shares = _shares(parameters.labels, model.manifest.labels)
    given = given_latents("body", parameters.z, parameters.hand, model, registry)
    if parameters.variation is None:
        return Recipe(model, seed, shares, None, given, parameters.temperature)
    hand_size = model.manifest.hand_size
    centre = draw_style(seed, given, parameters.temperature, hand_size)
    return Recipe(model, seed, shares, centre, form_only(len(given), hand_size), parameters.variation)


def _shares(mix: Mapping[str, float] | Sequence[str] | None, allowed: Sequence[str]) -> NDArray[np.float64]:
    weights = np.zeros(len(allowed))
    if mix is None:
        weights[list(usual_labels(allowed))] = 1
    else:
        named = [mix] if isinstance(mix, str) else mix
        for text, weight in named.items() if isinstance(named, Mapping) else ((text, 1.0) for text in named):
            weights[list(value_of("body.labels", parse_labels, text, allowed))] += weight
    if not weights.any():
        raise InvalidParameter.of("body.labels", "every weight is 0", "at least one above 0")
    shares = np.cumsum(weights / weights.sum())
    # Rounding must not leave a gap below 1 that belongs to no label.
    shares[np.flatnonzero(weights)[-1] :] = 1.0
    return shares
