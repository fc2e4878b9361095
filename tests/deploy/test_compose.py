"""docker-compose.yml and the Dockerfile, as their own tools see them."""

import json
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from glyphvae.settings import Settings

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
# The stages of the Dockerfile by name, each with what it starts from.
STAGES = {
    name: (base, body)
    for base, name, body in re.findall(
        r"^FROM (\S+) AS (\S+)\n(.*?)(?=^FROM |\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL
    )
}


def test_compose_follows_its_schema() -> None:
    compose: list[str | Path] = ["--builtin-schema", "vendor.compose-spec", ROOT / "docker-compose.yml"]
    subprocess.run([BIN / "check-jsonschema", *compose], check=True)


def test_the_dockerfile_follows_good_practice() -> None:
    subprocess.run([BIN / "hadolint", ROOT / "Dockerfile"], check=True)


def enabled(*profiles: str) -> set[str]:
    """The services that `docker compose up` starts; without `--profile`, Compose reads the profile in `.env`."""
    (default,) = re.findall(r"^COMPOSE_PROFILES=(.*)$", (ROOT / ".env").read_text(encoding="utf-8"), re.MULTILINE)
    chosen = set(profiles or default.split(","))
    return {
        name for name, service in SERVICES.items() if not service.get("profiles") or chosen & set(service["profiles"])
    }


@pytest.mark.parametrize(
    ("profiles", "services"),
    [
        ((), {"glyphvae"}),
        (("gpu",), {"cuda"}),
        (("train",), {"train"}),
        (("cpu", "monitoring"), {"glyphvae", "prometheus", "grafana"}),
        (("gpu", "monitoring"), {"cuda", "prometheus", "grafana"}),
    ],
)
def test_each_profile_starts_its_services_alone(profiles: tuple[str, ...], services: set[str]) -> None:
    assert enabled(*profiles) == services
    ports = [port for name in services for port in SERVICES[name].get("ports", [])]
    assert len(ports) == len(set(ports))
    assert ("127.0.0.1:8000:8000" in ports) is bool(services & {"glyphvae", "cuda"})


@pytest.mark.parametrize("name", ["glyphvae", "cuda"])
def test_a_service_may_end_in_its_own_time(name: str) -> None:
    settings = Settings()
    (seconds,) = re.fullmatch(r"(\d+)s", SERVICES[name]["stop_grace_period"]).groups()  # type: ignore[union-attr]
    assert int(seconds) > settings.drain_seconds + settings.grace_seconds


@pytest.mark.parametrize("name", ["glyphvae", "cuda"])
def test_a_service_reads_the_models_that_training_writes(name: str) -> None:
    service, train = SERVICES[name], SERVICES["train"]
    assert {variable.removeprefix("GLYPHVAE_").lower() for variable in service["environment"]} <= set(
        Settings.model_fields
    )
    assert service["volumes"] == ["models:/var/lib/glyphvae:ro"]
    assert "models:/var/lib/glyphvae" in train["volumes"]
    assert "models" in COMPOSE["volumes"]
    # Training writes `models/` in its working directory; a volume gets its owner from the folder in the image.
    assert service["environment"]["GLYPHVAE_MODELS"] == "/var/lib/glyphvae/models"
    assert "WORKDIR /var/lib/glyphvae\n" in STAGES["train"][1]
    assert "install -d -o 10001 -g 10001 /var/lib/glyphvae /var/lib/glyphvae/models" in STAGES["runtime"][1]
    # A finished training does not start again.
    assert train["restart"] == "no"


def test_every_image_has_a_stage_and_only_that_of_training_holds_training() -> None:
    targets = {service["build"]["target"] for service in SERVICES.values() if "build" in service}
    assert targets == {"cpu", "cuda", "train"}
    assert list(STAGES)[-1] == "cpu"
    for target in targets:
        base, body = STAGES[target]
        copied = re.findall(r"--from=(\S+) (\S+)", body)
        assert (base, copied) == ("runtime", [(f"build-{target}", "/opt/glyphvae")])
        assert ("training" in STAGES[f"build-{target}"][1]) is (target == "train")
    assert "training" not in STAGES["build"][1] + STAGES["runtime"][1]


def test_labels_are_those_of_the_project() -> None:
    (block,) = re.findall(r"^LABEL (.*?[^\\])$", STAGES["runtime"][1], re.MULTILINE | re.DOTALL)
    labels = dict(re.findall(r'([\w.-]+)="([^"]*)"', block))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    image = {name.removeprefix("org.opencontainers.image."): value for name, value in labels.items()}
    assert image["version"] == project["version"]
    assert image["licenses"] == project["license"]
    assert image["source"] == image["url"] == project["urls"]["Source"]
    assert image["documentation"] == project["urls"]["Documentation"]
    assert project["description"].startswith(image["description"].rstrip("."))
    assert "ARG REVISION" in STAGES["runtime"][1]
    assert image["revision"] == "${REVISION}"
    for source in sources():
        assert source in labels["io.github.glyphvae.trained-on"]


def test_the_notice_names_the_data_of_every_model() -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    assert len(sources()) == 4
    assert [source for source in sources() if source not in notice] == []
    assert "Inter" in notice


def sources() -> set[str]:
    """The data of all shipped models, as their manifests name them."""
    manifests = [json.loads(path.read_text(encoding="utf-8")) for path in (ROOT / "exported").glob("*.json")]
    return {source for manifest in manifests for source in manifest["data"]["sources"]}


def test_what_the_dockerfile_copies_is_there_and_not_ignored() -> None:
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"]
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    copied = {path for line in lines for path in line.split()}
    assert copied == set(kept)
    assert all((ROOT / path).exists() for path in copied)
    assert not any(fnmatch(".env", pattern) for pattern in kept)


@pytest.mark.parametrize("lock", ["serve-cpu", "serve-gpu"])
def test_the_images_hold_what_the_readme_shows(lock: str) -> None:
    pinned = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for extra in ("parquet", "traces", "redis", "grpc"):
        for requirement in map(Requirement, extras[extra]):
            assert f"\n{requirement.name}==" in pinned, requirement


def test_every_service_is_locked_down() -> None:
    for service in SERVICES.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_what_compose_mounts_is_there() -> None:
    mounts = [mount for service in SERVICES.values() for mount in service.get("volumes", [])]
    paths = [mount.split(":")[0] for mount in mounts if mount.startswith("./")]
    assert len(paths) >= 3
    for path in paths:
        assert (ROOT / path).exists(), path
