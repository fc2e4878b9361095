"""The state of the running service."""

from dataclasses import dataclass, field
from threading import Lock
from typing import Annotated

from fastapi import Depends, Request

from glyphvae.models.registry import Registry
from glyphvae.observability.log_writer import STDERR
from glyphvae.observability.telemetry import Telemetry
from glyphvae.scheduling.outbox import Outbox
from glyphvae.scheduling.scheduler import Scheduler
from glyphvae.scheduling.worker_pool import WorkerPool
from glyphvae.settings import Settings

# Two, so that one large picture does not keep a small upload waiting. More would only compete for the same core.
THREADS = 2


@dataclass
class Context:
    """The state of the running service.

    Attributes:
        settings: The settings that it was started with.
        registry: The loaded models. Another registry takes its place when models are reloaded, so nothing keeps a
            reference to it across requests.
        telemetry: The counts of this process.
        draining: Whether the process is about to end: it finishes the requests it has, and wants no more.
        beat: When the event loop last moved, by the monotonic clock; None where nothing watches it.
        changing: Held while models are reloaded, loaded or unloaded.
        threads: Threads that decode uploads and draw large pictures; their queue is counted in units of work.
        outbox: Counts the bytes of responses that wait to be read.
        scheduler: Runs the programs of all requests.
    """

    settings: Settings
    registry: Registry
    telemetry: Telemetry = field(default_factory=Telemetry)
    draining: bool = False
    beat: float | None = None
    changing: Lock = field(default_factory=Lock)
    threads: WorkerPool = field(init=False)
    outbox: Outbox = field(init=False)
    scheduler: Scheduler = field(init=False)

    def __post_init__(self) -> None:
        settings = self.settings
        self.telemetry.dropped = lambda: STDERR.dropped
        self.threads = WorkerPool("bytes", settings.max_queued_bytes, THREADS, settings.max_held_bytes)
        self.outbox = Outbox(settings.max_unsent_bytes)
        self.scheduler = Scheduler(
            self.telemetry, self.threads, settings.max_queued_requests, settings.request_timeout / 2
        )

    @property
    def pressed(self) -> bool:
        """Return whether half of the memory for bodies or for responses is taken."""
        return self.outbox.pressed or self.threads.queued * 2 > self.settings.max_queued_bytes


async def context_of(request: Request) -> Context:
    """Return the application's context; a coroutine, because FastAPI would call a function in a thread."""
    context: Context = request.app.state.context
    return context


Running = Annotated[Context, Depends(context_of)]
