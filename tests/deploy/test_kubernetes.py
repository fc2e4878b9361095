"""The manifests, against Kubernetes' own schemas, and against the service that they run."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from glyphvae.scheduling.cost import ceiling
from glyphvae.settings import MEBIBYTE, Settings

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy/kubernetes"
BASE = sorted(path for path in (KUBERNETES / "base").glob("*.yaml") if path.name != "kustomization.yaml")
POD_NAME = {"app.kubernetes.io/name": "glyphvae"}


def load(path: str) -> Any:  # noqa: ANN401 (YAML)
    return yaml.safe_load((KUBERNETES / path).read_text(encoding="utf-8"))


def validate(resource: object) -> None:
    kubernetes_validate.validate(resource, kubernetes_validate.latest_version(), strict=True)


def container() -> dict[str, Any]:
    (container,) = load("base/deployment.yaml")["spec"]["template"]["spec"]["containers"]
    assert isinstance(container, dict)
    return container


def test_every_manifest_follows_its_schema() -> None:
    for path in BASE:
        validate(yaml.safe_load(path.read_text(encoding="utf-8")))


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
@pytest.mark.parametrize("folder", ["base", "gpu"])
def test_kustomize_makes_valid_manifests(folder: str) -> None:
    built = subprocess.run(["kubectl", "kustomize", KUBERNETES / folder], check=True, capture_output=True).stdout
    kinds = {document["kind"]: document for document in yaml.safe_load_all(built)}
    for document in kinds.values():
        validate(document)
    assert len(kinds) == len(BASE)
    (pod,) = kinds["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert pod["image"] == ("glyphvae:cpu" if folder == "base" else "glyphvae:cuda")
    assert ("nvidia.com/gpu" in pod["resources"]["limits"]) == (folder == "gpu")


def test_kustomize_knows_every_manifest() -> None:
    assert sorted(load("base/kustomization.yaml")["resources"]) == [path.name for path in BASE]


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
