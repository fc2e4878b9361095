"""Imports go one way: from the packages that know more to those that know less, without a circle."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import glyphvae

PACKAGE = Path(glyphvae.__file__).parent

# Each may import those before it, and those of its own row. Modules at the root stand for themselves.
ORDER = (
    {"wording", "errors"},
    {"settings", "files", "environment", "healthcheck", "memory"},
    {"observability"},
    {"scheduling"},
    {"vectors"},
    {"models", "formats", "imaging", "text"},
    {"fonts"},
    {"api"},
    {"datasets"},
    {"operations"},
    {"kserve"},
    {"web"},
    {"startup"},
    {"application"},
    {"server"},
    {"client"},
    {"writer"},
    {"commands"},
    {"__main__"},
)
RANK = {name: rank for rank, row in enumerate(ORDER) for name in row}


def modules() -> dict[str, Path]:
    """Return every module of the package by its dotted name below it."""
    return {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
        for path in PACKAGE.rglob("*.py")
        if path != PACKAGE / "__init__.py"
    }


def imports_of(path: Path, known: dict[str, Path]) -> Iterator[str]:
    """Yield the modules of the package that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("glyphvae."):
            inside = str(node.module).removeprefix("glyphvae.")
            for alias in node.names:
                yield f"{inside}.{alias.name}" if f"{inside}.{alias.name}" in known else inside


def graph() -> dict[str, set[str]]:
    known = modules()
    return {name: set(imports_of(path, known)) - {name} for name, path in known.items()}


def test_every_package_has_its_place_in_the_order() -> None:
    assert {name.partition(".")[0] for name in modules()} == set(RANK)


def test_imports_go_to_packages_before() -> None:
    wrong = [
        f"{name} imports {other}"
        for name, others in graph().items()
        for other in others
        if RANK[other.partition(".")[0]] > RANK[name.partition(".")[0]]
    ]
    assert wrong == []


def test_no_circle_of_imports() -> None:
    TopologicalSorter(graph()).prepare()  # raises a CycleError that names the circle
