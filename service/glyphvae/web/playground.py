"""`GET /playground`: a page to play with the models, and its files.

The page knows no more than the public API. Its files are part of the package and are read once, at import.
"""

from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from glyphvae.api.head import path_of
from glyphvae.api.validators import is_known, tag_of
from glyphvae.errors import NotFound
from glyphvae.wording import quoted

FOLDER = Path(__file__).with_name("playground_page")
INDEX = "index.html"

# The page gets scripts, styles, fonts and answers from its own origin alone; `blob:` is a picture the page was
# answered or is sent. Nothing is inline, nothing frames it, and it has no form to submit.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'; "
    "img-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)

_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class File:
    """A file of the page.

    Attributes:
        content: Its bytes.
        media_type: What they are.
        etag: Names this content (RFC 9110, 8.8.3); weak, because it is compressed for some.
    """

    content: bytes
    media_type: str
    etag: str


_HEADERS = {
    # Kept by the browser, and asked about each time: the files of one version must not meet those of another.
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}


def read(path: Path) -> File:
    """Read a file of a page."""
    content = path.read_bytes()
    return File(content, _MEDIA_TYPES[path.suffix], f"W/{tag_of(content)}")


FILES = {path.relative_to(FOLDER).as_posix(): read(path) for path in sorted(FOLDER.rglob("*")) if path.is_file()}


@router.api_route("/playground", methods=["GET", "HEAD"])
async def page(request: Request) -> Response:
    """Answer with the page."""
    return answer(request, FILES[INDEX])


@router.api_route("/playground/{name:path}", methods=["GET", "HEAD"])
async def file(request: Request, name: str) -> Response:
    """Answer with a file of the page."""
    if not name:
        # The page's links are relative to /playground.
        return RedirectResponse("../playground", 308)
    if name not in FILES:
        raise NotFound(f"There is nothing at {quoted(path_of(request.scope))}; the page is at /playground.")
    return answer(request, FILES[name])


def answer(request: Request, served: File, policy: str = CONTENT_SECURITY_POLICY) -> Response:
    """Answer with a file of a page whose content security policy is `policy`."""
    headers = {"ETag": served.etag, "Content-Security-Policy": policy, **_HEADERS}
    if is_known(served.etag, request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    # Starlette leaves the body out of an answer to HEAD, and keeps its length.
    return Response(served.content, headers=headers, media_type=served.media_type)
