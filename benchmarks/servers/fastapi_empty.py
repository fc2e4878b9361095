"""The empty FastAPI route: a constant answer, a query parameter declared and nothing computed."""

from fastapi import FastAPI, Response

from benchmarks.servers.bare import png_of

PNG = png_of(400)

app = FastAPI()


@app.post("/generate")
async def generate(label: int) -> Response:  # noqa: ARG001 (parsed, as every service would)
    """A constant PNG."""
    return Response(PNG, media_type="image/png")
