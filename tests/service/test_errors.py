import subprocess
import sys
from http import HTTPStatus
from pathlib import Path

import orjson
import pytest

from glyphvae import errors
from glyphvae.errors import (
    MEDIA_TYPE,
    GlyphvaeError,
    InvalidField,
    InvalidParameter,
    NotReady,
    Problem,
    ProblemBody,
    StartError,
    UnknownModel,
    documented,
    markdown,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "errors.md"
PROBLEMS = Problem.__subclasses__()


@pytest.mark.parametrize("problem", PROBLEMS)
def test_every_problem_states_what_it_is(problem: type[Problem]) -> None:
    response = problem(problem.example).response()
    assert response.status_code == problem.status >= HTTPStatus.BAD_REQUEST
    assert response.media_type == MEDIA_TYPE
    assert orjson.loads(response.body) == {
        "type": f"urn:glyphvae:problem:{problem.slug}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.example,
    }


def test_no_two_problems_are_the_same_kind() -> None:
    assert len({problem.slug for problem in PROBLEMS}) == len({problem.title for problem in PROBLEMS}) == len(PROBLEMS)


def test_the_module_opens_with_its_tree() -> None:
    tree = (errors.__doc__ or "").splitlines()
    assert any("── StartError " in line for line in tree)
    for problem in PROBLEMS:
        (line,) = [line for line in tree if f"── {problem.__name__} " in line]
        assert f" {problem.status}  " in line


def test_refused_values_are_listed() -> None:
    fields = [
        InvalidField(field="query.n", detail="is 0", allowed="at least 1"),
        InvalidField(field="query.z", detail="is text"),
    ]
    body = orjson.loads(InvalidParameter("two", fields).response().body)
    assert body["errors"] == [
        {"field": "query.n", "detail": "is 0", "allowed": "at least 1"},
        {"field": "query.z", "detail": "is text"},
    ]


def test_a_single_refused_value_is_also_the_detail() -> None:
    body = InvalidParameter.of("query.n", "is 0", "at least 1").body()
    assert body.detail == "query.n: is 0"
    assert body.errors == [InvalidField(field="query.n", detail="is 0", allowed="at least 1")]


def test_headers_are_answered() -> None:
    assert NotReady("later", headers={"Retry-After": "5"}).response().headers["retry-after"] == "5"


def test_all_errors_have_one_base() -> None:
    assert issubclass(StartError, GlyphvaeError)
    assert all(issubclass(problem, GlyphvaeError) for problem in PROBLEMS)


def test_problems_of_one_status_are_documented_together() -> None:
    responses = documented(errors.NotFound, UnknownModel, NotReady)
    assert list(responses) == [404, 503]
    examples = responses[404]["content"][MEDIA_TYPE]["examples"]
    assert list(examples) == ["not-found", "unknown-model"]
    assert ProblemBody.model_validate(examples["unknown-model"]["value"]).detail == UnknownModel.example


def test_the_document_is_that_of_the_code() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == markdown(), "run `make openapi`"


def test_every_problem_is_in_the_document() -> None:
    rows = markdown().splitlines()
    for problem in PROBLEMS:
        (row,) = [row for row in rows if f"`{problem.urn()}`" in row]
        for fact in (f"| {int(problem.status)} |", problem.title, problem.example):
            assert fact in row


def test_the_document_is_written_by_a_command(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "glyphvae.errors", tmp_path / "errors.md"], check=True)
    assert (tmp_path / "errors.md").read_text(encoding="utf-8") == markdown()
