"""Labelled glyphs without end: sample i of a seed is the same whatever else is made, wherever and in whatever order.

Samples come in blocks of `BLOCK`. A block's labels and latents follow from the seed and the block's number alone, and a
block is always decoded as one batch, because ONNX Runtime rounds differently in batches of different size. So any range
of samples can be made by itself, and ranges that follow each other are the whole. Nothing here knows of HTTP.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from glyphvae.api.parameters import ModelName, Parameters, Seed, Temperature, value_of
from glyphvae.errors import InvalidParameter
from glyphvae.models.labels import parse_label
from glyphvae.models.latents import MAX_LATENT, MAX_SEED, draw_latents, new_seed
from glyphvae.models.registry import Floats, Labels, Model, Pixels, Registry
from glyphvae.scheduling.steps import run_now

# A decoder is as fast per glyph as it gets. Another number would give other samples.
BLOCK = 128

# Far enough for any shard, and an index still fits into what JSON holds exactly.
MOST = 10**12

Weight = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Label = Annotated[str, Field(max_length=16)]
Latent = Annotated[float, Field(ge=-MAX_LATENT, le=MAX_LATENT, allow_inf_nan=False)]


class DatasetOrder(Parameters):
    """Which samples are made."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"count": 100, "labels": {"A": 2, "B": 1}, "seed": 7}]})

    count: int = Field(ge=1, le=MOST, description="How many samples.")
    start: int = Field(
        0,
        ge=0,
        le=MOST,
        description="Number of the first: `start` 0 and 1000 with `count` 1000 each are the same samples as `count` "
        "2000, if the seed is.",
    )
    labels: dict[Label, Weight] | list[Label] | None = Field(
        None,
        min_length=1,
        max_length=1024,
        description="The mix: labels in equal parts, or the weight of each. Default: all labels of the model in equal "
        "parts.",
    )
    seed: Seed = None
    z: list[Latent | None] | None = Field(
        None,
        max_length=64,
        description="Latents from -10 to 10 that all samples share; a null or missing one is drawn.",
    )
    temperature: Temperature = 1.0
    variation: float | None = Field(
        None,
        ge=0,
        le=10,
        allow_inf_nan=False,
        description="With it one hand writes all: the latents are drawn once, and each sample deviates from them with "
        "this standard deviation, as in `/render-text`. Default: every sample is by a hand of its own.",
    )
    model: ModelName = None


@dataclass(frozen=True, eq=False)
class Conditions:
    """What samples are decoded from.

    Attributes:
        labels: (n,) int64.
        z: (n, latent) float32.
    """

    labels: Labels
    z: Floats


@dataclass(frozen=True, eq=False)
class Samples(Conditions):
    """Samples.

    Attributes:
        pixels: (n, 28, 28) uint8, paper 0, ink 255.
    """

    pixels: Pixels


@dataclass(frozen=True, eq=False)
class Recipe:
    """How samples are made, whichever and however many.

    Attributes:
        model: The model that writes them.
        seed: Its samples.
        shares: (classes,) float64, the cumulative share of each label, the last 1.
        centre: What the drawn latents deviate from, None for the centre of the prior.
        given: The latents that are fixed, None where one is drawn.
        spread: Standard deviation of the drawn ones.
    """

    model: Model
    seed: int
    shares: NDArray[np.float64]
    centre: Floats | None
    given: tuple[float | None, ...]
    spread: float

    def block(self, number: int) -> Conditions:
        """Labels and latents of a block."""
        generator = np.random.default_rng([self.seed, number])
        # Strata instead of independent draws: each block holds every label in its share, give or take one.
        strata = (generator.permutation(BLOCK) + generator.random()) / BLOCK
        labels = np.searchsorted(self.shares, strata, side="right").astype(np.int64)
        z = draw_latents(int(generator.integers(MAX_SEED + 1)), BLOCK, self.given, self.spread)
        return Conditions(labels, z if self.centre is None else self.centre + z)


@dataclass(frozen=True)
class Dataset:
    """A range of the samples of a recipe.

    Attributes:
        recipe: How they are made.
        start: Number of the first.
        count: How many.
        progress: Called with the number of samples made, whenever some are.
    """

    recipe: Recipe
    start: int
    count: int
    progress: Callable[[int], None] = lambda _: None

    @property
    def classes(self) -> tuple[str, ...]:
        """The characters, by label."""
        return self.recipe.model.manifest.labels

    def conditions(self) -> Iterator[Conditions]:
        """Labels and latents alone, which costs little, block by block."""
        for number, rows in self._blocks():
            block = self.recipe.block(number)
            yield Conditions(block.labels[rows], block.z[rows])

    def samples(self) -> Iterator[Samples]:
        """The samples, block by block.

        Raises:
            NotReady: The model does not run.
        """
        for number, rows in self._blocks():
            block = self.recipe.block(number)
            pixels = run_now(self.recipe.model.decode(block.z, block.labels))[rows]
            yield Samples(block.labels[rows], block.z[rows], pixels)
            self.progress(len(pixels))

    def part(self, start: int, count: int) -> "Dataset":
        """`count` of its samples from its `start`-th on."""
        return Dataset(self.recipe, self.start + start, count, self.progress)

    def _blocks(self) -> Iterator[tuple[int, slice]]:
        """Each block's number, and which of its rows belong to the range."""
        stop = self.start + self.count
        if not self.count:
            return
        for number in range(self.start // BLOCK, -(-stop // BLOCK)):
            first = number * BLOCK
            yield number, slice(max(self.start - first, 0), min(stop - first, BLOCK))


def make_recipe(order: DatasetOrder, registry: Registry) -> Recipe:
    """How the samples of `order` are made, checked against the model; without a seed with a new one.

    Raises:
        UnknownModel: No such model.
        InvalidParameter: A label is none of the model's, no label has weight, there are too many latents, or the model
            has no labels.
    """
    model = registry.get(order.model)
    if not model.manifest.labels:
        detail = f"model {model.manifest.name!r} has no labels, so its samples would have none"
        raise InvalidParameter.of("body.model", detail)
    seed = new_seed() if order.seed is None else order.seed
    shares = _shares(order.labels, model.manifest.labels)
    given = _given(order.z, model.manifest.latent_size)
    if order.variation is None:
        return Recipe(model, seed, shares, None, given, order.temperature)
    centre = draw_latents(seed, 1, given, order.temperature)[0]
    return Recipe(model, seed, shares, centre, (None,) * len(given), order.variation)


def _shares(mix: Mapping[str, float] | Sequence[str] | None, allowed: Sequence[str]) -> NDArray[np.float64]:
    weights = np.zeros(len(allowed))
    if mix is None:
        weights += 1
    else:
        for text, weight in mix.items() if isinstance(mix, Mapping) else ((text, 1.0) for text in mix):
            weights[value_of("body.labels", parse_label, text, allowed)] += weight
    if not weights.any():
        raise InvalidParameter.of("body.labels", "every weight is 0", "at least one above 0")
    shares = np.cumsum(weights / weights.sum())
    # Rounding must not leave a gap below 1 that no label fills.
    shares[np.flatnonzero(weights)[-1] :] = 1.0
    return shares


def _given(z: Sequence[float | None] | None, size: int) -> tuple[float | None, ...]:
    given = tuple(z or ())
    if len(given) > size:
        raise InvalidParameter.of("body.z", f"{len(given)} latents were given", f"at most {size}")
    return given + (None,) * (size - len(given))
