"""The keyword arguments of calls; for a missing one, or None, the service's default applies.

Each has the meaning of the service's parameter of the same name; `/docs` lists the allowed values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict

from glyphvae.client.formats import FontFormat, PictureFormat, TextFormat

# A latent that is None, or missing at the end, is sampled.
Latents = Sequence[float | None]
Labels = str | Sequence[str]


class Sampling(TypedDict, total=False):
    """Options for sampling.

    Attributes:
        seed: Seed, for reproducible results.
        temperature: Standard deviation of the sampled latents.
        model: Name of the model.
        beta: Chooses the model of this β from the series of `model`.
    """

    seed: int | None
    temperature: float | None
    model: str | None
    beta: float | None


class InHand(Sampling, total=False):
    """Options for sampling in one hand.

    Attributes:
        z: The latents.
        hand: A hand, the string of `Hand.hand`, which gives the latents of the hand that `z` leaves open.
    """

    z: Latents | None
    hand: str | None


class Look(TypedDict, total=False):
    """Options for the look of images and documents.

    Attributes:
        scale: Image pixels per glyph pixel; strokes, of a model that draws them, are painted at that size.
        ink: Colour of the ink.
        paper: Colour of the paper, or `transparent`.
        strokes: `centre` draws single lines in the order of writing, in SVG.
        animate: True to write stroke by stroke, in SVG.
    """

    scale: int | None
    ink: str | None
    paper: str | None
    strokes: Literal["outline", "centre"] | None
    animate: bool | None


class PictureOptions(Look, total=False):
    """Options for images.

    Attributes:
        format: The file format; SVG only of models that draw strokes. Default: PNG.
    """

    format: PictureFormat | None


class Drawing(InHand, total=False):
    """Options for generating glyphs.

    Attributes:
        n: Number of glyphs per label.
        labels: Sets of labels, `digits`, `capitals`, `small`, `ascii`, `letters` or `all`, several characters such as
            `0123456789`, or single ones, where no label is given.
    """

    n: int | None
    labels: Labels | None


class DrawingPicture(Drawing, PictureOptions, total=False):
    """Options for generating glyphs as an image.

    Attributes:
        columns: Columns of the image grid.
    """

    columns: int | None


class ReadingLetters(TypedDict, total=False):
    """Options for reading images of letters.

    Attributes:
        labels: The labels among which that of an image is found, as for `Drawing`.
        preprocess: `auto` converts images to MNIST's convention, `none` takes them unchanged.
        model: Name of the model.
        beta: Chooses the model of this β from the series of `model`.
    """

    labels: Labels | None
    preprocess: Literal["auto", "none"] | None
    model: str | None
    beta: float | None


class ReadingHand(ReadingLetters, total=False):
    """Options for reading images of letters, or of lines of them.

    Attributes:
        sheet: True if images show several letters, in lines.
        text: What is written on the sheet, in place of labels.
    """

    sheet: bool | None
    text: str | None


class ReadingLines(TypedDict, total=False):
    """Options for reading lines of characters.

    Attributes:
        labels: The characters that may occur, as for `Drawing`.
        top: How many alternatives to name for each character.
        model: Name of the model.
        beta: Chooses the model of this β from the series of `model`.
    """

    labels: Labels | None
    top: int | None
    model: str | None
    beta: float | None


class Reading(ReadingLetters, total=False):
    """Options for reading images.

    Attributes:
        label: The character that the images show, or its number.
        several: Take the `first` or `all` characters of an image that shows several; None to refuse it.
    """

    label: str | None
    several: Literal["first", "all"] | None


class Previewed(Reading, total=False):
    """Options for reading images, with previews.

    Attributes:
        preview: Add what the model saw of each image, and where in the image that is, as `previews`.
    """

    preview: bool


class Encoding(Previewed, total=False):
    """Options for encoding images.

    Attributes:
        top: Keep only as many labels of the posterior of each image, the most likely first.
    """

    top: int | None


class ReadingPicture(Reading, PictureOptions, total=False):
    """Options for reading images and returning an image."""


class Interpolation(Sampling, total=False):
    """Options for interpolation.

    Attributes:
        z: Latents of the first step, and of the last one.
        hand: A hand for all steps, or those of the first and the last one.
        n: Number of steps, including the first and the last.
        method: `spherical` or `linear`.
        labels: See `Reading`.
        preprocess: See `Reading`.
    """

    z: Sequence[Latents]
    hand: str | Sequence[str] | None
    n: int | None
    method: Literal["spherical", "linear"] | None
    labels: Labels | None
    preprocess: Literal["auto", "none"] | None


class InterpolationPicture(Interpolation, PictureOptions, total=False):
    """Options for interpolation as an image."""


class Traversal(InHand, total=False):
    """Options for varying latents.

    Attributes:
        n: Number of values of each latent.
        start: First value of the varied latents.
        stop: Last value.
    """

    n: int | None
    start: float | None
    stop: float | None


class TraversalPicture(Traversal, PictureOptions, total=False):
    """Options for varying latents as an image."""


class Mix(InHand, total=False):
    """Options for the samples of a data set.

    Attributes:
        labels: Labels in equal shares, or the weight of each; a set or several characters stand for many, as for
            `generate`.
        start: Number of the first sample.
        variation: If given, all samples are in one handwriting, with this standard deviation.
    """

    labels: Labels | Mapping[str, float] | None
    start: int | None
    variation: float | None


class MixFile(Mix, total=False):
    """Options for a data set as a file.

    Attributes:
        format: The file format.
        test: Number of the samples that go into the test files of `idx`.
    """

    format: Literal["npz", "idx", "webdataset", "parquet"] | None
    test: int | None


class Page(TypedDict, total=False):
    """A page of paper; lengths are in millimetres.

    Attributes:
        size: Name of its size, or width and height.
        landscape: Whether the longer side is the width.
        margin: Paper around the text: one number, or top, right, bottom and left.
        lines: What is printed on it.
        rule: Colour of rules and squares.
        line_height: Distance between baselines.
        letter_height: Height of a capital.
        place: Where the lines of a page are, from top to bottom.
        number: Which page a picture shows, from 1.
    """

    size: Literal["A3", "A4", "A5", "A6", "Letter", "Legal"] | Sequence[float]
    landscape: bool
    margin: float | Sequence[float] | None
    lines: Literal["plain", "ruled", "squared"]
    rule: str
    line_height: float | None
    letter_height: float | None
    place: Literal["top", "middle"]
    number: int


class Text(InHand, Look, total=False):
    """Options for rendering text.

    Attributes:
        variation: Standard deviation of each glyph's latents around the style, but for the hand.
        unknown: Treatment of characters that the model cannot write.
        case: `keep` writes small letters as typed, as capitals if the model has no small ones; `upper` writes capitals.
        drift: How much baseline, slant and distances change along the lines; 1 as usual, 0 not at all.
        width: Width that lines are wrapped to, in glyph pixels.
        align: Alignment of shorter lines.
        letter_gap: Space between letters, in glyph pixels; 3 is the hand's own, where the model has strokes.
        word_space: Space between words.
        line_height: Distance between baselines.
        margin: Space around the text.
        page: The page of paper to write on, in place of `width`, `line_height`, `margin` and `scale`.
        dpi: Pixels of an inch of the page, 72 to 600.
    """

    variation: float | None
    unknown: Literal["error", "skip", "blank"] | None
    case: Literal["keep", "upper"] | None
    drift: float | None
    width: int | None
    align: Literal["left", "centre", "right", "justify"] | None
    letter_gap: int | None
    word_space: int | None
    line_height: int | None
    margin: int | None
    page: Page | None
    dpi: int | None


class TextPicture(Text, total=False):
    """Options for rendering text as an image or a document.

    Attributes:
        format: The file format; SVG and PDF only of models that draw strokes. Default: PNG.
    """

    format: TextFormat | None


class FontOptions(InHand, total=False):
    """Options for making a font.

    Attributes:
        format: The file format. Default: TTF.
        variation: Standard deviation of the latents of alternates around the usual form of each letter.
        family: The name that the font is chosen by.
        designer: Whose hand it is.
        copyright: Your copyright notice.
        license: Your terms for the font.
        license_url: Where these terms are.
    """

    format: FontFormat | None
    variation: float | None
    family: str | None
    designer: str | None
    copyright: str | None
    license: str | None
    license_url: str | None
