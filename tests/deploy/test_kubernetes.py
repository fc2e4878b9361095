"""The manifests, against Kubernetes' own schemas, and against the service that they run."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from glyphvae.scheduling.cost import ceiling
from glyphvae.settings import MEBIBYTE, Settings
from tests.deploy.read_only import is_possible
from tests.service.processes import plain_environment

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy/kubernetes"
BASE = sorted(path for path in (KUBERNETES / "base").glob("*.yaml") if path.name != "kustomization.yaml")
COMPONENTS = sorted(path.name for path in (KUBERNETES / "components").iterdir())
POD_NAME = {"app.kubernetes.io/name": "glyphvae"}
needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")


def kustomize(folder: Path) -> list[dict[str, Any]]:
    command: list[str | Path] = ["kubectl", "kustomize", "--load-restrictor=LoadRestrictionsNone", folder]
    return list(yaml.safe_load_all(subprocess.run(command, check=True, capture_output=True).stdout))


def load(path: str) -> Any:  # noqa: ANN401 (YAML)
    return yaml.safe_load((KUBERNETES / path).read_text(encoding="utf-8"))


def validate(resource: object) -> None:
    import kubernetes_validate  # noqa: PLC0415 (three seconds, in every process that collects tests)

    kubernetes_validate.validate(resource, kubernetes_validate.latest_version(), strict=True)


def container() -> dict[str, Any]:
    (container,) = load("base/deployment.yaml")["spec"]["template"]["spec"]["containers"]
    assert isinstance(container, dict)
    return container


def test_every_manifest_follows_its_schema() -> None:
    for path in BASE:
        validate(yaml.safe_load(path.read_text(encoding="utf-8")))


@needs_kubectl
@pytest.mark.parametrize("folder", ["base", "gpu"])
def test_kustomize_makes_valid_manifests(folder: str) -> None:
    kinds = {document["kind"]: document for document in kustomize(KUBERNETES / folder)}
    for document in kinds.values():
        validate(document)
    assert len(kinds) == len(BASE)
    (pod,) = kinds["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert pod["image"] == ("glyphvae:cpu" if folder == "base" else "glyphvae:cuda")
    assert ("nvidia.com/gpu" in pod["resources"]["limits"]) == (folder == "gpu")


def test_kustomize_knows_every_manifest() -> None:
    assert sorted(load("base/kustomization.yaml")["resources"]) == [path.name for path in BASE]


@pytest.fixture
def overlay(tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    """Build the base with some components."""

    def build(*components: str) -> list[dict[str, Any]]:
        kinds = {"resources": ["base"], "components": [f"components/{name}" for name in components]}
        paths = {key: [os.path.relpath(KUBERNETES / path, tmp_path) for path in found] for key, found in kinds.items()}
        (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(paths), encoding="utf-8")
        return kustomize(tmp_path)

    return build


def one(documents: list[dict[str, Any]], kind: str, name: str = "glyphvae") -> dict[str, Any]:
    (found,) = [item for item in documents if (item["kind"], item["metadata"]["name"]) == (kind, name)]
    return found


@needs_kubectl
def test_components_go_together(overlay: Callable[..., list[dict[str, Any]]]) -> None:
    built = overlay(*COMPONENTS)
    assert len(built) == len(BASE) + 4
    for document in built:
        if document["apiVersion"] != "monitoring.coreos.com/v1":
            validate(document)


@needs_kubectl
def test_a_pod_monitor_scrapes_the_admin_port_under_the_job_of_the_service(
    overlay: Callable[..., list[dict[str, Any]]],
) -> None:
    built = overlay("pod-monitor")
    monitor, pod = one(built, "PodMonitor")["spec"], one(built, "Deployment")["spec"]["template"]
    assert monitor["selector"]["matchLabels"] == POD_NAME
    assert pod["metadata"]["labels"][monitor["jobLabel"]] == "glyphvae"
    (endpoint,) = monitor["podMetricsEndpoints"]
    ports = {port["name"]: port["containerPort"] for port in pod["spec"]["containers"][0]["ports"]}
    assert (ports[endpoint["port"]], endpoint["path"]) == (9000, "/metrics")
    # Not by annotations, too: each pod would be scraped twice.
    assert not pod["metadata"].get("annotations")


@needs_kubectl
def test_a_service_monitor_scrapes_the_admin_port_of_every_pod_under_the_same_job(
    overlay: Callable[..., list[dict[str, Any]]],
) -> None:
    built = overlay("service-monitor")
    monitor, service = one(built, "ServiceMonitor")["spec"], one(built, "Service", "glyphvae-metrics")
    others = [item for item in built if item["kind"] == "Service" and item is not service]
    wanted = monitor["selector"]["matchLabels"].items()
    assert wanted <= service["metadata"]["labels"].items()
    assert not any(wanted <= other["metadata"]["labels"].items() for other in others)
    assert service["metadata"]["labels"][monitor["jobLabel"]] == "glyphvae"
    (endpoint,), (port,) = monitor["endpoints"], service["spec"]["ports"]
    assert (endpoint["port"], endpoint["path"]) == (port["name"], "/metrics")
    assert service["spec"]["selector"] == POD_NAME
    assert port["targetPort"] == "admin"
    # One with an address would put variables named GLYPHVAE_* into other containers.
    assert service["spec"]["clusterIP"] == "None"
    assert not one(built, "Deployment")["spec"]["template"]["metadata"].get("annotations")


@needs_kubectl
def test_an_ingress_leads_to_the_service_and_takes_bodies_as_large_as_it_does(
    overlay: Callable[..., list[dict[str, Any]]],
) -> None:
    built = overlay("ingress")
    ingress, service = one(built, "Ingress"), one(built, "Service")
    (path,) = ingress["spec"]["rules"][0]["http"]["paths"]
    backend = path["backend"]["service"]
    assert (backend["name"], backend["port"]["name"]) == ("glyphvae", service["spec"]["ports"][0]["name"])
    (size,) = ingress["metadata"]["annotations"].values()
    assert size == f"{Settings().max_body_bytes // MEBIBYTE}m"
    assert one(built, "Deployment")["spec"]["template"]["metadata"]["annotations"]["prometheus.io/scrape"] == "true"


def test_the_page_names_every_component() -> None:
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    assert [name for name in COMPONENTS if f"`{name}`" not in page] == []


# What Kubernetes puts into each container of the namespace for the Service `glyphvae` with a port `http`:
# https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables.
SERVICE_LINKS = {
    "GLYPHVAE_SERVICE_HOST": "10.96.0.1",
    "GLYPHVAE_SERVICE_PORT": "8000",
    "GLYPHVAE_SERVICE_PORT_HTTP": "8000",
    "GLYPHVAE_PORT": "tcp://10.96.0.1:8000",
    "GLYPHVAE_PORT_8000_TCP": "tcp://10.96.0.1:8000",
    "GLYPHVAE_PORT_8000_TCP_PROTO": "tcp",
    "GLYPHVAE_PORT_8000_TCP_PORT": "8000",
    "GLYPHVAE_PORT_8000_TCP_ADDR": "10.96.0.1",
}


def test_pods_get_no_such_variables() -> None:
    assert load("base/deployment.yaml")["spec"]["template"]["spec"]["enableServiceLinks"] is False
    assert load("kserve/inference-service.yaml")["spec"]["predictor"]["enableServiceLinks"] is False


# Run in a network of its own, where port 8000 is free: starts the service as the image does, and asks it.
IN_A_NETWORK = """
import fcntl, socket, struct, subprocess, sys
import httpx

with socket.socket() as probe:
    fcntl.ioctl(probe, 0x8914, struct.pack("16sh22x", b"lo", 0x41))  # SIOCSIFFLAGS, IFF_UP and IFF_RUNNING
with subprocess.Popen([sys.executable, "-m", "glyphvae", "serve"]) as service:
    try:
        with httpx.Client(transport=httpx.HTTPTransport(retries=10), timeout=60) as client:
            print(client.post("http://127.0.0.1:8000/generate?label=J").status_code)
    finally:
        service.terminate()
"""
NETWORK = ("unshare", "--user", "--map-root-user", "--net")


@pytest.mark.skipif(not is_possible(*NETWORK), reason="namespaces of users are not to be had here")
@pytest.mark.parametrize("workers", ["", "2"])
def test_a_service_that_gets_them_starts_and_answers(workers: str) -> None:
    # As of a Service `glyphvae-admin`, too.
    links = SERVICE_LINKS | {name.replace("_", "_ADMIN_", 1): value for name, value in SERVICE_LINKS.items()}
    variables = plain_environment() | links | {"GLYPHVAE_WORKERS": workers, "GLYPHVAE_DEVICE": "cpu"}
    command = [*NETWORK, sys.executable, "-c", IN_A_NETWORK]
    done = subprocess.run(command, env=variables, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "200\n", done.stderr
    assert "WARNING" not in done.stderr


def test_everything_selects_the_same_pods() -> None:
    deployment = load("base/deployment.yaml")["spec"]
    assert deployment["template"]["metadata"]["labels"] == POD_NAME
    assert deployment["selector"]["matchLabels"] == POD_NAME
    assert load("base/service.yaml")["spec"]["selector"] == POD_NAME
    assert load("base/disruption.yaml")["spec"]["selector"]["matchLabels"] == POD_NAME
    assert load("base/network.yaml")["spec"]["podSelector"]["matchLabels"] == POD_NAME


def test_every_variable_is_a_setting() -> None:
    names = {variable["name"].removeprefix("GLYPHVAE_").lower() for variable in container()["env"]}
    assert names <= set(Settings.model_fields)


def test_ports_meet() -> None:
    ports = {port["name"]: port["containerPort"] for port in container()["ports"]}
    assert ports["http"] == Settings.model_fields["port"].default
    variables = {variable["name"]: variable["value"] for variable in container()["env"]}
    assert str(ports["admin"]) == variables["GLYPHVAE_ADMIN_PORT"]
    annotations = load("base/deployment.yaml")["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(ports["admin"])
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container()[probe]["httpGet"]["port"] in ports
    assert load("base/service.yaml")["spec"]["ports"][0]["targetPort"] in ports


def test_the_autoscaler_goes_by_what_the_adapter_makes() -> None:
    (metric,) = load("base/autoscaler.yaml")["spec"]["metrics"]
    (rule,) = load("prometheus-adapter.yaml")["rules"]["custom"]
    assert metric["pods"]["metric"]["name"] == rule["name"]["as"]
    assert "glyphvae_queue_wait_seconds_sum" in rule["metricsQuery"]


def test_a_pod_may_do_nothing_but_serve() -> None:
    context = container()["securityContext"]
    assert context == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert load("base/network.yaml")["spec"]["egress"] == []


def test_kserve_runs_the_same_pod() -> None:
    """Its predictor is a pod's specification with few fields of its own: the rest follows the pod's schema."""
    service = load("kserve/inference-service.yaml")
    assert (service["apiVersion"], service["kind"]) == ("serving.kserve.io/v1beta1", "InferenceService")
    own = {"minReplicas", "maxReplicas", "scaleMetric", "scaleTarget", "timeout"}
    pod = {name: value for name, value in service["spec"]["predictor"].items() if name not in own}
    validate({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "predictor"}, "spec": pod})
    assert pod["containers"][0]["securityContext"] == container()["securityContext"]
    assert pod["containers"][0]["resources"] == container()["resources"]


def test_memory_limits_follow_from_what_requests_may_cost() -> None:
    pod = load("base/deployment.yaml")["spec"]["template"]["spec"]
    most = ceiling(Settings()) // MEBIBYTE
    assert most == 512
    # All shipped models, as measured, and /tmp, which is in memory.
    models, (tmp,) = 88, pod["volumes"]
    needed = most + models + int(tmp["emptyDir"]["sizeLimit"].removesuffix("Mi"))
    (kserve,) = load("kserve/inference-service.yaml")["spec"]["predictor"]["containers"]
    for resources in (container()["resources"], kserve["resources"]):
        assert resources["requests"]["memory"] == f"{most}Mi"
        assert needed <= int(resources["limits"]["memory"].removesuffix("Mi")) <= needed + 64
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    assert f"{compose['services']['glyphvae']['mem_limit']}i" == container()["resources"]["limits"]["memory"].lower()
    assert f"stays under {most} MiB" in " ".join((ROOT / "docs/reliability.md").read_text(encoding="utf-8").split())
