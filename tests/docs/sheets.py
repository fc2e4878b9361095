"""Sheets of what the default model writes, which docs/pen.md shows; `python -m tests.service.golden` writes them."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

IMAGES = Path(__file__).parents[2] / "docs" / "images"
PIXEL_MODEL = "cvae-62"
PAPER = "white"
# Of a sheet of labels.
SAMPLES, LABELS_IN_A_ROW = 12, 3
PLAIN = "The quick brown fox jumps over a lazy dog 0123456789\nSPHINX OF BLACK QUARTZ JUDGE MY VOW"
TEXT = (
    "The quick brown fox jumps over a lazy dog. 0123456789\n"
    "SPHINX OF BLACK QUARTZ, JUDGE MY VOW! Don't, Zoë! It's 5 o'clock:\n"
    "Pack my box with five dozen liquor jugs. (a+b)/2 = 7 & more?"
)
HANDS = (1, 3, 5, 8, 12)
# Of a sheet of latents.
WORD, STEPS, SEED = "Ragged Quill 27", (-2, -1, 0, 1, 2), 4
GAP, GREYS = 20, 16


def default_model(client: httpx.Client) -> dict[str, Any]:
    """Return what the service says of its default model."""
    (facts,) = (one for one in client.get("/models").raise_for_status().json() if one["default"])
    return dict(facts)


def picture(client: httpx.Client, path: str, body: dict[str, Any] | None = None) -> Image.Image:
    """Return the picture that the service answers with."""
    answer = client.post(path, json=body, headers={"Accept": "image/png"}).raise_for_status()
    return Image.open(io.BytesIO(answer.content)).convert("L")


def stacked(pictures: Sequence[Image.Image], gap: int = GAP) -> Image.Image:
    """Put pictures below each other on white paper."""
    height = sum(one.height for one in pictures) + gap * (len(pictures) - 1)
    sheet = Image.new("L", (max(one.width for one in pictures), height), PAPER)
    top = 0
    for one in pictures:
        sheet.paste(one, (0, top))
        top += one.height + gap
    return sheet


def beside(pictures: Sequence[Image.Image], width: int) -> Image.Image:
    """Put pictures beside each other, `width` pixels apart, on white paper."""
    sheet = Image.new("L", (width * len(pictures), max(one.height for one in pictures)), PAPER)
    for column, one in enumerate(pictures):
        sheet.paste(one, (width * column, 0))
    return sheet


def labels(client: httpx.Client) -> Image.Image:
    """Draw every label of the default model several times."""
    names = default_model(client)["labels"]
    query = httpx.QueryParams(
        {"label": names, "n": SAMPLES, "columns": SAMPLES * LABELS_IN_A_ROW, "seed": SEED, "temperature": 1}
    )
    return picture(client, f"/generate?{query}")


def hands(client: httpx.Client) -> Image.Image:
    """Set a text in several hands, below one by the model of pixels."""
    body = {"scale": 1, "text": TEXT}
    above = picture(client, "/render-text", body | {"text": PLAIN, "model": PIXEL_MODEL, "seed": HANDS[0]})
    return stacked([above, *(picture(client, "/render-text", body | {"seed": seed}) for seed in HANDS)])


def latents(client: httpx.Client) -> Image.Image:
    """Set a word while each latent of the hand moves by itself, a latent a row."""
    count = default_model(client)["config"]["hand_size"]
    rows = []
    for moved in range(count):
        body = {"text": WORD, "scale": 1, "seed": SEED}
        hands = [[step if latent == moved else 0 for latent in range(count)] for step in STEPS]
        rows.append([picture(client, "/render-text", body | {"z": hand}) for hand in hands])
    width = max(one.width for row in rows for one in row) + GAP
    return stacked([beside(row, width) for row in rows], gap=0)


SHEETS = {"pen-labels.png": labels, "pen-hands.png": hands, "pen-latents.png": latents}


def write_sheets(client: httpx.Client) -> None:
    """Write all sheets."""
    for name, draw in SHEETS.items():
        draw(client).quantize(GREYS).save(IMAGES / name, optimize=True)
        print(f"{IMAGES / name} is written.")
