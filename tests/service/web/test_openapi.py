import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.openapi.models import OpenAPI
from fastapi.routing import iter_route_contexts

from glyphvae.application import Application, create_app
from glyphvae.errors import MEDIA_TYPE, Problem, ProblemBody
from glyphvae.settings import SHIPPED_MODELS
from glyphvae.web.openapi import serialise
from tests.service.support import caller, context_of, image_file

FILE = Path(__file__).parents[3] / "docs" / "openapi.json"
DOCUMENT = Application(None).openapi()
OPERATIONS = {
    f"{method} {path}": operation for path, item in DOCUMENT["paths"].items() for method, operation in item.items()
}


@pytest.fixture
def client(handed: httpx.AsyncClient) -> httpx.AsyncClient:
    """Return a client of a model that every operation can be asked of."""
    return handed


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(target := node.get("$ref"), str):
            yield target
        for child in node.values():
            yield from references(child)
    elif isinstance(node, list):
        for child in node:
            yield from references(child)


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """The component that `schema` refers to, or itself."""
    name = schema.get("$ref", "").removeprefix("#/components/schemas/")
    component: dict[str, Any] = DOCUMENT["components"]["schemas"][name] if name else schema
    return component


def test_the_committed_document_is_that_of_the_code() -> None:
    assert FILE.read_text(encoding="utf-8") == serialise(Application(None)), "run `make openapi`"


async def test_the_service_answers_the_same_document(client: httpx.AsyncClient) -> None:
    assert (await client.get("/openapi.json")).json() == json.loads(FILE.read_text(encoding="utf-8"))


def test_the_document_is_written_by_a_command_that_needs_no_models(tmp_path: Path) -> None:
    file = tmp_path / "openapi.json"
    nowhere = os.environ | {"GLYPHVAE_MODELS": str(tmp_path / "nowhere")}
    subprocess.run([sys.executable, "-m", "glyphvae.application", file], check=True, env=nowhere)
    assert file.read_text(encoding="utf-8") == serialise(Application(None))


def test_the_document_is_openapi() -> None:
    OpenAPI.model_validate(DOCUMENT)
    assert DOCUMENT["openapi"].startswith("3.1.")
    targets = set(references(DOCUMENT))
    assert targets == {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(names)) == len(names)
    assert {"generate", "encode", "render_text", "list_models"} <= set(names)


def test_every_route_is_documented(app: FastAPI) -> None:
    routes = [route for route in iter_route_contexts(app.routes) if route.include_in_schema]
    served = {f"{method.lower()} {route.path}" for route in routes for method in route.methods or ()}
    assert served == set(OPERATIONS)
    for operation in OPERATIONS.values():
        assert operation["summary"]
        assert operation["description"]


def test_every_value_is_described() -> None:
    for name, operation in OPERATIONS.items():
        for parameter in operation.get("parameters", []):
            assert parameter.get("description"), f"{name}: {parameter['name']}"
            assert parameter["schema"]
    body = resolved({"$ref": "#/components/schemas/RenderText"})
    for name, value in body["properties"].items():
        assert value.get("description"), name


def test_every_answer_that_is_json_has_its_schema() -> None:
    for operation in OPERATIONS.values():
        content = operation["responses"]["200"]["content"]
        schema = content.get("application/json", {}).get("schema")
        if schema is None:
            assert all(body["schema"]["format"] == "binary" for body in content.values())
        else:
            described = schema if schema.get("type") == "array" else resolved(schema)
            assert described.get("properties") or "array" in described.values() or not described["additionalProperties"]


def test_every_error_is_documented_with_examples() -> None:
    kinds = {problem.urn(): problem for problem in Problem.__subclasses__()}
    for name, operation in OPERATIONS.items():
        errors = {status: response for status, response in operation["responses"].items() if int(status) >= 400}
        assert "500" in errors, name
        for status, response in errors.items():
            if " /v2" in name:
                assert resolved(response["content"]["application/json"]["schema"])["required"] == ["error"]
                continue
            content = response["content"][MEDIA_TYPE]
            assert resolved(content["schema"]) == DOCUMENT["components"]["schemas"]["ProblemBody"]
            for example in content["examples"].values():
                body = ProblemBody.model_validate(example["value"])
                assert str(body.status) == status == str(int(kinds[body.type].status))
    assert "HTTPValidationError" not in DOCUMENT["components"]["schemas"]


@pytest.mark.parametrize("name", OPERATIONS)
async def test_examples_can_be_pasted(client: httpx.AsyncClient, name: str) -> None:
    """Every example at once: those of the parameters, and each of the body."""
    method, path = name.split()
    operation = OPERATIONS[name]
    query: dict[str, Any] = {}
    for parameter in operation.get("parameters", []):
        examples = parameter["schema"].get("examples", [])
        if examples and parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", examples[0])
        elif examples:
            query[parameter["name"]] = examples[0]
    # The known models draw no strokes, so they make no fonts.
    strokes = create_app(context_of(SHIPPED_MODELS, default_model="pen", request_timeout=60))
    async with caller(strokes) as drawing:
        for body in bodies(operation):
            response = await (drawing if path == "/font" else client).request(method, path, params=query, **body)
            # Models are loaded and unloaded where a setting allows it.
            expected = 403 if path.startswith("/v2/repository/models") else 200
            assert response.status_code == expected, response.text


def bodies(operation: dict[str, Any]) -> list[dict[str, Any]]:
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" in content:
        examples = resolved(content["application/json"]["schema"]).get("examples")
        assert examples
        return [{"json": example} for example in examples]
    if operation.get("requestBody", {}).get("required"):
        drawing = np.full((30, 30), 255, dtype=np.uint8)
        drawing[5:25, 12:18] = 0
        return [{"content": image_file(drawing)}]
    return [{}]


def test_fields_with_defaults_are_optional() -> None:
    """Generators for TypeScript require a field that has a `default`, or may do so."""
    for name, component in DOCUMENT["components"]["schemas"].items():
        for field, schema in component.get("properties", {}).items():
            assert "default" not in schema, f"{name}.{field}"
    scale = DOCUMENT["components"]["schemas"]["RenderText"]["properties"]["scale"]
    assert scale["description"].endswith(" Default: `2`.")
    assert DOCUMENT["components"]["schemas"]["RenderText"]["required"] == ["text"]


def test_a_parameter_is_left_out_rather_than_null() -> None:
    for name, operation in OPERATIONS.items():
        for parameter in operation["parameters"]:
            assert "null" not in json.dumps(parameter["schema"]), f"{name}: {parameter['name']}"


def test_files_of_a_form_come_first_where_a_body_may_be_both() -> None:
    bodies = {
        name: [*operation["requestBody"]["content"]]
        for name, operation in OPERATIONS.items()
        if "requestBody" in operation
    }
    assert [name for name, kinds in bodies.items() if "multipart/form-data" in kinds[1:]] == []
    assert bodies["post /encode"][:2] == ["multipart/form-data", "image/png"]


def test_pictures_in_json_are_described_but_no_kind_of_a_body() -> None:
    """Some generators would make clients that send JSON and no files."""
    for name in ("encode", "reconstruct", "interpolate", "hand"):
        body = OPERATIONS[f"post /{name}"]["requestBody"]
        assert '`{"image": "data:image/png;base64,..."}` or `{"images": [...]}`' in body["description"]
        assert "application/json" not in body["content"]


def test_the_document_names_its_server() -> None:
    assert DOCUMENT["servers"] == [{"url": "/", "description": "The service that this document comes from."}]


def test_the_document_is_made_once() -> None:
    app = Application(None)
    assert app.openapi() is app.openapi()
