"""Fonts of the shipped model, each built once."""

import json
from collections.abc import Callable
from functools import cache

import pytest

from glyphvae.api.context import Context
from glyphvae.api.head import RequestHead, RequestHeaders
from glyphvae.api.responses import Body
from glyphvae.models.registry import load_registry
from glyphvae.operations.font import MakeFont
from glyphvae.scheduling.steps import run_now
from glyphvae.settings import SHIPPED_MODELS, Settings

# The kind of a file, the seed of a hand, and the variation of alternates.
Fonts = Callable[[str, int, float], bytes]


@pytest.fixture(scope="session")
def shipped() -> Context:
    settings = Settings(models=SHIPPED_MODELS, default_model="pen", device="cpu")
    return Context(settings, load_registry(settings))


@pytest.fixture(scope="session")
def fonts(shipped: Context) -> Fonts:
    operation = MakeFont(shipped)

    @cache
    def build(kind: str, seed: int, variation: float) -> bytes:
        head = RequestHead("POST", "/font", b"", RequestHeaders([(b"accept", f"font/{kind}".encode())]))
        body = json.dumps({"family": "A Hand", "seed": seed, "variation": variation}).encode()
        return run_now(operation.run(operation.plan(head), Body(body, "application/json"))).content

    return build
