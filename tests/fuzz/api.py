"""`python -m tests.fuzz.api [CASES]`: valid and invalid requests to every route, each answer held to the OpenAPI.

`test_api.py` runs a few of the same.
"""

import io
import sys
import tempfile
import warnings
from http import HTTPStatus
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from PIL import Image
from schemathesis import Case, CheckContext, GenerationMode, Response
from schemathesis.checks import CHECKS
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from starlette.types import ASGIApp

from glyphvae.api.context import Context
from glyphvae.application import create_app
from glyphvae.models.registry import load_registry
from glyphvae.settings import Settings
from glyphvae.web.front import TIMEOUT_HEADER
from tests.known_model import write_model

Operation = APIOperation[Any, Any, Any, Any]

NAMES = (
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
SIDES = st.integers(1, 40)


def no_fault(_: CheckContext, response: Response, case: Case[Any]) -> bool | None:
    """No 5xx, but the one that a caller can ask for: 503 after the time that its header allows."""
    asked = response.status_code == HTTPStatus.SERVICE_UNAVAILABLE and TIMEOUT_HEADER in (case.headers or {})
    assert asked or response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR, response.content
    return None


def _png(levels: bytes, width: int, height: int, kind: str = "PNG") -> bytes:
    pixels = np.resize(np.frombuffer(levels, np.uint8), (height, width))
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def _npy(levels: bytes, count: int, height: int, width: int) -> bytes:
    file = io.BytesIO()
    np.save(file, np.resize(np.frombuffer(levels, np.uint8), (count, height, width)))
    return file.getvalue()


LEVELS = st.binary(min_size=1, max_size=64)
ARRAYS = st.builds(_npy, LEVELS, st.integers(1, 3), SIDES, SIDES)
BODIES = {
    "image/png": st.builds(_png, LEVELS, SIDES, SIDES),
    "image/jpeg": st.builds(_png, LEVELS, SIDES, SIDES, st.just("JPEG")),
    "image/webp": st.builds(_png, LEVELS, SIDES, SIDES, st.just("WEBP")),
    "application/x-npy": ARRAYS,
    "application/octet-stream": ARRAYS | st.binary(max_size=64),
}


def build(repository: Path) -> ASGIApp:
    """The application over the known models, with limits that keep every answer small."""
    own = Settings(
        models=repository,
        default_model="cvae",
        device="cpu",
        max_samples=100,
        max_dataset=100,
        max_output_pixels=300_000,
        max_images=8,
        max_text_length=200,
        request_timeout=60,
    )
    return create_app(Context(own, load_registry(own)))


def operations(app: ASGIApp) -> list[Operation]:
    """Every operation of the application's own document."""
    for media, strategy in BODIES.items():
        schemathesis.openapi.media_type(media, strategy)
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    found = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert len(found) == sum(len(path) for path in schema.raw_schema["paths"].values())
    return found


def check(operation: Operation, cases: int) -> int:
    """Send `cases` requests, half of them valid by the document, always the same ones.

    Returns:
        How many there were: a route without parameters knows only a few.

    Raises:
        schemathesis.FailureGroup: An answer is a fault of the service, or none that the document has.
    """
    sent = 0
    checks: Any = [no_fault, *CHECKS.get_by_names(NAMES)]
    valid, wrong = (operation.as_strategy(generation_mode=mode) for mode in GenerationMode)

    @seed(0)
    @settings(
        max_examples=cases,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(valid | wrong)
    def send(case: Case[Any]) -> None:
        nonlocal sent
        sent += 1
        case.call_and_validate(checks=checks)

    send()
    return sent


def main() -> None:
    """Check every route."""
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        write_model(Path(folder), "cvae")
        write_model(Path(folder), "vae", conditional=False)
        for operation in operations(build(Path(folder))):
            began = perf_counter()
            sent = check(operation, cases)
            print(f"{operation.label}: {sent} cases, {perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
