"""A Ray cluster of two node processes on this machine: `make ray-test`."""

import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
import yaml
from PIL import Image

ray = pytest.importorskip("ray", reason="Ray has an environment of its own: make ray-test")
from ray import serve  # noqa: E402
from ray.cluster_utils import Cluster  # noqa: E402
from ray.serve.schema import ServeDeploySchema  # noqa: E402

from glyphvae.datasets.formats import DatasetRequest  # noqa: E402
from glyphvae.datasets.ray import make_on_cluster  # noqa: E402
from glyphvae.datasets.shards import Shard, split, write_shards  # noqa: E402
from tests.deploy.container import free_port  # noqa: E402
from tests.known_model import write_model  # noqa: E402

# Ray itself warns of much.
pytestmark = [pytest.mark.ray, pytest.mark.timeout(600), pytest.mark.filterwarnings("ignore")]

DEPLOY = Path(__file__).parents[2] / "deploy/ray"
NODE = {"num_cpus": 1, "object_store_memory": 100 << 20}
CLIENTS = 8


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_model(tmp_path / "models")
    monkeypatch.setenv("GLYPHVAE_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("GLYPHVAE_DEFAULT_MODEL", "cvae")
    return tmp_path / "models"


@pytest.fixture
def cluster(models: Path) -> Iterator[Cluster]:
    """A head and one more node, of one core each, whose processes find the models by the environment."""
    assert os.environ["GLYPHVAE_MODELS"] == str(models)
    cluster = Cluster(initialize_head=True, head_node_args=NODE)
    cluster.add_node(**NODE)
    cluster.wait_for_nodes()
    yield cluster
    ray.shutdown()
    cluster.shutdown()


@dataclass
class Traffic:
    """Clients that ask for one glyph after another until they are told to stop.

    Attributes:
        url: Of the service.
        answers: When each answer came, and its status; 0 for a broken connection.
    """

    url: str
    answers: list[tuple[float, int]] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def _ask(self) -> None:
        with httpx.Client(base_url=self.url, timeout=30) as client:
            while not self.stopped.is_set():
                try:
                    status = client.post("/generate?label=J").status_code
                except httpx.HTTPError:
                    status = 0
                self.answers.append((time.monotonic(), status))

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        for thread in self._threads:
            thread.join()

    def figures(self, since: float, until: float) -> dict[str, float]:
        statuses = [status for when, status in self.answers if since <= when < until]
        return {
            "sent": len(statuses),
            "failed": sum(status != 200 for status in statuses),
            "rate": round(len(statuses) / (until - since), 1),
        }


def running() -> int:
    """Replicas that run, as Ray Serve sees it."""
    application = serve.status().applications.get("glyphvae")
    return application.deployments["glyphvae"].replica_states.get("RUNNING", 0) if application else 0


def wait_until(is_true: Callable[[], bool], what: str) -> None:
    for _ in range(240):
        if is_true():
            return
        time.sleep(0.5)
    pytest.fail(f"it never came to be that {what}")


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").status_code == 200
    except httpx.HTTPError:
        return False


def small(config: dict[str, Any], port: int) -> dict[str, Any]:
    """deploy/ray/serve.yaml for two cores: two replicas, one proxy, because both nodes are one machine."""
    config["proxy_location"] = "HeadOnly"
    config["http_options"] |= {"host": "127.0.0.1", "port": port}
    (deployment,) = config["applications"][0]["deployments"]
    deployment["autoscaling_config"] |= {"min_replicas": 2, "max_replicas": 2}
    deployment["ray_actor_options"]["num_cpus"] = 1
    return config


@pytest.mark.parametrize("name", ["serve.yaml", "serve-gpu.yaml"])
def test_ray_serve_takes_the_configuration(name: str) -> None:
    config = ServeDeploySchema.model_validate(yaml.safe_load((DEPLOY / name).read_text("utf-8")))
    assert config.applications[0].import_path == "glyphvae.server.ray_serve:app"


def test_traffic_goes_on_while_a_node_is_killed(
    cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ray.init(cluster.address)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    config = small(yaml.safe_load((DEPLOY / "serve.yaml").read_text("utf-8")), port)
    (tmp_path / "serve.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    command = [Path(sys.executable).with_name("serve"), "run", "--address", cluster.address, tmp_path / "serve.yaml"]
    with (tmp_path / "log").open("w") as log:
        served = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ, cwd=DEPLOY.parents[1])
    try:
        wait_until(lambda: answers(url), "it answers")
        wait_until(lambda: running() == 2, "two replicas run")
        with Traffic(url) as traffic:
            time.sleep(2)  # warm
            began = time.monotonic()
            time.sleep(8)
            killed = time.monotonic()
            (node,) = [node for node in cluster.list_all_nodes() if not node.head]
            cluster.remove_node(node, allow_graceful=False)
            wait_until(lambda: running() < 2, "the loss is noticed")
            time.sleep(8)
            added = time.monotonic()
            cluster.add_node(**NODE)
            wait_until(lambda: running() == 2, "two replicas run again")
            whole = time.monotonic()
            time.sleep(8)
            ended = time.monotonic()
        glyph = httpx.post(f"{url}/generate?label=J&seed=1")
    finally:
        served.terminate()
        served.wait(60)
    figures = {
        "two nodes": traffic.figures(began, killed),
        "one is killed": traffic.figures(killed, added),
        "another starts": traffic.figures(added, whole),
        "two nodes again": traffic.figures(whole, ended),
    }
    with capsys.disabled():
        print("\n" + json.dumps(figures, indent=2))
    assert Image.open(io.BytesIO(glyph.content), formats=["PNG"]).size == (28, 28)
    # What the killed replica was working on is lost, and no more: no client lost two.
    assert figures["one is killed"]["failed"] <= CLIENTS
    assert figures["one is killed"]["sent"] > CLIENTS
    assert [figures[name]["failed"] for name in ("two nodes", "another starts", "two nodes again")] == [0, 0, 0]


def test_a_data_set_is_the_same_on_any_number_of_nodes(cluster: Cluster, models: Path, tmp_path: Path) -> None:
    order = DatasetRequest.model_validate({"count": 1000, "seed": 7, "format": "npz"})
    shards = split(order, 130, models)
    expected = {shard.name: shard.make() for shard in shards}

    def made(folder: Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in folder.glob("part-*")}

    ray.init(cluster.address)
    assert sum(write_shards(tmp_path / "two", order, shards, make_on_cluster)) == 1000
    assert made(tmp_path / "two") == expected
    (node,) = [node for node in cluster.list_all_nodes() if not node.head]

    def interrupted(todo: list[Shard]) -> Iterator[tuple[Shard, bytes]]:
        for index, shard in enumerate(make_on_cluster(todo)):
            if index == 2:
                cluster.remove_node(node, allow_graceful=False)
            yield shard

    assert sum(write_shards(tmp_path / "one", order, shards, interrupted)) == 1000
    assert made(tmp_path / "one") == expected


def test_the_command_makes_shards_on_a_cluster_of_this_machine(models: Path, tmp_path: Path) -> None:
    command: list[str | Path] = [
        Path(sys.executable).with_name("glyphvae"),
        "dataset",
        "300",
        "-o",
        tmp_path / "set",
        "--format",
        "npz",
    ]
    options: list[str | Path] = ["--seed", "7", "--shard-size", "128", "--ray", "local", "--models", models]
    subprocess.run([*command, *options], check=True, env=os.environ)
    order = DatasetRequest.model_validate({"count": 300, "seed": 7, "format": "npz"})
    expected = {shard.name: shard.make() for shard in split(order, 128, models)}
    assert {path.name: path.read_bytes() for path in (tmp_path / "set").glob("part-*")} == expected
