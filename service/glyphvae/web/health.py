"""`GET /`, `GET /livez` and `GET /readyz`."""

from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from glyphvae import __version__
from glyphvae.api import negotiate
from glyphvae.api.context import Running
from glyphvae.api.readiness import Readiness, check_live, check_ready
from glyphvae.errors import NotAcceptable, NotReady, documented
from glyphvae.formats.registry import JSON

HTML = "text/html"
OFFERS = (JSON, HTML)

router = APIRouter()


class Welcome(BaseModel):
    """Links to go on from here."""

    name: Literal["glyphvae"] = "glyphvae"
    version: str
    playground: str = Field("/playground", description="The models, to play with in a browser.")
    docs: str = Field("/docs", description="Every endpoint, to try out.")
    openapi: str = Field("/openapi.json", description="The same for machines.")
    models: str = Field("/models", description="What is served.")
    example: str = Field("/generate?label=J", description="The first thing to try.")


class Health(BaseModel):
    """The state of the process."""

    status: Literal["live"] = "live"


@router.get(
    "/",
    summary="Where to start",
    response_model=Welcome,
    responses={307: {"description": "To the playground, for browsers."}, **documented(NotAcceptable)},
)
async def welcome(request: Request) -> Response:
    """Point to the playground and the documentation; a browser is sent to the playground."""
    root, headers = request.scope.get("root_path", ""), {"Vary": "Accept", "Cache-Control": "no-store"}
    if negotiate.choose(", ".join(request.headers.getlist("accept")), OFFERS) == HTML:
        # Relative, so that it holds behind a proxy that serves this under a path that nobody tells.
        return RedirectResponse(f"{root}/playground" if root else "playground", headers=headers)
    links = Welcome(version=__version__).model_dump()
    below_root = {name: f"{root}{value}" if value.startswith("/") else value for name, value in links.items()}
    return Response(Welcome(**below_root).model_dump_json(), headers=headers, media_type=JSON)


@router.get("/livez", summary="Is the process alive?", responses=documented(NotReady))
async def live(context: Running) -> Health:
    """Answer at once; 503 only where a thread hangs and nothing but a new start helps."""
    check_live(context)
    return Health()


@router.get("/readyz", summary="Can it answer?", responses=documented(NotReady))
async def ready(context: Running) -> Readiness:
    """Run every loaded model once; 503 where one fails, where nothing moves, and before the process ends."""
    return check_ready(context)
