"""Other models, without a request that notices."""

import gc
import logging
from collections.abc import Callable
from threading import Lock

from glyphvae.api.context import Context
from glyphvae.errors import ReloadRefused, StartError
from glyphvae.models.registry import Engine, load_engine

logger = logging.getLogger("glyphvae")


def _nothing() -> None:
    """A single process has nobody to tell."""


class Reloader:
    """Puts the models that are in the repository now in the place of those that serve.

    Args:
        context: Where they serve.
        tell_others: Called after models were loaded on demand, so that other processes load them too.
    """

    def __init__(self, context: Context, tell_others: Callable[[], None] = _nothing) -> None:
        self._context = context
        self._tell_others = tell_others
        self._lock = Lock()

    def reload(self) -> Engine:
        """Read, verify, build and run the new models, and only then let them serve; takes as long as a start.

        Requests that have begun keep the old models to their end.

        Raises:
            ReloadRefused: A new model is broken, or another reload is under way; the old models serve on.
        """
        if not self._lock.acquire(blocking=False):
            raise ReloadRefused("Another reload is under way.")
        try:
            # Those in use are built too: nobody shall wait because of a reload.
            engine = load_engine(self._context.settings, also=self._context.engine.loaded)
        except StartError as error:
            logger.error("the new models are refused, the old ones serve on: %s", error)  # noqa: TRY400
            raise ReloadRefused(f"{error}; the old models serve on.") from None
        finally:
            self._lock.release()
        engine.report_to(self._context.telemetry)
        self._context.engine = engine
        # What was there at the start is passed over by the collector (`glyphvae.startup`), and the old models are of that.
        gc.unfreeze()
        logger.info("reloaded: %s", ", ".join(model.title for model in engine.models.values()))
        return engine

    def reload_all(self) -> Engine:
        """As `reload`, here first, and then in every other process.

        Raises:
            ReloadRefused: As `reload`; the others were not told.
        """
        engine = self.reload()
        self._tell_others()
        return engine
