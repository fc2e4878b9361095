"""`GET /`, `GET /livez` and `GET /readyz`."""

from typing import Literal

from fastapi import APIRouter, Request
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
    example: str = Field(description="The first thing to try.")


class Health(BaseModel):
    """The process, or what it serves, works."""

    status: Literal["live", "ready"]


@router.get("/", summary="Where to start")
async def welcome(request: Request) -> Welcome:
    """Points to the documentation."""
    example = f"curl -X POST '{request.base_url}generate?label=J' -o j.png"
    return Welcome(version=__version__, example=example)


@router.get("/livez", summary="Is the process alive?")
async def live() -> Health:
    """Answers as long as the process handles requests at all."""
    return Health(status="live")


@router.get("/readyz", summary="Can it answer?", responses=documented(NotReady))
async def ready(context: Running) -> Health:
    """Runs every model once, and answers 503 where one fails."""
    context.engine.check()
    return Health(status="ready")
