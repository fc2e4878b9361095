"""Packages import leftwards only, and no module imports itself through others."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import glyphvae_training

FOLDER = Path(glyphvae_training.__file__).parent
ORDER = ("data", "models", "measures", "judges", "fitting", "export", "evaluation", "study", "commands")
PREFIX = glyphvae_training.__name__


def modules() -> dict[str, Path]:
    """Every module's file by its name, without the prefix."""
    return {".".join(path.relative_to(FOLDER).with_suffix("").parts): path for path in FOLDER.rglob("*.py")}


def imported(path: Path, names: set[str]) -> set[str]:
    """The modules of this package that a file imports, be it inside a function or for the type checker alone."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            candidates = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            candidates = [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        found |= {name.removeprefix(f"{PREFIX}.") for name in candidates if name.startswith(f"{PREFIX}.")}
    return found & names


def graph() -> dict[str, set[str]]:
    files = modules()
    return {name: imported(path, set(files)) for name, path in files.items()}


def rank(name: str) -> int:
    """Root modules come before all packages."""
    package, _, module = name.partition(".")
    return ORDER.index(package) if module else -1


def test_every_package_has_its_place() -> None:
    folders = {path.name for path in FOLDER.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == set(ORDER)


def test_packages_import_leftwards_only() -> None:
    edges = [(name, other) for name, others in graph().items() for other in others]
    assert len(edges) > 100
    assert [edge for edge in edges if rank(edge[0]) < rank(edge[1])] == []


def test_importing_a_package_imports_none_of_its_modules() -> None:
    assert {name: others for name, others in graph().items() if name.endswith("__init__") and others} == {}


def test_modules_import_in_no_circle() -> None:
    order = list(TopologicalSorter(graph()).static_order())  # raises CycleError
    assert set(order) == set(modules())
