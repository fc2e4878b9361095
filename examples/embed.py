"""A FastAPI application with the service inside: `uvicorn embed:app`, then http://127.0.0.1:8000/card/ADA.

The models run in this process; what the service answers by itself is under /handwriting, with its own documentation at
/handwriting/docs.
"""

from typing import Annotated

from fastapi import FastAPI, Path, Response

from glyphvae.api.context import Context
from glyphvae.app import create_app
from glyphvae.models.registry import load_registry
from glyphvae.operations.render_text import RenderText, render_png
from glyphvae.scheduling.steps import run_now
from glyphvae.settings import load_settings

settings = load_settings()
context = Context(settings, load_registry(settings))

app = FastAPI(title="Cards")
app.mount("/handwriting", create_app(context))


@app.get("/card/{name}", response_class=Response)
def card(name: Annotated[str, Path(pattern="^[A-Za-z ]{1,20}$")]) -> Response:
    """Return a card for somebody, each time in another hand."""
    text = RenderText(text=f"DEAR {name}\nGET WELL SOON", align="centre", ink="navy", line_height=40)
    return Response(run_now(render_png(text, context)), media_type="image/png")
