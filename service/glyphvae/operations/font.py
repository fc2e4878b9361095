"""`POST /font`: a hand as a font."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy import int64
from pydantic import AfterValidator, ConfigDict, Field

from glyphvae.api import negotiate
from glyphvae.api.context import Context
from glyphvae.api.hands import HandString, given_latents
from glyphvae.api.head import RequestHead
from glyphvae.api.parameters import (
    DEFAULT_TEMPERATURE,
    Beta,
    Deviation,
    Latent,
    ModelName,
    Parameters,
    Seed,
    read_json,
    read_query_beside_json,
    value_of,
)
from glyphvae.api.responses import Body, Result, documented_file, headers_of
from glyphvae.errors import (
    BodyTooLarge,
    Busy,
    DeadlineExceeded,
    InvalidParameter,
    MalformedBody,
    MissingParameter,
    NotAcceptable,
    NotReady,
    UnknownModel,
    UnsupportedMedia,
    documented,
)
from glyphvae.fonts.forms import FORMS
from glyphvae.fonts.names import Names, file_name
from glyphvae.models.latents import draw_latents, draw_style, form_only, new_seed
from glyphvae.models.registry import Floats, Model
from glyphvae.operations.base import Operation, Plan, Responses
from glyphvae.operations.render_text import TEXT_COST
from glyphvae.scheduling.cost import font_building
from glyphvae.scheduling.steps import Offload, Program
from glyphvae.vectors.strokes import Strokes
from glyphvae.wording import Pattern

# The ending of a file by its media type; of equals the first is sent.
KINDS: Mapping[str, str] = {"font/ttf": "ttf", "font/otf": "otf", "font/woff2": "woff2"}


def _shown(text: str) -> str:
    """Check that a name can be shown.

    Raises:
        ValueError: It has control characters, or halves of characters.
    """
    if not text.replace("\n", " ").isprintable():
        raise ValueError("only characters that can be shown are allowed, and line breaks")
    return text


Shown = AfterValidator(_shown)
Name = Annotated[str, Field(max_length=200), Shown] | None
_ADDRESS = r"^(https?://[^\s/?#]\S*)?$"
_ADDRESS_WORDS = "a web address that begins with https:// or http://, or empty"


class FontRequest(Parameters):
    """The body of `/font`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"seed": 7, "family": "My Hand", "designer": "Ada Lovelace"}]}
    )

    seed: Seed = None
    z: list[Latent | None] | None = Field(
        None, max_length=64, description="The hand, as of `/render-text`: a null or missing latent of it is drawn."
    )
    hand: HandString = None
    temperature: Deviation = Field(
        DEFAULT_TEMPERATURE,
        description="Standard deviation of the drawn latents of the hand.",
    )
    variation: Deviation = Field(
        0.25,
        description="Standard deviation of the latents of the three alternates of each letter around its usual form, "
        "which is that of `/render-text` with `variation=0`.",
    )
    family: (
        Annotated[
            str,
            Field(
                min_length=1,
                max_length=31,
                description="The name that the font is chosen by. Default: the model's, with a number of the hand.",
            ),
            Pattern(r"^\S(.*\S)?$", "a name in one line without spaces at its beginning and end"),
            Shown,
        ]
        | None
    ) = None
    designer: Name = Field(None, description="Whose hand it is.")
    copyright: Name = Field(None, description="Your copyright notice.")
    license: Annotated[str, Field(max_length=4000), Shown] | None = Field(
        None, description="Your terms for the font; without them it has none."
    )
    license_url: Annotated[str, Field(max_length=200), Pattern(_ADDRESS, _ADDRESS_WORDS), Shown] | None = Field(
        None, description="Where these terms are: a web address, or nothing."
    )
    model: ModelName = None
    beta: Beta = None


class FontQuery(Parameters):
    """The query of `/font`."""

    format: Annotated[Literal["ttf", "otf", "woff2"] | None, negotiate.FORMAT] = None


class MakeFont(Operation[Plan]):
    """Make a font of one hand, to be installed, or used by pages.

    It has all characters of the model, accented letters composed of its letters and marks, three alternates of each
    letter that take turns, and kerning, so that a text looks like one of `/render-text`. The same request gives the
    same bytes. Only models that draw strokes make fonts.
    """

    name = "font"
    path = "/font"
    summary = "Make a font"
    parameters = FontRequest
    query = FontQuery
    body = "json"
    responses: ClassVar[Responses] = {
        200: documented_file("The font, in the format that `Accept` prefers.", KINDS),
        **documented(
            MalformedBody,
            UnknownModel,
            NotAcceptable,
            BodyTooLarge,
            UnsupportedMedia,
            InvalidParameter,
            MissingParameter,
            Busy,
            NotReady,
            DeadlineExceeded,
        ),
    }

    def plan(self, head: RequestHead) -> Plan:
        """Choose the format."""
        query = read_query_beside_json(FontQuery, head.query)
        accept = negotiate.accepted(query.format, head.accept)
        return Plan(media=negotiate.choose(accept, tuple(KINDS)), cost=TEXT_COST)

    def run(self, plan: Plan, body: Body) -> Program[Result]:
        """Decode all labels in all forms, and build the file."""
        wanted = read_json(FontRequest, body.content_type, body.content)
        model = _model_of(wanted, self.context)
        seed = new_seed() if wanted.seed is None else wanted.seed
        given, kind = given_latents("body", wanted.z, wanted.hand, model, self.context.registry), KINDS[plan.media]
        z = latents_of_forms(wanted, model, given, seed)
        names, labels = _names_of(wanted, model, z), model.manifest.labels
        strokes = yield from model.strokes(z, np.tile(np.arange(len(labels), dtype=int64), FORMS))
        content = yield Offload(font_building(len(labels)), _build, (labels, strokes, names, kind))
        name = [(b"content-disposition", f'attachment; filename="{file_name(names)}.{kind}"'.encode())]
        return Result(model.title, headers_of(model.title, seed=seed), plan.media, content, extra=name)


def latents_of_forms(wanted: FontRequest, model: Model, given: Sequence[float | None], seed: int) -> Floats:
    """Return (`FORMS` x labels, latent) the latents of all labels in one form after the other.

    Args:
        wanted: How far they vary.
        model: That writes.
        given: (latent,) the style, None for each latent that is drawn.
        seed: Of what is drawn.
    """
    facts, labels = model.manifest, len(model.manifest.labels)
    style = draw_style(seed, given, wanted.temperature, facts.hand_size)
    # Row 0 of the stream became the style, as of a text.
    rows = 1 + (FORMS - 1) * labels
    deviations = draw_latents(seed, rows, form_only(len(given), facts.hand_size), wanted.variation)[1:]
    return np.vstack([np.tile(style, (labels, 1)), style + deviations])


def _model_of(wanted: FontRequest, context: Context) -> Model:
    model = value_of("body.beta", context.registry.get, wanted.model, wanted.beta)
    if not (model.draws_strokes and any(len(label) == 1 for label in model.manifest.labels)):
        able = [
            name for name, other in context.registry.models.items() if other.draws_strokes and other.manifest.labels
        ]
        detail = f"model {model.manifest.name!r} draws no strokes of characters, so it makes no font"
        raise InvalidParameter.of("body.model", detail, ", ".join(able) or "no model that is served")
    return model


def _names_of(wanted: FontRequest, model: Model, z: Floats) -> Names:
    """Return the names of a font, the family's after its hand where the request has none."""
    hand = sha256(z[0].tobytes()).hexdigest()[:6]
    family = wanted.family or f"{model.manifest.name[:20].title()} {hand}"
    texts = [model.title, family, wanted.designer, wanted.copyright, wanted.license, wanted.license_url]
    return Names(
        family=family,
        identity=sha256(z.tobytes() + repr(texts).encode()).hexdigest()[:16],
        description=f"One hand of the model {model.title} of glyphvae, which learned to write from many.",
        designer=wanted.designer,
        copyright=wanted.copyright,
        licence=wanted.license,
        licence_url=wanted.license_url,
    )


def _build(labels: tuple[str, ...], strokes: Strokes, names: Names, kind: str) -> bytes:
    # Imported here, because it takes 0.2 s and 28 MB, and most services make no fonts.
    from glyphvae.fonts.design import design  # noqa: PLC0415
    from glyphvae.fonts.opentype import build  # noqa: PLC0415

    return build(design(labels, strokes), names, kind)
