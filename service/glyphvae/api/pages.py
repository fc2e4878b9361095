"""Pages of texts as responses: their parameters, and their encoding as PDF and as pictures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError

from glyphvae.api.parameters import Parameters, value_of
from glyphvae.api.pictures import Canvas, Style
from glyphvae.errors import InvalidParameter
from glyphvae.formats import pdf, png
from glyphvae.formats.colours import Colour, parse_ink
from glyphvae.formats.registry import PICTURES, PNG
from glyphvae.formats.svg import Word
from glyphvae.scheduling.cost import tracing
from glyphvae.scheduling.steps import Offload, Program
from glyphvae.settings import Settings
from glyphvae.text.pages import INCH, MAX_PAGES, RULE, Margins, PageGeometry, Pages, Ruling
from glyphvae.text.stroke_text import StrokeText

# Millimetres of the sizes that have names.
SIZES = {
    "A3": (297.0, 420.0),
    "A4": (210.0, 297.0),
    "A5": (148.0, 210.0),
    "A6": (105.0, 148.0),
    "Letter": (215.9, 279.4),
    "Legal": (215.9, 355.6),
}
DEFAULT_DPI = 150
# The margin in shorter sides of the page, the height of capitals in lines, and a line's height in millimetres: two
# squares, and elsewhere what ruled paper has.
_MARGIN, _CAPITALS, _LINE, _SQUARED_LINE = 0.1, 0.45, 9.0, 10.0
# Points of an inch and of a CSS pixel, in which pictures without a page are measured.
_POINTS, _CSS_PIXEL = 72, 0.75
_MILLIMETRE = _POINTS / INCH
# Characters of a title.
_TITLE = 60


def _refusal(kind: str, message: str) -> WrapValidator:
    """Return a validator that gives one error for a value of several types."""

    def validate(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:  # noqa: ANN401 (of the client)
        try:
            return handler(value)
        except ValidationError:
            raise PydanticCustomError(kind, message) from None

    return WrapValidator(validate)


_Side = Annotated[float, Field(ge=10, le=2000, allow_inf_nan=False)]
_Millimetres = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]
Size = Annotated[
    Literal["A3", "A4", "A5", "A6", "Letter", "Legal"] | tuple[_Side, _Side],
    _refusal("page_size", f"Input should be {', '.join(SIZES)} or [width, height] in millimetres, 10 to 2000 each"),
]
PageMargin = Annotated[
    _Millimetres | tuple[_Millimetres, _Millimetres, _Millimetres, _Millimetres] | None,
    _refusal("page_margin", "Input should be a number of millimetres, 0 to 1000, or [top, right, bottom, left]"),
]
Dpi = Annotated[
    int | None,
    Field(ge=72, le=600, description=f"Pixels of an inch, of a picture of a page. Default: {DEFAULT_DPI}."),
]


class PageParameters(Parameters):
    """A page of paper; lengths are in millimetres."""

    size: Size = Field("A4", description="Size of the paper: a name, upright, or width and height.")
    landscape: bool = Field(False, description="Whether the longer side is the width.")
    margin: PageMargin = Field(
        None,
        description="Paper around the text: one number, or top, right, bottom and left. Default: a tenth of the "
        "shorter side.",
    )
    lines: Ruling = Field(
        "plain",
        description="What is printed on the paper: nothing, a rule below each line, or squares of about 5 mm, a whole "
        "number of which make up a line. Texts stand on the rules.",
    )
    rule: str = Field("#b9cde5", max_length=64, description="Colour of rules and squares, as for `ink`.")
    line_height: float | None = Field(
        None,
        ge=1,
        le=500,
        allow_inf_nan=False,
        description="Distance of two baselines. Default: what suits `letter_height`, or else 9, on squares 10.",
    )
    letter_height: float | None = Field(
        None,
        ge=0.5,
        le=500,
        allow_inf_nan=False,
        description="Height of a capital. Default: 0.45 of `line_height`.",
    )
    place: Literal["top", "middle"] = Field("top", description="Where the lines of a page are, from top to bottom.")
    number: int = Field(1, ge=1, le=MAX_PAGES, description="Which page a picture shows; a PDF has all of them.")

    @property
    def geometry(self) -> PageGeometry:
        """The measures of the page."""
        width, height = SIZES[self.size] if isinstance(self.size, str) else self.size
        if self.landscape:
            width, height = max(width, height), min(width, height)
        margin = _MARGIN * min(width, height) if self.margin is None else self.margin
        margins = Margins(*margin) if isinstance(margin, tuple) else Margins(margin, margin, margin, margin)
        line_height = self.line_height
        if line_height is None and self.letter_height is not None:
            line_height = self.letter_height / _CAPITALS
        line_height = line_height or (_SQUARED_LINE if self.lines == "squared" else _LINE)
        letter_height = self.letter_height or _CAPITALS * line_height
        return PageGeometry(width, height, margins, line_height, letter_height, self.lines, self.place == "middle")


@dataclass(frozen=True)
class PageStyle:
    """The look of pages.

    Attributes:
        geometry: Their measures.
        style: Colours of ink and paper.
        rule: Colour of rules.
        number: The page that a picture shows, from 1.
        dpi: Pixels of an inch.
        canvas: The picture; None for a PDF.
    """

    geometry: PageGeometry
    style: Style
    rule: Colour
    number: int
    dpi: int
    canvas: Canvas | None

    @classmethod
    def plan(cls, asked: PageParameters, dpi: int | None, style: Style, media: str, settings: Settings) -> "PageStyle":
        """Return the look that a request's parameters ask for.

        Args:
            asked: The page.
            dpi: The resolution, None if none is asked for.
            style: The colours.
            media: The media type of the response.
            settings: Hold the limit of pictures.

        Raises:
            InvalidParameter: The media type cannot show it, or the picture would have too many pixels.
        """
        geometry, rule = asked.geometry, value_of("body.page.rule", parse_ink, asked.rule)
        canvas = None
        if media in PICTURES:
            chosen = dpi or DEFAULT_DPI
            canvas = Canvas.plan("body.dpi", *geometry.pixels(chosen), replace(style, scale=1), media, settings)
        else:
            check_picture("body.dpi", media, is_asked=dpi is not None)
            check_picture("body.page.number", media, is_asked="number" in asked.model_fields_set)
            if media != pdf.MEDIA_TYPE:
                allowed = ", ".join((pdf.MEDIA_TYPE, *PICTURES))
                raise InvalidParameter.of("body.page", f"the response is {media}", f"{allowed} only; see `Accept`")
        return cls(geometry, style, rule, asked.number, dpi or DEFAULT_DPI, canvas)

    def pages(self, text: StrokeText, margin: int) -> Pages:
        """Return a text on pages.

        Args:
            text: The text, set for these measures.
            margin: The margin that it was set with.

        Raises:
            InvalidParameter: There are more pages than are allowed, or less than the one that is asked for.
        """
        pages = Pages(self.geometry, text, margin)
        if pages.count > MAX_PAGES:
            detail = f"the text would have {pages.count} pages"
            raise InvalidParameter.of("body.page", detail, f"at most {MAX_PAGES}; write less, or smaller letters")
        if self.number > pages.count:
            detail = f"page {self.number} of {pages.count} is asked for"
            raise InvalidParameter.of("body.page.number", detail, f"1 to {pages.count}")
        return pages

    def encode(self, pages: Pages, text: str, words: Callable[[], Sequence[Word]]) -> Program[bytes]:
        """Draw and encode pages, all as PDF or one as a picture.

        Args:
            pages: The pages.
            text: The text as it was typed.
            words: Finds the words of the text.
        """
        content: bytes
        if self.canvas is None:
            content = yield Offload(tracing(len(pages.text.strokes)), self._document, (pages, text, words))
        else:
            canvas = replace(self.canvas, painted=len(pages.page(self.number - 1).strokes))
            content = yield Offload(canvas.cost, self._picture, (pages, canvas.media))
        return content

    def _picture(self, pages: Pages, media: str) -> bytes:
        pixels = pages.draw(self.number - 1, self.dpi)
        rule = None if self.geometry.ruling == "plain" else self.rule
        file = PICTURES[media](pixels, self.style.ink, self.style.paper, rule)
        return png.with_resolution(file, self.dpi) if media == PNG else file

    def _document(self, pages: Pages, text: str, words: Callable[[], Sequence[Word]]) -> bytes:
        geometry, found = self.geometry, words()
        rows, columns = ((places * _MILLIMETRE).tolist() for places in geometry.rules)
        paper = pdf.Paper(
            geometry.width * _MILLIMETRE,
            geometry.height * _MILLIMETRE,
            geometry.unit * _MILLIMETRE,
            self.style.ink,
            self.style.paper,
            self.rule,
            RULE * _MILLIMETRE,
            rows,
            columns,
        )
        written = (pages.page(number, found) for number in range(pages.count))
        return pdf.document(paper, (pdf.Page(page.curves, page.words) for page in written), title_of(text))


def check_picture(field: str, media: str, *, is_asked: bool) -> None:
    """Check that what is for pictures alone is not asked for of another media type.

    Raises:
        InvalidParameter: It is.
    """
    if is_asked and media not in PICTURES:
        raise InvalidParameter.of(field, f"the response is {media}", f"{', '.join(PICTURES)} only; see `Accept`")


def single_page(text: StrokeText, style: Style, typed: str, words: Callable[[], Sequence[Word]]) -> Program[bytes]:
    """Make a PDF whose only page is as large as the picture of a text, a pixel of which is one of CSS.

    Args:
        text: The text.
        style: Its look.
        typed: The text as it was typed.
        words: Finds its words.

    Raises:
        InvalidParameter: It is larger than pages of PDF may be.
    """
    unit = style.scale * _CSS_PIXEL
    width, height = text.layout.width * unit, text.layout.height * unit
    if max(width, height) > pdf.MAX_SIDE:
        detail = f"the page would have {width:g}×{height:g} points"
        raise InvalidParameter.of("body.scale", detail, f"at most {pdf.MAX_SIDE}; a smaller scale, or less to show")
    paper = pdf.Paper(width, height, unit, style.ink, style.paper, style.ink)

    def make() -> bytes:
        return pdf.document(paper, [pdf.Page(text.curves, words())], title_of(typed))

    content: bytes = yield Offload(tracing(len(text.strokes)), make)
    return content


def title_of(text: str) -> str:
    """Return the first words of a text."""
    begin = " ".join(text[: 4 * _TITLE].split())
    if len(begin) <= _TITLE:
        return begin
    return (begin[: _TITLE + 1].rpartition(" ")[0] or begin[:_TITLE]) + "…"
