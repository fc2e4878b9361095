"""FastAPI, ONNX Runtime and Pillow: what people write."""

from fastapi import FastAPI, Response

from benchmarks.servers.glyphs import Glyphs, png

app = FastAPI()
glyphs = Glyphs()


@app.post("/generate")
async def generate(label: int) -> Response:
    """A new glyph as a PNG."""
    return Response(png(glyphs.draw([label])[0]), media_type="image/png")
