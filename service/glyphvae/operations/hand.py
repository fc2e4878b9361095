"""`POST /hand`: the hand that wrote letters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import BaseModel, Field

from glyphvae.api import negotiate
from glyphvae.api.conditions import FIELD, LabelSets, names_of, possible_labels, refuse_both, required_labels
from glyphvae.api.head import RequestHead
from glyphvae.api.parameters import Beta, ModelName, Parameters, read_query, value_of
from glyphvae.api.responses import Body, Result, headers_of, json_result
from glyphvae.api.uploads import documented_upload, read_glyphs, read_pages
from glyphvae.errors import InvalidParameter
from glyphvae.formats.registry import JSON
from glyphvae.imaging.preprocess import Mode
from glyphvae.models.hand_string import without_hand, write_hand
from glyphvae.models.hands import Hand, fit_hand
from glyphvae.models.labels import parse_label
from glyphvae.models.page_reading import glyphs_under, read_characters
from glyphvae.models.posterior import read_labels
from glyphvae.models.registry import Labels, Model, Pixels
from glyphvae.operations.base import Operation, Plan, Responses
from glyphvae.operations.encode import PROBLEMS
from glyphvae.operations.read import MAX_CHARACTERS, written_labels
from glyphvae.scheduling.steps import MAX_ROWS, Program

if TYPE_CHECKING:
    from glyphvae.imaging.written_page import WrittenPage

# More tell little more of a hand, and each is decoded 25 times in each of the seven steps of `pen`.
MAX_LETTERS = 64
TEXT_FIELD = "query.text"
# Of a letter's distance from the others. Of five letters of a font, 96 % are nearer; docs/hands.md has the figures.
DISAGREEMENT = 0.8
# Of two letters that disagree, either may be the wrong one.
FEWEST_TO_DISAGREE = 3


class HandQuery(Parameters):
    """The query of `/hand`."""

    label: list[Annotated[str, Field(max_length=16)]] = Field(
        default=[],
        max_length=MAX_LETTERS,
        description="What the images show, a character or its number: repeat it, one for each image in their order, "
        "or give one for all. Without it the model finds the most likely of `labels` for each.",
        examples=[["J"]],
    )
    labels: LabelSets = Field(default=[])
    sheet: bool = Field(
        False,
        description="Whether images show several characters, in lines, as for `/read`: `label` is then repeated for "
        "each of these, in reading order.",
    )
    text: str | None = Field(
        None,
        min_length=1,
        max_length=256,
        description="What is written on a `sheet`, instead of `label`, in reading order; white space does not count.",
    )
    preprocess: Mode = Field("auto", description="How images are converted; as for `/encode`. Not of a `sheet`.")
    model: ModelName = None
    beta: Beta = None

    @property
    def shows_lines(self) -> bool:
        """True if images show lines of characters."""
        return self.sheet or self.text is not None


class Letter(BaseModel):
    """A letter that the hand was taken from."""

    label: str | None = Field(description="The given or most likely label; null from an unconditional model.")
    distance: float | None = Field(
        description="How far what this letter says of the hand is from what the others say, in units of the deviation "
        "that the uncertainties of both let expect; null for a single letter."
    )
    disagrees: bool = Field(
        description=f"Whether this is the farthest of {FEWEST_TO_DISAGREE} letters or more, and farther than "
        f"{DISAGREEMENT}: another hand, a wrong label, or a form that is unusual in this hand. The others may agree "
        "without it."
    )


class FoundHand(BaseModel):
    """The JSON response of `/hand`."""

    model: str
    hand: str = Field(description="The hand as a string, for `hand` of other endpoints; its latents are rounded.")
    mu: list[float] = Field(description="The most probable hand: the first latents of `z`.")
    logvar: list[float] = Field(description="Log of the variance of each; that of the prior is 1.")
    left: list[float] = Field(description="Share of the prior's variance that is left, of each latent: exp(logvar).")
    certainty: float = Field(
        description="Share of the prior's variance that the letters have taken away, the mean over the latents: 0 if "
        "they say nothing of the hand, 1 if they say all."
    )
    letters: list[Letter] = Field(description="In the order of the images.")


@dataclass(eq=False, kw_only=True)
class HandPlan(Plan):
    """A query that has been checked.

    Attributes:
        query: The query.
        model: The model, which has a hand.
        labels: (1,) or (n,) what the images show, None where it is to be found.
        possible: The labels that they may have.
    """

    query: HandQuery
    model: Model
    labels: Labels | None
    possible: tuple[int, ...]


class FindHand(Operation[HandPlan]):
    """The hand that wrote letters, for the parameter `hand` of other endpoints.

    Each image shows one letter, or with `sheet` lines of separate ones, whose text may be given as `text`. The hand is
    the one in which the model draws all of them best, each in a form of its own; `distance` tells which letter
    disagrees with the others. The string `hand` holds the mean, rounded to 0.02, and the beginning of the model's
    `weights`: another model's is refused. The header `Glyphvae-Hand` repeats it.
    """

    name = "find_hand"
    path = "/hand"
    summary = "Find the hand that wrote letters"
    parameters = HandQuery
    body = "images"
    openapi_extra: ClassVar[Mapping[str, Any] | None] = documented_upload()
    responses: ClassVar[Responses] = {
        200: {
            "description": "The hand.",
            "content": {
                JSON: {
                    "schema": {"$ref": "#/components/schemas/FoundHand"},
                    "example": {
                        "model": "pen/1",
                        "hand": "AR7aZILh6CpLfmN4afx9YXhF_CEr",
                        "mu": [0.4],
                        "logvar": [-1.6],
                        "left": [0.2],
                        "certainty": 0.8,
                        "letters": [{"label": "J", "distance": 0.4, "disagrees": False}],
                    },
                }
            },
            "headers": {
                "Glyphvae-Model": {"description": "Name and version of the model.", "schema": {"type": "string"}},
                "Glyphvae-Hand": {"description": "The hand as a string.", "schema": {"type": "string"}},
            },
        },
        **PROBLEMS,
    }

    def plan(self, head: RequestHead) -> HandPlan:
        """Check the query."""
        media = negotiate.choose(head.accept, (JSON,))
        query = read_query(HandQuery, head.query)
        registry = self.context.registry
        model = value_of("query.beta", registry.get, query.model, query.beta)
        if not model.manifest.hand_size:
            manifests = {name: other.manifest for name, other in registry.models.items()}
            raise InvalidParameter.of("query.model", without_hand(model.manifest, manifests))
        refuse_both(query.label, query.labels)
        if query.text is not None and (query.label or query.labels):
            raise InvalidParameter.of(TEXT_FIELD, "label or labels are given, too", "one of them")
        if query.shows_lines and not model.manifest.labels:
            raise InvalidParameter.of("query.model", f"model {model.manifest.name!r} has no labels and reads no sheet")
        if query.shows_lines and query.preprocess == "none":
            raise InvalidParameter.of("query.preprocess", "the characters of a sheet are cut out of images", "auto")
        return HandPlan(
            media=media,
            cost=MAX_ROWS,
            query=query,
            model=model,
            labels=_given(query, model),
            possible=written_labels(query.labels, model) if query.sheet else possible_labels(query.labels, model),
        )

    def run(self, plan: HandPlan, body: Body) -> Program[Result]:
        """Read the letters and find their hand."""
        model = plan.model
        settings = self.context.settings
        if plan.query.shows_lines:
            pixels, labels = yield from _letters_of(plan, (yield from read_pages(body, settings, MAX_CHARACTERS)))
        else:
            pixels = (yield from read_glyphs(body, settings, plan.query.preprocess)).pixels
            if len(pixels) > MAX_LETTERS:
                raise InvalidParameter.of("body", f"it holds {len(pixels)} images", f"at most {MAX_LETTERS}")
            labels = yield from _labels_of(plan, pixels)
        hand = yield from fit_hand(model, pixels, labels)
        text = write_hand(hand.mu, model.manifest)
        content = _content(model, text, hand, names_of(labels, model))
        return json_result(model.title, headers_of(model.title, hand=text), content)


def _given(query: HandQuery, model: Model) -> Labels | None:
    """Return the labels (n,) that a query gives, None where they are to be found.

    Raises:
        InvalidParameter: One is no label of the model, or the text has none, or too many.
    """
    if query.text is None:
        return required_labels(query.label, model) if query.label or not model.manifest.labels else None
    characters = "".join(query.text.split())
    if not 0 < len(characters) <= MAX_LETTERS:
        raise InvalidParameter.of(TEXT_FIELD, f"it has {len(characters)} characters", f"1 to {MAX_LETTERS}")
    names = model.manifest.labels
    return np.array([value_of(TEXT_FIELD, parse_label, character, names) for character in characters], np.int64)


def _letters_of(plan: HandPlan, sheets: Sequence["WrittenPage"]) -> Program[tuple[Pixels, Labels]]:
    """Return the letters (n, 28, 28) of sheets, in reading order, and the label (n,) of each.

    Raises:
        InvalidParameter: There are too many, or not as many as labels.
    """
    boxes = [character.box for sheet in sheets for line in sheet.lines for character in line]
    places = ", ".join(map(str, boxes[:MAX_LETTERS]))
    found = f"{len(boxes)} characters are found, at (left, top, right, bottom) {places}"
    if len(boxes) > MAX_LETTERS:
        raise InvalidParameter.of("body", f"{found} and so on", f"at most {MAX_LETTERS}")
    if plan.labels is None:
        readings = []
        for sheet in sheets:
            readings.append((yield from read_characters(plan.model, sheet, plan.possible)))  # noqa: PERF401 (yields)
        return (
            np.concatenate([reading.glyphs for reading in readings]),
            np.concatenate([reading.labels for reading in readings]),
        )
    if len(plan.labels) not in {1, len(boxes)} or (plan.query.text is not None and len(plan.labels) != len(boxes)):
        field, given = (FIELD, "labels") if plan.query.text is None else (TEXT_FIELD, "characters")
        detail = f"it has {len(plan.labels)} {given}, but {found}"
        raise InvalidParameter.of(field, detail, "one for each, in reading order")
    labels = np.resize(plan.labels, len(boxes))
    pixels: list[Pixels] = []
    start = 0
    for sheet in sheets:
        pixels.append((yield from glyphs_under(plan.model, sheet, labels[start : start + sheet.count])))
        start += sheet.count
    return np.concatenate(pixels), labels


def _labels_of(plan: HandPlan, pixels: Pixels) -> Program[Labels]:
    """Return the label (n,) of each image (n, 28, 28).

    Raises:
        InvalidParameter: There are several labels, but not one for each.
    """
    if plan.labels is None:
        return (yield from read_labels(plan.model, pixels, plan.possible)).labels
    if len(plan.labels) not in {1, len(pixels)}:
        detail = f"there are {len(plan.labels)} labels for {len(pixels)} images"
        raise InvalidParameter.of(FIELD, detail, "one for each image, in their order, or one for all")
    return np.resize(plan.labels, len(pixels))


def _content(model: Model, text: str, hand: Hand, names: Sequence[str | None]) -> dict[str, Any]:
    """Return `FoundHand`."""
    distances = hand.distances.tolist() or [None]
    limit = max(DISAGREEMENT, *distances) if len(names) >= FEWEST_TO_DISAGREE else np.inf
    return {
        "model": model.title,
        "hand": text,
        "mu": hand.mu,
        "logvar": hand.logvar,
        "left": hand.left,
        "certainty": hand.certainty,
        "letters": [
            {"label": name, "distance": distance, "disagrees": distance is not None and distance >= limit}
            for name, distance in zip(names, distances, strict=True)
        ],
    }
