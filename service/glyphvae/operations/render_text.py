"""`POST /render-text`, and `GET`: a text as one image of handwriting."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import orjson
from pydantic import BaseModel, ConfigDict, Field

from glyphvae import __version__
from glyphvae.api import negotiate
from glyphvae.api.context import Context
from glyphvae.api.hands import HandString, given_latents
from glyphvae.api.head import RequestHead
from glyphvae.api.pages import Dpi, PageParameters, PageStyle, single_page
from glyphvae.api.parameters import (
    DEFAULT_INK,
    DEFAULT_PAPER,
    DEFAULT_TEMPERATURE,
    Animate,
    Beta,
    Deviation,
    Ink,
    Latent,
    Latents,
    Lines,
    ModelName,
    Paper,
    Parameters,
    Scale,
    Seed,
    read_json,
    read_query,
    read_query_beside_json,
    validated,
    value_of,
)
from glyphvae.api.pictures import Canvas, Style
from glyphvae.api.responses import (
    JSON_BLOCK,
    Body,
    Headers,
    Result,
    documented_response,
    headers_of,
    json_list_result,
)
from glyphvae.errors import InvalidParameter
from glyphvae.formats.registry import JSON, NPY, PDF, PICTURES, SVG, VECTORS
from glyphvae.formats.svg import Word
from glyphvae.models.latents import draw_latents, draw_style, form_only, new_seed, parse_latents
from glyphvae.models.registry import Floats, Labels, Model, Pixels
from glyphvae.operations.base import Operation, Plan, Responses
from glyphvae.operations.encode import REQUIRING
from glyphvae.scheduling.cost import NOTHING, painting, typesetting
from glyphvae.scheduling.steps import Offload, Program
from glyphvae.text.alternates import apart
from glyphvae.text.drift import Drift
from glyphvae.text.layout import Alignment, LayoutError, Setting
from glyphvae.text.marks import MARKED_LETTER
from glyphvae.text.pixel_text import PixelText, set_pixels
from glyphvae.text.stroke_layout import set_strokes
from glyphvae.text.stroke_text import StrokeText
from glyphvae.text.symbols import Symbols, fold, is_mark, of_glyphs
from glyphvae.text.words import words
from glyphvae.vectors.strokes import Strokes

# PDF comes last: who accepts all of `application/*` got JSON before there was any.
OFFERS = (*PICTURES, SVG, JSON, NPY, PDF)

# What a page tells, and is not given besides.
OF_PAGES = ("width", "margin", "line_height", "scale")

# About what a short text costs the event loop, in glyphs.
TEXT_COST = 16


class RenderText(Parameters):
    """The body of `/render-text`."""

    # Without it, clients make an example up from the types, with a model called `string`.
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "The quick brown fox", "width": 240, "align": "centre", "seed": 7}]}
    )

    text: str = Field(min_length=1, description="What to write.")
    seed: Seed = None
    z: list[Latent | None] | None = Field(
        None,
        max_length=64,
        description="The style: latents from -10 to 10; a null or missing one is drawn. Of a model with a hand, the "
        "first `hand_size` latents are the hand of all glyphs; the others, 0 if null or missing, are the form that "
        "each glyph varies around.",
    )
    hand: HandString = None
    temperature: Deviation = Field(
        DEFAULT_TEMPERATURE,
        description="Standard deviation of the drawn latents of the style.",
    )
    variation: Deviation = Field(
        0.25,
        description="Standard deviation of each glyph's latents around the style: 0 repeats a letter exactly, 1 "
        "ignores the style. A letter that recurs in a word deviates further, so that no two look alike. Of a model "
        "with a hand only the form varies, and 1 gives all forms in one hand.",
    )
    unknown: Literal["error", "skip", "blank"] = Field(
        "error", description="What becomes of a character that the model cannot write."
    )
    case: Literal["keep", "upper"] = Field(
        "keep",
        description="`keep` writes small letters as they are typed, and as capitals where the model has no small ones; "
        "`upper` writes all letters as capitals.",
    )
    drift: float = Field(
        1,
        ge=0,
        le=10,
        allow_inf_nan=False,
        description="How much baseline, slant and distances change along the lines, and one line from the other: 1 is "
        "natural, 0 is straight as by a ruler. Only of models with strokes.",
    )
    width: int | None = Field(
        None, ge=28, le=65536, description="Width to wrap lines to, in glyph pixels. Default: no wrapping."
    )
    align: Alignment = Field("left", description="Where shorter lines go.")
    letter_gap: int = Field(
        3,
        ge=-10,
        le=100,
        description="Paper between two letters, in glyph pixels; of a model with strokes 3 is what the hand leaves, "
        "and each pixel more or less is added to that.",
    )
    word_space: int = Field(12, ge=0, le=200, description="Paper between two words, in glyph pixels.")
    line_height: int = Field(32, ge=1, le=200, description="Distance of two baselines, in glyph pixels.")
    margin: int = Field(8, ge=0, le=1000, description="Paper around the text, in glyph pixels.")
    scale: Scale = 2
    page: PageParameters | None = Field(
        None,
        description="The page of paper to write on, as PDF or as a picture. It takes the place of `width`, `margin`, "
        "`line_height` and `scale`. Only of models with strokes.",
    )
    dpi: Dpi = None
    ink: Ink = DEFAULT_INK
    paper: Paper = DEFAULT_PAPER
    strokes: Lines = "outline"
    animate: Animate = False
    model: ModelName = None
    beta: Beta = None

    @property
    def setting(self) -> Setting:
        """The setting of the text.

        Raises:
            LayoutError: The page has no room for it.
        """
        own = Setting(self.width, self.align, self.letter_gap, self.word_space, self.line_height, self.margin)
        return own if self.page is None else self.page.geometry.setting(own)


TextFormat = Annotated[Literal["png", "webp", "svg", "pdf", "json", "npy"] | None, negotiate.FORMAT]


class TextQuery(Parameters):
    """The query of `POST /render-text`."""

    format: TextFormat = None


class TextAddress(RenderText):
    """The query of `GET /render-text`."""

    text: str = Field(min_length=1, description="What to write.", examples=["The quick brown fox"])
    format: TextFormat = None
    z: Latents = None  # type: ignore[assignment]
    page: str | None = Field(  # type: ignore[assignment]
        None, max_length=1024, description='The page of paper to write on, as the JSON of `POST`: `{"size": "A5"}`.'
    )

    def text_request(self) -> RenderText:
        """Return the parameters as `POST` has them.

        Raises:
            InvalidParameter: A value is not allowed.
        """
        values: dict[str, Any] = self.model_dump(exclude_unset=True, exclude={"format"})
        if self.z is not None:
            values["z"] = value_of("query.z", parse_latents, self.z, self.z.count(",") + 1)
        if self.page is not None:
            values["page"] = value_of("query.page", orjson.loads, self.page)
        return validated(RenderText, values, "query")


class PlacedGlyph(BaseModel):
    """A glyph of the text."""

    label: str = Field(description="Its character; an accented letter without a label is a letter and its marks.")
    position: int = Field(description="Place of that character in the text, from 0.")
    line: int = Field(description="Its line, from 0.")
    x: int = Field(description="Left edge of its pixels, in glyph pixels.")
    y: int = Field(description="Upper edge of its pixels, in glyph pixels.")
    z: list[float] = Field(description="Its latents.")
    pixels: list[list[int]] = Field(
        description="Its picture at scale 1, rows of pixels, paper 0, ink 255: the text is the stronger ink of all "
        "glyphs in their places. 28 rows of 28, small letters at their height beside capitals, or as many as hold the "
        "ink of its strokes at their true size."
    )


class RenderedText(BaseModel):
    """The JSON response of `/render-text`."""

    model: str
    seed: int = Field(description="Reproduces the response.")
    z: list[float] = Field(description="The style.")
    width: int = Field(description="Width of the picture in glyph pixels, before `scale`.")
    height: int = Field(description="Height of the picture in glyph pixels, before `scale`.")
    baselines: list[int] = Field(description="The row each line stands on, in glyph pixels, without its drift.")
    folded: list[int] = Field(
        description="Places of characters that are written as others: as capitals, or as what is nearest to them."
    )
    unknown: list[int] = Field(description="Places of characters that were skipped or left blank.")
    glyphs: list[PlacedGlyph]


@dataclass(eq=False, kw_only=True)
class TextRequest(Plan):
    """A request whose head has been checked.

    Attributes:
        accept: What it accepts.
        text: The text of a query, None of one that is in the body.
    """

    accept: str
    text: RenderText | None


@dataclass(frozen=True)
class TextPlan:
    """A text before its glyphs are decoded.

    Attributes:
        model: The model that writes it.
        seed: The seed of all latents.
        style: (latent,) the style.
        z: (n, latent) the latents of each glyph.
        script: Its symbols.
    """

    model: Model
    seed: int
    style: Floats
    z: Floats
    script: Symbols


@dataclass(frozen=True)
class Writing(TextPlan):
    """A written text.

    Attributes:
        text: Its glyphs in their places.
    """

    text: PixelText | StrokeText

    def headers(self, pages: int | None = None) -> Headers:
        """Return the headers of the response, of a text on pages with their number."""
        return headers_of(
            self.model.title,
            seed=self.seed,
            folded=len(self.script.folded) or None,
            unknown=len(self.script.unknown) or None,
            pages=pages,
        )


class WriteText(Operation[TextRequest]):
    """Write a text in one hand, no two letters of a word alike.

    Glyphs stand on a common baseline and are spaced by their ink. A model with strokes paints them at `scale`, each
    at its true size and height, lets its lines drift, and composes accented letters of letters and marks, and ² and ½
    of small digits. What it cannot write is folded: written as its capital, or as the characters nearest to it, such as
    `fi` for `ﬁ`. The headers `Glyphvae-Folded` and `Glyphvae-Unknown` count the characters that are folded and those
    that are left out. All kinds of spaces are one space, and invisible characters are nothing; neither counts.
    """

    name = "render_text"
    path = "/render-text"
    summary = "Write a text"
    parameters = RenderText
    query = TextQuery
    address = TextAddress
    methods = ("POST", "GET")
    body = "json"
    responses: ClassVar[Responses] = {
        200: documented_response(
            "RenderedText",
            {
                "model": "cvae/1",
                "seed": 7,
                "z": [0.4],
                "width": 60,
                "height": 44,
                "baselines": [36],
                "folded": [1],
                "unknown": [],
                "glyphs": [{"label": "H", "position": 0, "line": 0, "x": 4, "y": 12, "z": [0.5], "pixels": [[0, 255]]}],
            },
            "The text.",
            "uint8 (height·scale, width·scale), paper 0, ink 255.",
            {
                "Glyphvae-Seed": "The seed that reproduces the response.",
                "Glyphvae-Folded": "How many characters are written as others, if any.",
                "Glyphvae-Unknown": "How many characters were skipped or left blank, if any.",
                "Glyphvae-Pages": "How many pages the text has, if it is written on pages.",
            },
            pages=True,
        ),
        **REQUIRING,
    }

    def plan(self, head: RequestHead) -> TextRequest:
        """Choose the format, as if the model drew strokes."""
        address = None if head.method == "POST" else read_query(TextAddress, head.query)
        given = read_query_beside_json(TextQuery, head.query) if address is None else address
        accept = negotiate.accepted(given.format, head.accept)
        media = negotiate.choose(accept, OFFERS)
        streams = media == JSON or (
            media in VECTORS and any(kind in accept.lower() for kind in (JSON, "application/*"))
        )
        text = None if address is None else address.text_request()
        return TextRequest(media=media, cost=TEXT_COST, streams=streams, accept=accept, text=text)

    def identity(self, plan: TextRequest) -> bytes | None:
        """Return what determines the response: the models and the query, and its seed."""
        text = plan.text
        if text is None or text.seed is None:
            return None
        model = value_of("query.beta", self.context.registry.get, text.model, text.beta)
        parts = __version__, model.identity, model.device, self.context.settings.precision, plan.media
        return "\0".join([*parts, text.model_dump_json(exclude_unset=True)]).encode()

    def run(self, plan: TextRequest, body: Body) -> Program[Result]:
        """Decode the glyphs of the text, set and draw them."""
        if plan.text is None:
            return (yield from self._write(plan, read_json(RenderText, body.content_type, body.content)))
        try:
            return (yield from self._write(plan, plan.text))
        except InvalidParameter as error:
            raise error.in_query() from None

    def _write(self, plan: TextRequest, text: RenderText) -> Program[Result]:
        style = Style.parse("body", text)
        registry = self.context.registry
        model = value_of("body.beta", registry.get, text.model, text.beta)
        media = negotiate.choose_for(model, plan.accept, OFFERS, registry)
        style.check("body", media)
        page = plan_page(text, style, model, media, self.context)
        writing = yield from write(text, self.context)
        title, headers = writing.model.title, writing.headers()
        if media == JSON:
            count = len(writing.z)
            blocks = [_glyphs(writing, start) for start in range(0, count, JSON_BLOCK)]
            return (yield from json_list_result(title, headers, _content(writing), "glyphs", blocks))
        if page is not None and isinstance(writing.text, StrokeText):
            pages = page.pages(writing.text, text.setting.margin)
            content = yield from page.encode(pages, text.text, partial(words_of, writing, text.text))
            return Result(title, writing.headers(pages.count), media, content)
        content = yield from picture(writing, text.text, style, media, self.context)
        return Result(title, headers, media, content)


def plan_page(text: RenderText, style: Style, model: Model, media: str, context: Context) -> PageStyle | None:
    """Return the look of the pages that a text is written on, None if it is on none.

    Raises:
        InvalidParameter: The model cannot write on pages, or what a page tells is given besides, or as
            `PageStyle.plan`.
    """
    if text.page is None:
        if text.dpi is not None:
            raise InvalidParameter.of("body.dpi", "there is no `page`", "with `page` only; else use `scale`")
        return None
    for name in OF_PAGES:
        if name in text.model_fields_set and getattr(text, name) is not None:
            raise InvalidParameter.of(f"body.{name}", "`page` tells it", "not besides `page`")
    if not model.draws_strokes:
        able = ", ".join(name for name, other in context.registry.models.items() if other.draws_strokes) or "none here"
        raise InvalidParameter.of(
            "body.page", f"model {model.manifest.name!r} draws pixels", f"models with strokes: {able}"
        )
    return PageStyle.plan(text.page, text.dpi, style, media, context.settings)


def write(text: RenderText, context: Context) -> Program[Writing]:
    """Decode the glyphs of a text and set them.

    Raises:
        Problem: As `plan_text`, or the text cannot be set.
    """
    begun = plan_text(text, context)
    model, script = begun.model, begun.script
    decoded: Pixels | Strokes
    if model.draws_strokes:
        decoded = yield from model.strokes(*with_marked_letter(begun))
    else:
        decoded = yield from model.decode(begun.z, script.labels)
    cost = typesetting(len(text.text), strokes=model.draws_strokes)
    writing: Writing = yield Offload(cost, finished, (begun, decoded, text))
    return writing


def picture(writing: Writing, text: str, style: Style, media: str, context: Context) -> Program[bytes]:
    """Draw and encode a text, as it was typed in `text`.

    Raises:
        InvalidParameter: The picture would be over the limit.
    """
    placed = writing.text.layout
    painted = len(writing.z) if writing.model.draws_strokes else 0
    canvas = Canvas.plan("body.scale", placed.width, placed.height, style, media, context.settings, painted)
    if media in VECTORS:
        assert isinstance(writing.text, StrokeText)  # noqa: S101 (other models do not offer it)
        selectable = partial(words_of, writing, text)
        if media == PDF:
            return (yield from single_page(writing.text, style, text, selectable))
        return (yield from canvas.trace(writing.text.curves, text, selectable))
    return (yield from canvas.draw(partial(writing.text.draw, style.scale)))


def words_of(writing: Writing, text: str) -> list[Word]:
    """Return the words of a text of strokes, as it was typed in `text`, in their places."""
    assert isinstance(writing.text, StrokeText)  # noqa: S101 (as there)
    positions = writing.script.positions[writing.script.symbols >= 0]
    return words(text, positions, writing.text.ends[:, 0], writing.text.layout)


def plan_text(text: RenderText, context: Context) -> TextPlan:
    """Choose the latents and symbols of a text.

    Raises:
        UnknownModel: No such model.
        InvalidParameter: The text is too long, or a character is not allowed.
    """
    model = value_of("body.beta", context.registry.get, text.model, text.beta)
    labels = model.manifest.labels
    if not labels:
        raise InvalidParameter.of("body.model", f"model {model.manifest.name!r} has no labels, so it cannot write text")
    limit = context.settings.max_text_length
    if len(text.text) > limit:
        raise InvalidParameter.of("body.text", f"it has {len(text.text)} characters", f"at most {limit}")
    spell = partial(fold, compose=model.draws_strokes)
    script = value_of("body.text", spell, text.text, labels, text.unknown, text.case)
    seed = new_seed() if text.seed is None else text.seed
    given = given_latents("body", text.z, text.hand, model, context.registry)
    hand_size = model.manifest.hand_size
    style = draw_style(seed, given, text.temperature, hand_size)
    # Row 0 of the stream became the style, the rows after it the glyphs' own deviations. So the style does not depend
    # on the number of glyphs, and a longer text keeps the hand of a shorter one.
    rows = len(script.labels) + 1
    deviations = draw_latents(seed, rows, form_only(len(given), hand_size), text.variation)[1:]
    return TextPlan(model, seed, style, style + apart(deviations, script, text.variation), script)


def with_marked_letter(begun: TextPlan) -> tuple[Floats, Labels]:
    """Return the latents and labels of a text, and after them those of the letter by which its marks are placed."""
    names, labels = begun.model.manifest.labels, begun.script.labels
    if MARKED_LETTER in names and of_glyphs(is_mark, begun.script, names).any():
        return np.vstack([begun.z, begun.style]), np.append(labels, names.index(MARKED_LETTER))
    return begun.z, labels


def finished(begun: TextPlan, decoded: Pixels | Strokes, text: RenderText) -> Writing:
    """Set the decoded glyphs of a text: give them their sizes and places.

    Args:
        begun: The plan.
        decoded: Its glyphs, as pixels or as strokes, these perhaps with the letter by which marks are placed.
        text: How the text is set, and how much it drifts, if it is of strokes.

    Raises:
        InvalidParameter: It cannot be set like that.
    """
    labels = begun.model.manifest.labels
    drift = Drift(text.drift, begun.seed, guided=text.page is not None and text.page.lines != "plain")
    try:
        if isinstance(decoded, Strokes):
            placed: PixelText | StrokeText = set_strokes(begun.script, decoded, labels, text.setting, drift)
        else:
            placed = set_pixels(begun.script, decoded, labels, text.setting)
    except LayoutError as error:
        if text.page is not None:
            raise InvalidParameter.of("body.page", text.page.geometry.no_room) from None
        raise InvalidParameter.of("body.width", str(error)) from None
    return Writing(begun.model, begun.seed, begun.style, begun.z, begun.script, placed)


def _content(writing: Writing) -> dict[str, Any]:
    """Return the JSON response without its glyphs."""
    script, placed = writing.script, writing.text.layout
    return {
        "model": writing.model.title,
        "seed": writing.seed,
        "z": writing.style,
        "width": placed.width,
        "height": placed.height,
        "baselines": placed.baselines,
        "folded": script.folded,
        "unknown": script.unknown,
    }


def _glyphs(writing: Writing, start: int) -> Program[list[dict[str, Any]]]:
    """Make `JSON_BLOCK` members of `RenderedText.glyphs`."""
    names = writing.model.manifest.labels
    script, placed = writing.script, writing.text.layout
    positions = script.positions[script.symbols >= 0]
    rows = slice(start, start + JSON_BLOCK)
    columns = (script.labels, positions, placed.line, placed.x, placed.y, writing.z)
    cost = painting(JSON_BLOCK) if writing.model.draws_strokes else NOTHING
    pictures = yield Offload(cost, writing.text.pictures, (rows,))
    return [
        {"label": names[label], "position": position, "line": line, "x": x, "y": y, "z": z, "pixels": pixels}
        for label, position, line, x, y, z, pixels in zip(*(column[rows] for column in columns), pictures, strict=True)
    ]
