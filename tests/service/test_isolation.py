"""Training and the service meet in exported files alone, and the client imports nothing of either."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.processes import python

ROOT = Path(__file__).parents[2]

# Top-level modules that training alone depends on.
TRAINING_LIBRARIES = {"lightning", "matplotlib", "onnx", "onnxscript", "sklearn", "scipy", "torch"}

MODULES = {package: sorted((ROOT / package).rglob("*.py")) for package in ("service", "training")}
CLIENT = ROOT / "service/glyphvae/client"


def imported(file: Path) -> Iterator[str]:
    """The names of all modules that `file` imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            yield node.module or ""


def distributed(file: Path) -> set[str]:
    """The top-level names of all modules that `file` imports."""
    return {name.partition(".")[0] for name in imported(file)}


@pytest.mark.parametrize("file", MODULES["service"], ids=lambda file: file.stem)
def test_the_service_imports_neither_training_nor_its_libraries(file: Path) -> None:
    assert not distributed(file) & (TRAINING_LIBRARIES | {"glyphvae_training", "tests"})


@pytest.mark.parametrize("file", MODULES["training"], ids=lambda file: file.stem)
def test_training_does_not_import_the_service(file: Path) -> None:
    assert not distributed(file) & {"glyphvae", "tests"}


@pytest.mark.parametrize("file", sorted(CLIENT.glob("*.py")), ids=lambda file: file.stem)
def test_the_client_imports_nothing_of_the_service(file: Path) -> None:
    libraries = distributed(file) - sys.stdlib_module_names
    assert libraries <= {"anyio", "glyphvae", "httpx", "numpy", "PIL"}
    assert all(f"{name}.".startswith("glyphvae.client.") for name in imported(file) if name.startswith("glyphvae"))


PROGRAM = """
import asyncio, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {libraries}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())

import httpx
from glyphvae.commands import main
from glyphvae.application import create

async def ask():
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create()), base_url="http://glyphvae") as client:
        response = await client.post("/generate?label=J")
        print(response.status_code, response.headers["content-type"])

asyncio.run(ask())
"""


def test_nothing_of_grpc_is_imported_where_no_setting_asks_for_it(repository: Path) -> None:
    program = PROGRAM.format(libraries={"grpc", "google"})
    settings = {"GLYPHVAE_MODELS": str(repository), "GLYPHVAE_DEFAULT_MODEL": "cvae", "GLYPHVAE_DEVICE": "cpu"}
    done = python("-W", "error", "-c", program, **settings)
    assert (done.returncode, done.stdout, done.stderr) == (0, "200 image/png\n", "")


def test_the_service_answers_where_nothing_for_training_is_installed(repository: Path) -> None:
    program = PROGRAM.format(libraries=TRAINING_LIBRARIES | {"glyphvae_training"})
    settings = {"GLYPHVAE_MODELS": str(repository), "GLYPHVAE_DEFAULT_MODEL": "cvae", "GLYPHVAE_DEVICE": "cpu"}
    done = python("-W", "error", "-c", program, **settings)
    assert (done.returncode, done.stdout, done.stderr) == (0, "200 image/png\n", "")
