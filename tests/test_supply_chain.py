"""What the service is made of: pinned by hash, above known advisories, listed and licensed."""

import json
import re
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
UV = ROOT / ".venv-uv/bin/uv"
LOCKS = sorted(path for path in (ROOT / "requirements").glob("*.txt"))
PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;\\]+)", re.MULTILINE)
PROJECT, CLIENT, TRAINING = (
    tomllib.loads((ROOT / folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for folder in (".", "service/glyphvae/client", "training")
)

# The first version without an advisory that a stranger's input, or a stranger's model file, could reach.
FLOORS = {
    "fonttools": "4.60.2",  # CVE-2025-66034
    "h11": "0.16",  # CVE-2025-43859
    "onnx": "1.21",  # CVE-2025-51480
    "pillow": "12.2",  # CVE-2026-25990, CVE-2026-40192
    "python-multipart": "0.0.18",  # CVE-2024-24762, CVE-2024-53981
    "starlette": "0.49.1",  # CVE-2024-47874, CVE-2025-54121, CVE-2025-62727
}


def pins(lock: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, version in PINNED.findall(lock.read_text(encoding="utf-8")):
        found.setdefault(name.lower(), []).append(version)
    return found


def declared(project: dict[str, Any]) -> list[str]:
    """Every requirement of a distribution and of its extras."""
    return [*project["dependencies"], *chain.from_iterable(project.get("optional-dependencies", {}).values())]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_package_is_pinned_by_hash(lock: Path) -> None:
    entries = re.split(r"(?m)^(?=\S)", lock.read_text(encoding="utf-8"))
    packages = [entry for entry in entries if entry.strip() and not entry.startswith("#")]
    assert packages
    for package in packages:
        assert PINNED.match(package), package
        assert "--hash=sha256:" in package, package


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_no_lock_names_an_index(lock: Path) -> None:
    assert not re.search(r"index-url|find-links|://|git\+", lock.read_text(encoding="utf-8"))


@pytest.mark.parametrize("lock", ["serve-cpu", "serve-gpu", "train"])
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_every_package_of_the_images_has_a_wheel(lock: str, machine: str, tmp_path: Path) -> None:
    """For Debian 12 and Python 3.13, as in the base image of the Dockerfile."""
    platform = ["--python-platform", f"{machine}-manylinux_2_36", "--python-version", "3.13"]
    command: list[str | Path] = [UV, "pip", "install", "--dry-run", "--target", tmp_path, *platform]
    locked: list[str | Path] = ["--only-binary", ":all:", "--require-hashes", "-r", ROOT / f"requirements/{lock}.txt"]
    found = subprocess.run([*command, *locked], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert re.search(r"Would install \d+ packages", found.stderr)


def test_the_lowest_versions_that_are_tested_are_those_that_are_declared() -> None:
    lowest = pins(ROOT / "requirements" / "lowest.txt")
    extras = PROJECT["optional-dependencies"]
    tested = [extras[name] for name in ("cpu", "parquet", "traces", "redis", "grpc")]
    for line in chain(PROJECT["dependencies"], *tested):
        requirement = Requirement(line)
        if requirement.name == "glyphvae-client":
            continue
        (floor,) = [spec.version for spec in requirement.specifier if spec.operator == ">="]
        # A version that is left out, and one without wheels for a version of Python, is passed over.
        assert all(Version(version).release[:2] >= Version(floor).release[:2] for version in lowest[requirement.name])
        assert min(map(Version, lowest[requirement.name])) < Version(f"{floor}.999"), line


def test_uvicorn_is_bounded_because_its_internals_are_used() -> None:
    (uvicorn,) = [Requirement(line) for line in PROJECT["dependencies"] if line.startswith("uvicorn")]
    assert {spec.operator for spec in uvicorn.specifier} == {">=", "<"}
    for lock in ("serve-cpu", "serve-gpu", "lowest"):
        (version,) = pins(ROOT / "requirements" / f"{lock}.txt")["uvicorn"]
        assert uvicorn.specifier.contains(version)
    (locked,) = pins(ROOT / "requirements" / "serve-cpu.txt")["uvicorn"]
    major, minor, *_ = Version(locked).release
    assert not uvicorn.specifier.contains(f"{major}.{minor + 1}")


@pytest.mark.parametrize("name", FLOORS)
def test_known_advisories_are_below_the_floor(name: str) -> None:
    requirements = [Requirement(line) for project in (PROJECT, CLIENT, TRAINING) for line in declared(project)]
    specifiers = [spec for requirement in requirements if requirement.name == name for spec in requirement.specifier]
    (floor,) = {Version(spec.version) for spec in specifiers if spec.operator == ">="}
    assert floor >= Version(FLOORS[name])
    for lock in LOCKS:
        if not lock.name.startswith("bench-") or lock.name == "bench-gpu.txt":
            assert all(Version(version) >= floor for version in pins(lock).get(name, []))


def test_locks_hold_the_requirements_of_their_distributions() -> None:
    all_three = (PROJECT, CLIENT, TRAINING)
    for lock, projects in {"serve-cpu": (PROJECT, CLIENT), "train": all_three, "dev": all_three}.items():
        pinned = pins(ROOT / "requirements" / f"{lock}.txt")
        for requirement in (Requirement(line) for project in projects for line in project["dependencies"]):
            if not requirement.name.startswith("glyphvae"):
                assert any(version in requirement.specifier for version in pinned[requirement.name]), requirement


def test_the_licences_are_those_of_the_lock_and_none_binds_what_uses_it() -> None:
    text = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| ([a-z0-9._-]+) \| ([0-9]\S*) \| (.+) \|$", text, re.MULTILINE)
    lock = pins(ROOT / "requirements" / "serve-cpu.txt")
    direct = {Requirement(line).name for line in [*PROJECT["dependencies"], *CLIENT["dependencies"]]}
    assert direct - {"glyphvae-client"} <= {name for name, *_ in listed}, "run `make licences`"
    for name, version, licence in listed:
        assert version in lock[name], "run `make licences`"
        assert "GPL" not in licence
        assert licence != "not stated", name


def test_nothing_unsafe_is_found_in_the_code() -> None:
    command = [sys.executable, "-m", "bandit", "--quiet", "--configfile", "pyproject.toml", "--recursive", "service"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_the_bill_of_materials_has_every_package_with_its_hash(tmp_path: Path) -> None:
    lock = ROOT / "requirements" / "serve-cpu.txt"
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", "--output-file", str(tmp_path / "sbom.json")]
    subprocess.run([*command, str(lock)], cwd=ROOT, capture_output=True, check=True)
    bill = json.loads((tmp_path / "sbom.json").read_text(encoding="utf-8"))
    assert bill["bomFormat"] == "CycloneDX"
    assert {part["name"].lower() for part in bill["components"]} == set(pins(lock))
    for part in bill["components"]:
        assert part["externalReferences"][0]["hashes"][0]["alg"] == "SHA-256"
