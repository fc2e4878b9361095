"""What every request handler needs: the settings and the loaded models."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from service.engine import Engine
from service.settings import Settings


@dataclass(frozen=True)
class Context:
    """The state of the running service."""

    settings: Settings
    engine: Engine


def context_of(request: Request) -> Context:
    """The context that `create_app` put in the application."""
    context: Context = request.app.state.context
    return context


Running = Annotated[Context, Depends(context_of)]
