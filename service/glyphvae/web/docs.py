"""`GET /docs`: a page that lists every endpoint, to try out; and `GET /openapi.json`, which it reads.

The page is Swagger UI. Its files lie unchanged in `docs_page`, with their licences, as npm's package `swagger-ui-dist`
holds them, so that the page needs nothing but this service. They are large, so they are read when first asked for.
"""

from functools import cache

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from glyphvae.api.head import path_of
from glyphvae.errors import NotFound
from glyphvae.web.playground import FOLDER as PLAYGROUND
from glyphvae.web.playground import INDEX, File, answer, read
from glyphvae.wording import quoted

# The release of swagger-ui-dist.
VERSION = "5.35.0"
FOLDER = PLAYGROUND.with_name("docs_page")
NAMES = frozenset(path.name for path in FOLDER.iterdir())

# Icons of the style sheet are `data:`, pictures that an endpoint drew `blob:`.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

router = APIRouter(include_in_schema=False)


@router.api_route("/docs", methods=["GET", "HEAD"])
async def page(request: Request) -> Response:
    """Answer with the page."""
    return answer(request, _file(INDEX), CONTENT_SECURITY_POLICY)


@router.api_route("/docs/{name:path}", methods=["GET", "HEAD"])
async def file(request: Request, name: str) -> Response:
    """Answer with a file of the page."""
    if not name:
        # The page's links are relative to /docs.
        return RedirectResponse("../docs", 308)
    if name not in NAMES:
        raise NotFound(f"There is nothing at {quoted(path_of(request.scope))}; the page is at /docs.")
    return answer(request, _file(name), CONTENT_SECURITY_POLICY)


@router.get("/openapi.json")
async def document(request: Request) -> Response:
    """Answer with the OpenAPI document, whose server is below the path that the request came by."""
    described = request.app.openapi()
    (server,) = described["servers"]
    return JSONResponse({**described, "servers": [{**server, "url": request.scope.get("root_path") or "/"}]})


@cache
def _file(name: str) -> File:
    return read(FOLDER / name)
