"""Glyphs in a meaningful order: steps between two ends, or along a latent."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from glyphvae.api import negotiate
from glyphvae.api.conditions import FOLDED, title_of
from glyphvae.api.context import Context
from glyphvae.api.pictures import Canvas, Glyphs, Style, plan_grid
from glyphvae.api.responses import JSON_BLOCK, Result, documented_response, headers_of, json_list_result, npy_result
from glyphvae.formats.registry import GIF, JSON, NPY, PICTURES, SVG
from glyphvae.models.registry import Floats, Model, Pixels
from glyphvae.scheduling.steps import Program, inline
from glyphvae.vectors.strokes import Strokes

OFFERS = (*PICTURES, SVG, GIF, JSON, NPY)


SequenceFormat = Annotated[Literal["png", "webp", "svg", "gif", "json", "npy"] | None, negotiate.FORMAT]


class Step(BaseModel):
    """A glyph of a sequence."""

    label: str | None = Field(description="Its character; null from an unconditional model, or between two labels.")
    z: list[float] = Field(description="Its latents.")
    pixels: list[list[int]] = Field(description="28 rows of 28 pixels, paper 0, ink 255.")


class Steps(BaseModel):
    """The JSON response of `/interpolate` and `/traverse`."""

    model: str
    rows: int = Field(description="Rows of the grid that the steps fill, row by row.")
    columns: int = Field(description="Columns of that grid.")
    seed: int | None = Field(description="Reproduces the response; null where nothing was drawn.")
    steps: list[Step]


@dataclass(frozen=True)
class Sequence:
    """Decoded steps.

    Attributes:
        model: The model that decoded them.
        labels: Each step's character, None where it has none.
        z: (n, latent) latents of each step.
        glyphs: The glyphs; pixels (n, 28, 28) unless a picture is painted from strokes.
        rows: Rows of the grid.
        seed: Of the latents that were drawn, None where none were.
        folded: How many labels are written as others, None for none.
    """

    model: Model
    labels: list[str | None]
    z: Floats
    glyphs: Glyphs
    rows: int
    seed: int | None
    folded: int | None

    @property
    def columns(self) -> int:
        """Columns of the grid."""
        return len(self.glyphs) // self.rows

    @property
    def title(self) -> str:
        """Title of a picture of it."""
        return title_of(self.labels)


@dataclass(frozen=True)
class Output:
    """The form of the response.

    Attributes:
        media: Its media type.
        canvas: The picture, None where there is none.
        rows: Rows of the grid.
        streams: Whether the response comes in pieces.
    """

    media: str
    canvas: Canvas | None
    rows: int
    streams: bool

    @classmethod
    def plan(  # noqa: PLR0917 (as `plan_grid`)
        cls, accept: str, rows: int, columns: int, style: Style, context: Context, model: Model
    ) -> "Output":
        """Choose the form.

        Raises:
            NotAcceptable: No offered type is acceptable.
            InvalidParameter: The picture would be over the limit.
        """
        media = negotiate.choose_for(model, accept, OFFERS, context.registry)
        style.check("query", media)
        canvas = None
        if media not in {JSON, NPY}:
            strokes = model.draws_strokes
            canvas = plan_grid("query.scale", rows, columns, style, media, context.settings, strokes=strokes)
        return cls(media, canvas, rows, media == JSON and rows * columns > JSON_BLOCK)

    @property
    def painted(self) -> bool:
        """True where the glyphs are painted from their strokes."""
        return self.canvas is not None and self.canvas.painted > 0


def respond(output: Output, sequence: Sequence) -> Program[Result]:
    """Make the response: a grid, an animation, JSON or an array."""
    title = sequence.model.title
    headers = headers_of(title, seed=sequence.seed, folded=sequence.folded)
    if output.canvas is not None:
        content = yield from output.canvas.draw_glyphs(sequence.glyphs, sequence.rows, sequence.columns, sequence.title)
        return Result(title, headers, output.media, content)
    assert not isinstance(sequence.glyphs, Strokes)  # noqa: S101 (only pictures are painted)
    if output.media == NPY:
        return npy_result(title, headers, sequence.glyphs)
    others = {"model": title, "rows": sequence.rows, "columns": sequence.columns, "seed": sequence.seed}
    blocks = [inline(_steps, sequence, sequence.glyphs, start) for start in range(0, len(sequence.glyphs), JSON_BLOCK)]
    return (yield from json_list_result(title, headers, others, "steps", blocks))


def _steps(sequence: Sequence, pixels: Pixels, start: int) -> list[dict[str, Any]]:
    """Return `JSON_BLOCK` members of `Steps.steps`."""
    rows = slice(start, start + JSON_BLOCK)
    columns = (sequence.labels[rows], sequence.z[rows], pixels[rows])
    return [{"label": label, "z": z, "pixels": glyph} for label, z, glyph in zip(*columns, strict=True)]


def documented_sequence(picture: str) -> dict[str, Any]:
    """Return the OpenAPI response 200 of an endpoint whose response is a sequence."""
    documented = documented_response(
        "Steps",
        {"model": "cvae/1", "rows": 1, "columns": 1, "seed": 7, "steps": [{"label": "J", "z": [0.0], "pixels": [[0]]}]},
        picture,
        "uint8 (n, 28, 28), paper 0, ink 255.",
        {"Glyphvae-Seed": "The seed that reproduces the response, where latents were drawn."} | FOLDED,
    )
    binary = {"type": "string", "format": "binary", "description": "The steps, forth and back, without end."}
    documented["content"][GIF] = {"schema": binary}
    return documented
