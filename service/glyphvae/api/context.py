"""What every request handler needs: the settings and the loaded models."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from glyphvae.models.registry import Engine
from glyphvae.observability.telemetry import Telemetry
from glyphvae.scheduling.worker_pool import Lane
from glyphvae.settings import Settings

if TYPE_CHECKING:
    from glyphvae.web.express import Express

# Two, so that one large picture does not keep a small upload waiting. More would only compete for the same core.
THREADS = 2


@dataclass
class Context:
    """The state of the running service.

    Attributes:
        settings: As it was started.
        engine: The loaded models; another engine takes its place when models are reloaded, so nobody keeps a reference
            to it across requests.
        telemetry: What it counts.
        draining: Whether the process is about to end: it finishes what it has, and wants no more.
        beat: When the event loop last moved, by the monotonic clock; None where nobody watches it.
        threads: Where uploads are decoded and large pictures made, counted in bytes and pixels.
        express: Answers the plainest requests for the server's own connections; None where it cannot.
    """

    settings: Settings
    engine: Engine
    telemetry: Telemetry = field(default_factory=Telemetry)
    draining: bool = False
    beat: float | None = None
    threads: Lane = field(init=False)
    express: "Express | None" = None

    def __post_init__(self) -> None:
        self.threads = Lane("bytes", self.settings.max_queued_bytes, THREADS)
        self.engine.report_to(self.telemetry)


async def context_of(request: Request) -> Context:
    """The context that `create_app` put in the application; a coroutine, or FastAPI would ask a thread for it."""
    context: Context = request.app.state.context
    return context


Running = Annotated[Context, Depends(context_of)]
