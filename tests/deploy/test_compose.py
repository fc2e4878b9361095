"""docker-compose.yml and the Dockerfile, as their own tools see them."""

import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def test_compose_follows_its_schema() -> None:
    compose: list[str | Path] = ["--builtin-schema", "vendor.compose-spec", ROOT / "docker-compose.yml"]
    subprocess.run([BIN / "check-jsonschema", *compose], check=True)


def test_the_dockerfile_follows_good_practice() -> None:
    subprocess.run([BIN / "hadolint", ROOT / "Dockerfile"], check=True)


def test_every_service_is_locked_down() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    for service in compose["services"].values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_what_compose_mounts_is_there() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    mounts = [mount for service in compose["services"].values() for mount in service.get("volumes", [])]
    paths = [mount.split(":")[0] for mount in mounts if mount.startswith("./")]
    assert len(paths) >= 3
    for path in paths:
        assert (ROOT / path).exists(), path
