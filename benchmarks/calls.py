"""What the service is asked in the benchmarks."""

import io

import orjson
from PIL import Image

from benchmarks.call import JSON, Call, Tail
from benchmarks.programs import GENERATE

NEW_SEED = Tail('"&seed=" .. counter', "&seed=7")
# Six latents, each new in every request; a model that has more draws the others.
NEW_Z = Tail(
    '"&z=" .. string.format("%.3f,%.3f,%.3f,%.3f,%.3f,%.3f", math.random() * 2 - 1, math.random() * 2 - 1, '
    "math.random() * 2 - 1, math.random() * 2 - 1, math.random() * 2 - 1, math.random() * 2 - 1)",
    "&z=0.100,-0.200,0.300,-0.400,0.500,-0.600",
)
# Twenty characters, seventeen of them glyphs.
TEXT = "QUICK BROWN FOX JUMP"
NPY = "application/x-npy"


def glyphvae(glyph: bytes) -> list[Call]:
    """Every kind of request, `glyph` a PNG of the service to send where one is needed."""
    picture = {"Content-Type": "image/png"}
    # The service reads its own files a little faster than those of others, which filter their rows.
    stream = io.BytesIO()
    Image.open(io.BytesIO(glyph)).save(stream, "PNG")
    other = stream.getvalue()
    return [
        GENERATE,
        Call("generate, seed", GENERATE.path, tail=NEW_SEED),
        Call("generate, z", GENERATE.path, tail=NEW_Z),
        Call("encode", "/encode", other, picture),
        Call("encode, label", "/encode?label=19", other, picture),
        Call("encode, label, own PNG", "/encode?label=19", glyph, picture),
        Call("reconstruct", "/reconstruct", other, picture),
        Call("reconstruct, label", "/reconstruct?label=19", other, picture),
        text(TEXT),
    ]


def text(content: str, **more: object) -> Call:
    """The request to write a text, with new latents every time."""
    body = orjson.dumps({"text": content, **more})
    return Call(f"render-text, {len(content)} characters", "/render-text", body, {"Content-Type": JSON})


def samples(n: int) -> Call:
    """The request for `n` glyphs as an array."""
    return Call(f"generate, n={n}", f"/generate?label=19&n={n}", headers={"Accept": NPY})
