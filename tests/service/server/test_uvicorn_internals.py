import ast
from pathlib import Path

import glyphvae
from glyphvae.server import uvicorn_internals

PACKAGE = Path(glyphvae.__file__).parent
OWN = PACKAGE / "server/uvicorn_internals.py"


def test_no_other_module_uses_parts_of_uvicorn_that_it_does_not_document() -> None:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [path for module in modules if module.startswith("uvicorn.")]
    assert set(found) == {OWN}


def test_it_offers_what_it_imports() -> None:
    assert all(hasattr(uvicorn_internals, name) for name in uvicorn_internals.__all__)
