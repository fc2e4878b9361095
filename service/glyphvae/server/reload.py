"""Reloading: swap models without dropping requests."""

import logging
from collections.abc import Callable

from glyphvae.api.context import Context
from glyphvae.errors import ReloadRefused, StartError
from glyphvae.memory import trim
from glyphvae.models.registry import Registry, load_registry
from glyphvae.server.listener import check_certificate

logger = logging.getLogger("glyphvae")


def _nothing() -> None:
    """Do nothing: a single process has no others to tell, and one without TLS no certificate."""


class Reloader:
    """Replaces the models that serve by those that are in the repository now.

    Args:
        context: The state of the service.
        tell_others: Called after models were loaded on demand, so that other processes load them too.
        renew_certificate: Has connections from now on use the certificate that is in its file.
    """

    def __init__(
        self,
        context: Context,
        tell_others: Callable[[], None] = _nothing,
        renew_certificate: Callable[[], None] = _nothing,
    ) -> None:
        self._context = context
        self._tell_others = tell_others
        self._renew_certificate = renew_certificate

    def reload(self) -> Registry:
        """Read, verify, build and run the new models, and only then let them serve; takes as long as a start.

        Requests that have begun keep the old models to their end. The certificate is read anew, too.

        Raises:
            ReloadRefused: The certificate or a new model is broken, or another reload is under way; the old stay.
        """
        changing = self._context.changing
        if not changing.acquire(blocking=False):
            raise ReloadRefused("Another reload is under way.")
        refused: ReloadRefused | None = None
        registry = self._context.registry
        try:
            check_certificate(self._context.settings)  # what reads a broken one would be left with half of it
            self._renew_certificate()
            # Those in use are built too: no request shall wait because of a reload.
            registry = load_registry(self._context.settings, also=registry.loaded, unloaded=registry.unloaded)
            self._context.registry = registry
        except StartError as error:
            logger.error("the new models are refused, the old ones serve on: %s", error)  # noqa: TRY400
            refused = ReloadRefused(f"{error}; the old models serve on.")
        finally:
            changing.release()
        # Here the old models have gone, or the refused ones, unless requests hold them: nothing that refers to itself
        # keeps them for the collector, and no error that is being handled keeps the frames that loaded them.
        trim()
        if refused is not None:
            raise refused
        logger.info("reloaded: %s", ", ".join(model.title for model in registry.models.values()))
        return registry

    def reload_all(self) -> Registry:
        """Reload here first, and then in every other process.

        Raises:
            ReloadRefused: As for `reload`; the other processes were not told.
        """
        registry = self.reload()
        self._tell_others()
        return registry
