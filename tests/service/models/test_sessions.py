"""Sessions are built when they are needed, and again when a GPU fails."""

import logging
import threading
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from glyphvae.errors import NotReady, StartError
from glyphvae.models.providers import Device, Runtime
from glyphvae.models.registry import Model, Registry, load_registry
from glyphvae.models.sessions import RETRY_SECONDS
from glyphvae.scheduling.steps import Wait, run_now
from glyphvae.settings import Settings
from tests.known_model import LATENT_SIZE, classifier, decoder, write_model

PATIENCE = 60
Z = np.zeros((1, LATENT_SIZE), np.float32)
J = np.array([19])


class Watched(Runtime):
    """A runtime that makes real sessions, and can be held, counted, and told to fail."""

    def __init__(self, device: Device = "cpu") -> None:
        super().__init__(device, 1)
        self.made: list[tuple[str, int]] = []
        self.go = threading.Event()
        self.go.set()

    def session(self, model: bytes, file: str, *, pool: bool = True) -> Any:  # noqa: ANN401 (as its base)
        assert self.go.wait(PATIENCE)
        self.made.append((file, threading.get_ident()))
        return super().session(model, file, pool=pool)

    __setattr__ = object.__setattr__  # its base is frozen


@pytest.fixture
def runtime() -> Watched:
    return Watched()


@pytest.fixture
def registry(repository: Path, runtime: Watched) -> Registry:
    return load_registry(Settings(models=repository, device="cpu"), runtime)


def level(model: Model) -> int:
    return int(run_now(model.decode(Z, J))[0, 0, 0])


def test_a_model_is_built_off_the_event_loop_when_it_is_first_asked(registry: Registry, runtime: Watched) -> None:
    model = registry.get("vae")
    assert list(registry.loaded) == ["cvae"]
    assert len(runtime.made) == 2
    assert level(model) == 100
    assert list(registry.loaded) == ["cvae", "vae"]
    assert {file for file, _ in runtime.made[2:]} == {"vae-encoder/1/model.onnx", "vae-decoder/1/model.onnx"}
    assert threading.get_ident() not in {thread for _, thread in runtime.made[2:]}


def test_callers_that_come_meanwhile_wait_for_the_same_build(registry: Registry, runtime: Watched) -> None:
    runtime.go.clear()
    model = registry.get("vae")
    programs = [model.decode(Z, J) for _ in range(3)]
    steps = [next(program) for program in programs]
    builds = [step.start() for step in steps[:2] if isinstance(step, Wait)]
    assert builds == [builds[0]] * 2
    assert level(registry.get("cvae")) == 119
    assert not builds[0].done()
    runtime.go.set()
    builds[0].result(PATIENCE)
    steps[2].now()  # it begins to wait when the sessions are there already
    assert [int(run_now(program)[0, 0, 0]) for program in programs] == [100] * 3
    assert len(runtime.made) == 4


def test_a_model_that_is_spoilt_after_the_start_is_not_served_and_tried_again_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_model(tmp_path)
    write_model(tmp_path, "vae", conditional=False)
    registry = load_registry(Settings(models=tmp_path, device="cpu"))
    file = tmp_path / "vae-decoder" / "1" / "model.onnx"
    content = file.read_bytes()
    file.write_bytes(content[:-1])
    moment = 1000.0
    monkeypatch.setattr("glyphvae.models.sessions.monotonic", lambda: moment)
    for _ in range(2):
        with pytest.raises(NotReady, match=r"vae: the model did not load\.") as caught:
            level(registry.get("vae"))
        assert caught.value.headers == {"Retry-After": "5"}
    assert caplog.text.count("the manifest says") == 1
    registry.check()  # readiness is about what is loaded
    file.write_bytes(content)
    moment += RETRY_SECONDS
    assert level(registry.get("vae")) == 100


class Gpu(Watched):
    """Real sessions on the CPU behind a device that can be lost, as ONNX Runtime's CUDA provider reports it."""

    def __init__(self) -> None:
        super().__init__("cuda")
        self.fault: str | None = None
        self.lost = False

    def session(self, model: bytes, file: str, *, pool: bool = True) -> Any:  # noqa: ANN401 (as its base)
        if self.lost:
            raise StartError(f"{file}: CUDA failure 100: no CUDA-capable device is detected")
        return GpuSession(self, Runtime("cpu", 1).session(model, file, pool=pool))


class GpuSession:
    def __init__(self, gpu: Gpu, session: Any) -> None:  # noqa: ANN401
        self._gpu = gpu
        self._session = session
        self._broken = False

    def run(self, outputs: list[str], feed: dict[str, Any]) -> Any:  # noqa: ANN401
        self._broken = self._broken or self._gpu.lost
        if self._broken:
            raise RuntimeError("CUDA failure 999: unknown error")
        if self._gpu.fault:
            raise RuntimeError(self._gpu.fault)
        return self._session.run(outputs, feed)


def on_gpu(folder: Path, gpu: Gpu, fault: Literal["retry", "cpu"] = "retry") -> Model:
    return load_registry(Settings(models=folder, gpu_fault=fault, precision="float32"), gpu).get(None)


def settled(model: Model) -> None:
    """Wait until the builder has nothing left to do."""
    model.sessions._builder.submit(int).result(PATIENCE)


def failed(model: Model) -> None:
    with pytest.raises(NotReady, match=r"cvae: the model did not run\.") as caught:
        level(model)
    assert caught.value.headers == {"Retry-After": "5"}
    settled(model)


def test_a_gpu_out_of_memory_is_a_503_and_then_works_again(repository: Path) -> None:
    gpu = Gpu()
    model = on_gpu(repository, gpu)
    decoder = model.sessions._sessions["decoder"]
    gpu.fault = "CUDNN_STATUS_ALLOC_FAILED"
    builder_may_go_on = threading.Event()
    model.sessions._builder.submit(builder_may_go_on.wait, PATIENCE)
    with pytest.raises(NotReady):
        level(model)
    gpu.fault = None
    builder_may_go_on.set()
    settled(model)
    assert level(model) == 119
    assert model.device == "cuda"
    assert model.sessions._sessions["decoder"] is decoder


def test_a_lost_gpu_is_built_anew_once_it_is_back(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = 1000.0
    monkeypatch.setattr("glyphvae.models.sessions.monotonic", lambda: moment)
    gpu = Gpu()
    model = on_gpu(repository, gpu)
    gpu.lost = True
    failed(model)
    with pytest.raises(NotReady, match="did not run"):
        model.sessions.run_once()
    gpu.lost = False
    failed(model)  # not tried again so soon
    moment += RETRY_SECONDS
    failed(model)
    assert level(model) == 119
    assert (model.device, model.sessions.degraded) == ("cuda", False)


def test_a_lost_gpu_gives_way_to_the_cpu_where_that_is_allowed(
    repository: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gpu = Gpu()
    model = on_gpu(repository, gpu, "cpu")
    gpu.lost = True
    with caplog.at_level(logging.WARNING, "glyphvae"):
        failed(model)
    assert level(model) == 119
    assert (model.device, model.sessions.degraded) == ("cpu", True)
    assert "cvae runs again, on cpu" in caplog.text


def test_a_classifier_stays_on_the_cpu(tmp_path: Path) -> None:
    write_model(tmp_path, files={"classifier": classifier()})
    gpu = Gpu()
    model = on_gpu(tmp_path, gpu, "cpu")
    gpu.lost = True
    pixels = np.full((1, 28, 28), 119, np.uint8)
    assert run_now(model.classify(pixels)).argmax() == 16
    failed(model)
    assert run_now(model.classify(pixels)).argmax() == 16
    assert level(model) == 119


def test_what_fails_on_the_cpu_is_not_built_anew(tmp_path: Path) -> None:
    write_model(tmp_path, files={"decoder": decoder(rows=35)})
    model = load_registry(Settings(models=tmp_path, device="cpu")).get(None)
    before = model.sessions._sessions["decoder"]
    with pytest.raises(NotReady):
        run_now(model.decode(Z, np.array([35])))
    settled(model)
    assert model.sessions._sessions["decoder"] is before
