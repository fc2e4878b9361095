"""The named arguments of calls. What is left out, or None, is left to the service's own default.

Each means what the parameter of the same name means on the service; `/docs` has the ranges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict

# None, or a missing one at the end, leaves a latent to be drawn.
Latents = Sequence[float | None]
Labels = str | Sequence[str]


class Chance(TypedDict, total=False):
    """What is drawn.

    Attributes:
        seed: Draws the same again.
        temperature: Standard deviation of the drawn latents.
        model: Which model.
    """

    seed: int | None
    temperature: float | None
    model: str | None


class Look(TypedDict, total=False):
    """How a picture is shown.

    Attributes:
        scale: Picture pixels per glyph pixel.
        ink: A colour.
        paper: A colour, or `transparent`.
    """

    scale: int | None
    ink: str | None
    paper: str | None


class Drawing(Chance, total=False):
    """New glyphs.

    Attributes:
        n: Glyphs of each label.
        z: Latents.
    """

    n: int | None
    z: Latents | None


class DrawingPicture(Drawing, Look, total=False):
    """New glyphs as a picture.

    Attributes:
        columns: Columns of a sheet.
    """

    columns: int | None


class Reading(TypedDict, total=False):
    """How images are read.

    Attributes:
        label: What they show: a character or its number.
        preprocess: `auto` converts them as MNIST was made, `none` takes them as they are.
        model: Which model.
    """

    label: str | None
    preprocess: Literal["auto", "none"] | None
    model: str | None


class ReadingPicture(Reading, Look, total=False):
    """How images are read, and shown."""


class Way(Chance, total=False):
    """The way between two ends.

    Attributes:
        z: Latents of the first end, and of the second.
        n: Steps, both ends included.
        method: `spherical` or `linear`.
        preprocess: As in `Reading`.
    """

    z: Sequence[Latents]
    n: int | None
    method: Literal["spherical", "linear"] | None
    preprocess: Literal["auto", "none"] | None


class WayPicture(Way, Look, total=False):
    """The way between two ends, and how it is shown."""


class Motion(Drawing, total=False):
    """How latents move.

    Attributes:
        start: First value of the moving latents.
        stop: Last value; `n` are the values of each.
    """

    start: float | None
    stop: float | None


class MotionPicture(Motion, Look, total=False):
    """How latents move, and how that is shown."""


class Mix(Chance, total=False):
    """Which samples a data set has.

    Attributes:
        labels: Labels in equal parts, or the weight of each; all of the model where None.
        start: Number of the first sample.
        z: Latents that all samples share.
        variation: With it one hand writes all, and varies this much.
    """

    labels: Sequence[str] | Mapping[str, float] | None
    start: int | None
    z: Latents | None
    variation: float | None


class MixFile(Mix, total=False):
    """A data set as a file.

    Attributes:
        format: Of the file.
        test: How many of the samples go into the test files of `idx`.
    """

    format: Literal["npz", "idx", "webdataset", "parquet"] | None
    test: int | None


class Text(Chance, Look, total=False):
    """How a text is written and set.

    Attributes:
        z: The style.
        variation: Standard deviation of each glyph's latents around the style.
        unknown: What becomes of a character that the model cannot write.
        case: `upper` sets small letters as capitals.
        width: Of a line, in glyph pixels.
        align: Where shorter lines go.
        letter_gap: Paper between two letters, in glyph pixels.
        word_space: Paper between two words.
        line_height: Distance of two baselines.
        margin: Paper around the text.
    """

    z: Latents | None
    variation: float | None
    unknown: Literal["error", "skip", "blank"] | None
    case: Literal["upper", "keep"] | None
    width: int | None
    align: Literal["left", "centre", "right", "justify"] | None
    letter_gap: int | None
    word_space: int | None
    line_height: int | None
    margin: int | None
