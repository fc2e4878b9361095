"""The OpenAPI document, with the parts that FastAPI cannot derive.

`python -m glyphvae.application FILE` writes docs/openapi.json.
"""

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from glyphvae import errors
from glyphvae.errors import Problem, ProblemBody, documented
from glyphvae.formats.registry import JSON
from glyphvae.kserve.described import MODELS, InferenceError
from glyphvae.operations.encode import Encodings
from glyphvae.operations.generate import Samples
from glyphvae.operations.hand import FoundHand
from glyphvae.operations.read import ReadText
from glyphvae.operations.reconstruct import Reconstructions
from glyphvae.operations.render_text import RenderedText
from glyphvae.operations.sequence import Steps
from glyphvae.web.front import TIMEOUT_HEADER

# Bodies that operations build without pydantic, for speed, are described here all the same.
_DESCRIBED: tuple[type[BaseModel], ...] = (
    ProblemBody,
    Samples,
    Encodings,
    Reconstructions,
    ReadText,
    FoundHand,
    RenderedText,
    Steps,
    *MODELS,
)
# Problems that any route can answer with.
_ANYWHERE = (
    errors.MalformedRequest,
    errors.Unauthorized,
    errors.Forbidden,
    errors.AddressTooLong,
    errors.TooManyRequests,
    errors.HeadersTooLarge,
    errors.InternalError,
)
# Problems that every operation can answer with.
_QUEUED = (errors.Busy, errors.DeadlineExceeded)
_TIMEOUT = {
    "name": TIMEOUT_HEADER,
    "in": "header",
    "required": False,
    "description": "Seconds after which the response is of no use; decimals are allowed, and the setting "
    "`request_timeout` is the most.",
    "schema": {"type": "number", "exclusiveMinimum": 0},
}
_REFERENCE = "#/components/schemas/{model}"


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of `app`, computed once."""
    if app.openapi_schema is None:
        document = FastAPI.openapi(app)
        _, schemas = models_json_schema([(model, "serialization") for model in _DESCRIBED], ref_template=_REFERENCE)
        components = document["components"]["schemas"]
        components |= schemas["$defs"]
        # FastAPI's own error shape, which no response of this service has.
        components.pop("HTTPValidationError", None)
        components.pop("ValidationError", None)
        for name, path in document["paths"].items():
            queued = "post" in path  # only operations answer it
            for operation in path.values():
                operation["responses"] = _responses(operation["responses"], _QUEUED if queued else ())
                if name.startswith("/v2"):
                    operation["responses"] |= _inference_errors(operation["responses"])
                parameters = operation.setdefault("parameters", [])
                parameters += [_TIMEOUT] if queued else []
                for parameter in parameters:
                    parameter["schema"] = _without_null(parameter["schema"])
        for component in components.values():
            _omit_defaults(component)
        document["servers"] = [{"url": "/", "description": "The service that this document comes from."}]
        # Keys are asked for only where the operator has set some, hence the empty alternative.
        document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"key": []}, {}]
        app.openapi_schema = document
    return app.openapi_schema


def serialise(app: FastAPI) -> str:
    """Return the document as docs/openapi.json holds it."""
    return json.dumps(describe(app), indent=2, ensure_ascii=False) + "\n"


def _inference_errors(responses: dict[str, Any]) -> dict[str, Any]:
    """Return the errors among responses in the shape of the Open Inference Protocol."""
    content = {JSON: {"schema": {"$ref": _REFERENCE.format(model=InferenceError.__name__)}}}
    return {
        status: {"description": response["description"], "content": content}
        for status, response in responses.items()
        if int(status) >= HTTPStatus.BAD_REQUEST
    }


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter, which is left out rather than null."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    others = {name: value for name, value in schema.items() if name != "anyOf"}
    return {**kinds[0], **others} if len(kinds) == 1 else schema


def _omit_defaults(component: dict[str, Any]) -> None:
    """Tell the defaults of fields in their descriptions: generators require fields that have a `default`."""
    for field in component.get("properties", {}).values():
        default = field.pop("default", None)
        if default not in (None, []) and "const" not in field:
            field["description"] = f"{field.get('description', '')} Default: `{json.dumps(default)}`.".strip()


def _responses(responses: dict[str, Any], more: Sequence[type[Problem]]) -> dict[str, Any]:
    """Return the responses without FastAPI's own 422, and with the problems that any such operation can come to."""
    kept = {
        status: response
        for status, response in responses.items()
        if status != "422" or "application/json" not in response["content"]
    }
    for status, response in documented(*_ANYWHERE, *more).items():
        known = kept.setdefault(str(status), response)
        for media, content in response["content"].items():
            known["content"][media]["examples"] |= content["examples"]
    return dict(sorted(kept.items()))
