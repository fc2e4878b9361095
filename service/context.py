"""What every request handler needs: the settings and the loaded models."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from service.engine import Engine
from service.settings import Settings
from service.telemetry import Telemetry


@dataclass
class Context:
    """The state of the running service.

    Attributes:
        settings: As it was started.
        engine: The loaded models; another engine takes its place when models are reloaded, so nobody keeps a reference
            to it across requests.
        telemetry: What it counts.
    """

    settings: Settings
    engine: Engine
    telemetry: Telemetry = field(default_factory=Telemetry)


def context_of(request: Request) -> Context:
    """The context that `create_app` put in the application."""
    context: Context = request.app.state.context
    return context


Running = Annotated[Context, Depends(context_of)]
