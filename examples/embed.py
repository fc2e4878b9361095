"""A FastAPI application with the service inside: `uvicorn embed:app`, then http://127.0.0.1:8000/card/ADA.

The models run in this process; what the service answers by itself is under /handwriting, with its own documentation at
/handwriting/docs.
"""

from typing import Annotated

from fastapi import FastAPI, Path, Response

import glyphvae

app = FastAPI(title="Cards")
app.mount("/handwriting", glyphvae.app)
writer = glyphvae.Writer(context=glyphvae.app.state.context)  # the same models, loaded once


@app.get("/card/{name}", response_class=Response)
def card(name: Annotated[str, Path(pattern="^[A-Za-z ]{1,20}$")]) -> Response:
    """Return a card for somebody, each time in another hand."""
    picture = writer.render(f"DEAR {name}\nGET WELL SOON", align="centre", ink="navy", line_height=40)
    return Response(picture.content, media_type=picture.media_type)
