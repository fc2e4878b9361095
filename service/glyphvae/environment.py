"""Warnings of `GLYPHVAE_*` environment variables that have no effect."""

import logging
import os
import re

from glyphvae.settings import LINK, PREFIX, Settings

logger = logging.getLogger("glyphvae")

# Of commands, of training, and of the tests and examples.
OTHERS = frozenset({"KEY", "CACHE", "TEST_DATA", "URL"})
# Settings of the process and its connections, which only `glyphvae serve` has.
SERVER = frozenset({
    "host",
    "port",
    "unix_socket",
    "tls_cert",
    "tls_key",
    "trusted_proxies",
    "workers",
    "receive_timeout",
    "max_connections",
    "drain_seconds",
    "grace_seconds",
    "admin_port",
    "admin_host",
    "grpc_port",
    "log_level",
})  # fmt: skip
# What Kubernetes puts into each container for a Service whose name begins with `glyphvae`, besides values as LINK:
# https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables.
_INJECTED = re.compile(
    rf"{PREFIX}(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)


def warn_of_unknown() -> None:
    """Warn of variables that are no settings, such as misspelt ones."""
    known = {f"{PREFIX}{name.upper()}" for name in {*Settings.model_fields, *OTHERS}}
    for name, value in sorted(os.environ.items()):
        upper = name.upper()
        injected = LINK.match(value) or _INJECTED.fullmatch(upper)
        if upper.startswith(PREFIX) and upper not in known and not injected:
            logger.warning("%s is not a setting and has no effect%s", name, _suggestion(upper, known))


def _suggestion(name: str, known: set[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 (rarely needed)

    return "".join(f"; did you mean {match}?" for match in get_close_matches(name, known, n=1, cutoff=0.8))


def warn_of_other_server(settings: Settings) -> None:
    """Warn of settings that have no effect in an application that another server than `glyphvae serve` runs."""
    names = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields if name in settings.model_fields_set & SERVER]
    if names:
        logger.warning("without effect, because only `glyphvae serve` has these settings: %s", ", ".join(names))
