"""The wheels hold what they should, and work in an empty environment, folder and home."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
UV = ROOT / ".venv-uv/bin/uv"
LOCK = ROOT / "requirements/serve-cpu.txt"
PROJECTS = {
    "glyphvae": ROOT,
    "glyphvae_client": ROOT / "service/glyphvae/client",
    "glyphvae_training": ROOT / "training",
}
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
PATIENCE = 120  # seconds; the tests may share their machine

RUNNING = re.compile(r"Uvicorn running on (http://\S+)")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheels by the names of their distributions, built from the sources."""
    folder = tmp_path_factory.mktemp("wheels")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    builds = [subprocess.Popen(command, cwd=project, stdout=subprocess.DEVNULL) for project in PROJECTS.values()]
    assert [build.wait(PATIENCE) for build in builds] == [0] * len(PROJECTS)
    return {name: folder / f"{name}-{VERSION}-py3-none-any.whl" for name in PROJECTS}


class Environment:
    """A virtual environment with an empty folder and an empty home beside it.

    Args:
        folder: Where all three are made.
        requirements: What to install, with its dependencies in the versions and with the hashes of the lock.
    """

    def __init__(self, folder: Path, *requirements: str | Path) -> None:
        self.folder = folder / "folder"
        self.home = folder / "home"
        self.folder.mkdir()
        self.home.mkdir()
        self.bin = folder / "venv/bin"
        self.variables = {"HOME": str(self.home), "PATH": f"{self.bin}:{os.defpath}"}
        uv: list[str | Path] = [UV, "--quiet"]
        subprocess.run([*uv, "venv", "--python", sys.executable, self.bin.parent], check=True)
        install: list[str | Path] = ["pip", "install", "--python", self.bin.parent, "--constraint", LOCK]
        subprocess.run([*uv, *install, *requirements], check=True)

    def run(self, command: str, *arguments: str) -> str:
        """Run a command of the environment in the empty folder; its standard output."""
        finished = subprocess.run(
            [self.bin / command, *arguments],
            cwd=self.folder,
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (
            finished.returncode,
            *re.findall(r"^(?!.* bytes by pen/1, seed \d+$).+", finished.stderr, re.MULTILINE),
        ) == (0,)
        return finished.stdout


@pytest.fixture(scope="module")
def service(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    requirement = f"glyphvae[cpu] @ {wheels['glyphvae'].as_uri()}"
    return Environment(tmp_path_factory.mktemp("service"), requirement, wheels["glyphvae_client"])


@pytest.fixture(scope="module")
def served(service: Environment) -> Iterator[str]:
    """The address of the installed service."""
    process = subprocess.Popen(
        [service.bin / "glyphvae", "serve", "--port", "0"],
        cwd=service.folder,
        env=service.variables,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    with process:
        found = (RUNNING.search(line) for line in process.stderr)
        yield next(match[1] for match in found if match)
        process.terminate()


def names(wheel: Path) -> set[str]:
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_each_wheel_holds_its_package_and_nothing_else(wheels: dict[str, Path]) -> None:
    for name, package in {
        "glyphvae": "glyphvae/",
        "glyphvae_client": "glyphvae/client/",
        "glyphvae_training": "glyphvae_training/",
    }.items():
        metadata = f"{name}-{VERSION}.dist-info/"
        held = names(wheels[name])
        assert [path for path in held if not path.startswith((package, metadata))] == []
        assert {f"{package}__init__.py", f"{package}py.typed", f"{metadata}licenses/LICENSE"} <= held
        assert [path for path in held if path.endswith((".pyc", "pyproject.toml"))] == []


def test_the_wheel_of_the_service_has_the_licence_of_its_font_and_names_the_data(wheels: dict[str, Path]) -> None:
    metadata = f"glyphvae-{VERSION}.dist-info"
    with ZipFile(wheels["glyphvae"]) as archive:
        facts = archive.read(f"{metadata}/METADATA").decode()
        font = archive.read(f"{metadata}/licenses/service/glyphvae/web/playground_page/fonts/LICENSE.txt").decode()
        protocol = archive.read(f"{metadata}/licenses/service/glyphvae/kserve/proto/LICENSE.txt").decode()
        notice = archive.read(f"{metadata}/licenses/NOTICE").decode()
    assert "\nLicense-Expression: Apache-2.0 AND BSD-3-Clause AND OFL-1.1\n" in facts
    assert "SIL Open Font License, Version 1.1" in font
    assert "NVIDIA CORPORATION" in protocol
    assert notice == (ROOT / "NOTICE").read_text(encoding="utf-8")


def test_no_file_is_in_two_wheels(wheels: dict[str, Path]) -> None:
    held = [path for wheel in wheels.values() for path in names(wheel)]
    assert len(held) == len(set(held))


def test_every_module_is_in_a_wheel(wheels: dict[str, Path]) -> None:
    held = set[str]().union(*map(names, wheels.values()))
    for folder, package in ((ROOT / "service", "glyphvae"), (ROOT / "training", "glyphvae_training")):
        modules = {path.relative_to(folder).as_posix() for path in (folder / package).rglob("*.py")}
        assert modules <= held


def test_the_models_are_data_of_the_service(wheels: dict[str, Path]) -> None:
    files = (path for path in (ROOT / "exported").rglob("*") if path.is_file())
    shipped = {f"glyphvae/{path.relative_to(ROOT).as_posix()}" for path in files}
    assert "glyphvae/exported/pen.json" in shipped
    assert {path for path in names(wheels["glyphvae"]) if path.startswith("glyphvae/exported/")} == shipped


def test_the_distributions_want_each_other_in_their_own_version() -> None:
    for folder in PROJECTS.values():
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        assert project["version"] == VERSION
        siblings = [line for line in project["dependencies"] if line.startswith("glyphvae")]
        assert all(line.endswith(f"=={VERSION}") for line in siblings)


def test_the_command_works_in_an_empty_folder(service: Environment) -> None:
    assert service.run("glyphvae", "--version") == f"glyphvae {VERSION}\n"
    assert "pen/1" in service.run("glyphvae", "models")
    service.run("glyphvae", "render", "HELLO", "-o", "hello.png")
    service.run("python", "-c", 'from glyphvae import Writer; Writer().render("HELLO").save("writer.png")')
    for name in ("hello.png", "writer.png"):
        with Image.open(service.folder / name, formats=["PNG"]) as image:
            assert image.width > 5 * 28
        (service.folder / name).unlink()
    assert list(service.folder.iterdir()) == []
    assert list(service.home.iterdir()) == []


def test_the_service_answers(service: Environment, served: str) -> None:
    with httpx.Client(base_url=served, timeout=PATIENCE) as client:
        assert client.get("/livez").status_code == 200
        answer = client.post("/generate?label=J")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert list(service.home.iterdir()) == []


CLIENT = """
import importlib.util, sys
from glyphvae.client import Client

for name in ("fastapi", "onnxruntime", "numpy", "PIL", "glyphvae.application"):
    assert importlib.util.find_spec(name) is None, name
with Client(sys.argv[1]) as client:
    print(client.live(), client.generate_picture("J").content[1:4].decode())
"""


def test_the_client_needs_neither_the_service_nor_its_libraries(
    wheels: dict[str, Path], served: str, tmp_path: Path
) -> None:
    environment = Environment(tmp_path, wheels["glyphvae_client"])
    assert environment.run("python", "-W", "error", "-c", CLIENT, served) == "True PNG\n"
