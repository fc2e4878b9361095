"""Glyphs in an order that means something: steps between two ends, or along a latent."""

import io
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from PIL import Image
from pydantic import BaseModel, Field

from glyphvae.api import negotiate, responses
from glyphvae.api.responses import Style
from glyphvae.formats import grid
from glyphvae.models.registry import Floats, Model, Pixels
from glyphvae.scheduling.offload import offload
from glyphvae.settings import Settings

GIF = "image/gif"
OFFERS = (negotiate.PNG, GIF, negotiate.JSON, negotiate.NPY)

# Slow enough to see each step, and a length every viewer keeps to.
FRAME_MILLISECONDS = 60


class Step(BaseModel):
    """One glyph of a sequence."""

    label: str | None = Field(description="Its character; null from an unconditional model, or between two labels.")
    z: list[float] = Field(description="Its latents.")
    pixels: list[list[int]] = Field(description="28 rows of 28 pixels, paper 0, ink 255.")


class Steps(BaseModel):
    """The JSON answer of `/interpolate` and `/traverse`."""

    model: str
    rows: int = Field(description="Rows of the sheet that the steps fill, row by row.")
    columns: int = Field(description="Columns of that sheet.")
    seed: int | None = Field(description="Reproduces the answer; null where nothing was drawn.")
    steps: list[Step]


@dataclass(frozen=True)
class Sequence:
    """Decoded steps.

    Attributes:
        model: The model that decoded them.
        labels: Each step's character, None where it has none.
        z: (n, latent) latents of each step.
        pixels: (n, 28, 28) the glyphs.
        rows: Rows of the sheet.
        seed: Of the latents that were drawn, None where none were.
    """

    model: Model
    labels: list[str | None]
    z: Floats
    pixels: Pixels
    rows: int
    seed: int | None

    @property
    def columns(self) -> int:
        """Columns of the sheet."""
        return len(self.pixels) // self.rows


async def answer(media: str, sequence: Sequence, style: Style) -> Response:
    """The sequence as a sheet, an animation, JSON or an array."""
    extra = responses.headers(sequence.model.title, seed=sequence.seed)
    if media == negotiate.NPY:
        return responses.npy_answer(sequence.pixels, extra)
    if media == negotiate.JSON:
        return responses.json_answer(_content(sequence), extra)
    if media == GIF:
        movie = await offload(sequence.pixels.size * style.scale**2, 0, animate, sequence.pixels, style)
        return Response(movie, media_type=GIF, headers=extra)
    picture = await responses.glyphs_picture(sequence.pixels, sequence.rows, sequence.columns, style)
    return responses.png_answer(picture, extra)


def check(request: Request, rows: int, columns: int, style: Style, settings: Settings) -> str:
    """The media type of the answer, once its size is known to be allowed.

    Raises:
        NotAcceptable: No offered type is acceptable.
        InvalidParameter: The answer would be too large.
    """
    media = negotiate.choose_for(request, OFFERS)
    if media in {negotiate.PNG, GIF}:
        side = 28 * style.scale
        responses.check_picture("query.scale", columns * side, rows * side, settings.max_output_pixels)
    return media


def animate(pixels: Pixels, style: Style) -> bytes:
    """Glyphs (n, 28, 28) as an endless GIF that runs forth and back."""
    frames = [Image.open(io.BytesIO(style.show(grid.upscale(glyph, style.scale)))).convert("RGBA") for glyph in pixels]
    there_and_back = frames + frames[-2:0:-1]
    file = io.BytesIO()
    there_and_back[0].save(
        file,
        format="GIF",
        save_all=True,
        append_images=there_and_back[1:],
        duration=FRAME_MILLISECONDS,
        loop=0,
        disposal=2,
    )
    return file.getvalue()


def _content(sequence: Sequence) -> dict[str, Any]:
    steps = [
        {"label": label, "z": z, "pixels": pixels}
        for label, z, pixels in zip(sequence.labels, sequence.z, sequence.pixels, strict=True)
    ]
    return {
        "model": sequence.model.title,
        "rows": sequence.rows,
        "columns": sequence.columns,
        "seed": sequence.seed,
        "steps": steps,
    }


def documented_sequence(picture: str) -> dict[str, Any]:
    """The OpenAPI response 200 of an endpoint that answers with a sequence."""
    documented = responses.documented_answer(
        "Steps",
        {"model": "cvae/1", "rows": 1, "columns": 1, "seed": 7, "steps": [{"label": "J", "z": [0.0], "pixels": [[0]]}]},
        picture,
        "uint8 (n, 28, 28), paper 0, ink 255.",
        {"Glyphvae-Seed": "The seed that reproduces the answer, where latents were drawn."},
    )
    binary = {"type": "string", "format": "binary", "description": "The steps, forth and back, without end."}
    documented["content"][GIF] = {"schema": binary}
    return documented
