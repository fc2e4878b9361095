"""`GET /`, `GET /livez` and `GET /readyz`."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from service import __version__
from service.context import Running
from service.errors import NotReady, documented

router = APIRouter()


class Welcome(BaseModel):
    """Where to go from here."""

    name: Literal["glyphvae"] = "glyphvae"
    version: str
    docs: str = Field("/docs", description="Every endpoint, to try out.")
    openapi: str = Field("/openapi.json", description="The same for machines.")
    models: str = Field("/models", description="What is served.")
    example: str = Field("curl -X POST '/generate?label=J' -o j.png", description="The first thing to try.")


class Health(BaseModel):
    """The process, or what it serves, works."""

    status: Literal["live", "ready"]


@router.get("/", summary="Where to start")
async def welcome() -> Welcome:
    """Points to the documentation."""
    return Welcome(version=__version__)


@router.get("/livez", summary="Is the process alive?")
async def live() -> Health:
    """Answers as long as the process handles requests at all."""
    return Health(status="live")


@router.get("/readyz", summary="Can it answer?", responses=documented(NotReady))
async def ready(context: Running) -> Health:
    """Runs every model once, and answers 503 where one fails."""
    context.engine.check()
    return Health(status="ready")
