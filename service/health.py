"""`GET /`, `GET /livez` and `GET /readyz`."""

from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from service import __version__, negotiate
from service.context import Running
from service.errors import NotAcceptable, NotReady, documented

HTML = "text/html"
OFFERS = (negotiate.JSON, HTML)

router = APIRouter()


class Welcome(BaseModel):
    """Where to go from here."""

    name: Literal["glyphvae"] = "glyphvae"
    version: str
    playground: str = Field("/playground", description="The models, to play with in a browser.")
    docs: str = Field("/docs", description="Every endpoint, to try out.")
    openapi: str = Field("/openapi.json", description="The same for machines.")
    models: str = Field("/models", description="What is served.")
    example: str = Field(description="The first thing to try.")


class Health(BaseModel):
    """The process, or what it serves, works."""

    status: Literal["live", "ready"]


@router.get(
    "/",
    summary="Where to start",
    response_model=Welcome,
    responses={307: {"description": "To the playground, for browsers."}, **documented(NotAcceptable)},
)
async def welcome(request: Request) -> Response:
    """Points to the playground and the documentation; a browser is sent to the playground."""
    vary = {"Vary": "Accept"}
    if negotiate.choose_for(request, OFFERS) == HTML:
        # Relative, so that it holds behind a proxy that serves this under a path of its own.
        return RedirectResponse("playground", headers=vary)
    example = f"curl -X POST '{request.base_url}generate?label=J' -o j.png"
    content = Welcome(version=__version__, example=example).model_dump_json()
    return Response(content, headers=vary, media_type=negotiate.JSON)


@router.get("/livez", summary="Is the process alive?")
async def live() -> Health:
    """Answers as long as the process handles requests at all."""
    return Health(status="live")


@router.get("/readyz", summary="Can it answer?", responses=documented(NotReady))
async def ready(context: Running) -> Health:
    """Runs every model once, and answers 503 where one fails."""
    context.engine.check()
    return Health(status="ready")
