"""Whether this process can answer, and whether it would help to start it anew."""

from time import monotonic
from typing import Literal

from pydantic import BaseModel, Field

from glyphvae.api.context import Context
from glyphvae.errors import NotReady
from glyphvae.models.providers import Device

RETRY = {"Retry-After": "5"}


class Readiness(BaseModel):
    """What is served, and where it runs."""

    status: Literal["ready"] = "ready"
    models: dict[str, Device] = Field(description="The models that are loaded, and where each runs.")
    degraded: list[str] = Field(description="Those that run on the CPU because a GPU failed.")


def check_live(context: Context) -> None:
    """Nothing but numbers are compared, so that any thread may ask at any time.

    Raises:
        NotReady: A thread, or the event loop, has not moved for `stalled_after` seconds: only a new start helps.
    """
    stalls = {
        "The queue of large calls": context.engine.worker.stalled(),
        "The queue of uploads and pictures": context.threads.stalled(),
        "The event loop": monotonic() - context.beat if context.beat else 0.0,
    }
    name, seconds = max(stalls.items(), key=lambda stall: stall[1])
    if seconds > context.settings.stalled_after:
        raise NotReady(f"{name} has not moved for {seconds:.0f} seconds.", headers=RETRY)


def check_ready(context: Context) -> Readiness:
    """Run every loaded model once.

    Raises:
        NotReady: A model does not run, nothing moves, or the process is about to end.
    """
    if context.draining:
        raise NotReady("The service is about to end.", headers=RETRY)
    check_live(context)
    context.engine.check()
    models = context.engine.loaded
    return Readiness(
        models={name: model.device for name, model in models.items()},
        degraded=[name for name, model in models.items() if model.sessions.degraded],
    )
