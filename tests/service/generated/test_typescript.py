"""Clients that TypeScript's generators make from our OpenAPI document work as they are made: `make clients-test`."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.service.processes import ROOT, Server

HERE = Path(__file__).parent
# Made by `make clients-test`; the programs here run beside its packages.
PACKAGES = ROOT / ".venv-node"
GENERATORS = {
    "fetch": ("openapi-typescript", "openapi.json", "--output", "made/schema.d.ts"),
    "hey": ("openapi-ts", "--input", "openapi.json", "--output", "made/hey"),
    "orval": ("orval", "--config", "orval.config.cjs"),
}

pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("typescript")
    for path in [*HERE.glob("*.ts"), *HERE.glob("*.cjs"), HERE / "tsconfig.json", ROOT / "docs" / "openapi.json"]:
        shutil.copy(path, folder)
    (folder / "node_modules").symlink_to(PACKAGES / "node_modules")
    return folder


@pytest.mark.parametrize("name", GENERATORS)
def test_a_generated_client_calls_every_endpoint_unedited(workplace: Path, real_server: Server, name: str) -> None:
    def run(tool: str, *arguments: str) -> None:
        command = [str(PACKAGES / "node_modules" / ".bin" / tool), *arguments]
        environment = os.environ | {"SERVED": real_server.url}
        done = subprocess.run(command, cwd=workplace, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    run(*GENERATORS[name])
    run("tsc", "--noEmit", "--project", _project(workplace, name))
    run("esbuild", f"{name}.ts", "--bundle", "--platform=node", "--log-level=warning", f"--outfile=built/{name}.js")
    done = subprocess.run(
        ["node", f"built/{name}.js", real_server.url], cwd=workplace, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", GENERATORS)
def test_the_program_names_every_operation(name: str) -> None:
    program = (HERE / f"{name}.ts").read_text(encoding="utf-8")
    paths = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))["paths"]
    missing = []
    for path, operations in paths.items():
        for method, operation in operations.items():
            first, *others = operation["operationId"].split("_")
            function = f".{first}{''.join(map(str.capitalize, others))}("
            call = f'.{method.upper()}("{path}"' if name == "fetch" else function
            missing += [] if call in program else [path]
    # orval's client reads every response as JSON or text.
    assert missing == (["/dataset"] if name == "orval" else [])


def _project(workplace: Path, name: str) -> str:
    """Write the settings of the compiler for one program, and return their file."""
    file = f"tsconfig.{name}.json"
    (workplace / file).write_text(f'{{"extends": "./tsconfig.json", "include": ["{name}.ts"]}}', encoding="utf-8")
    return file
