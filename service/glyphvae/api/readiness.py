"""Checks of whether this process can answer, and whether it would help to start it anew."""

from time import monotonic
from typing import Literal

from pydantic import BaseModel, Field

from glyphvae.api.context import Context
from glyphvae.errors import NotReady
from glyphvae.models.providers import Device

RETRY = {"Retry-After": "5"}


class Readiness(BaseModel):
    """The models that are served, and where they run."""

    status: Literal["ready"] = "ready"
    models: dict[str, Device] = Field(description="The models that are loaded, and where each runs.")
    degraded: list[str] = Field(description="Those that run on the CPU because a GPU failed.")


def check_live(context: Context) -> None:
    """Check that threads and event loop move; only numbers are compared, so any thread may call it.

    Raises:
        NotReady: A thread, or the event loop, has not moved for `stalled_after` seconds: only a new start helps.
    """
    stalls = {
        "The queue of large calls": context.registry.pool.stalled(),
        "The queue of uploads and pictures": context.threads.stalled(),
        "The event loop": monotonic() - context.beat if context.beat else 0.0,
    }
    name, seconds = max(stalls.items(), key=lambda stall: stall[1])
    if seconds > context.settings.stalled_after:
        raise NotReady(f"{name} has not moved for {seconds:.0f} seconds.", headers=RETRY)


def check_ready(context: Context) -> Readiness:
    """Check that every loaded model runs.

    Raises:
        NotReady: A model does not run, nothing moves, or the process is about to end.
    """
    if context.draining:
        raise NotReady("The service is about to end.", headers=RETRY)
    check_live(context)
    context.registry.check()
    models = context.registry.loaded
    return Readiness(
        models={name: model.device for name, model in models.items()},
        degraded=[name for name, model in models.items() if model.sessions.degraded],
    )
