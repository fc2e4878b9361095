import asyncio
import gc
import os
import shutil
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest

from glyphvae.api.context import Context
from glyphvae.errors import ReloadRefused
from glyphvae.models.registry import load_registry
from glyphvae.scheduling.steps import run_now
from glyphvae.server.reload import Reloader
from glyphvae.settings import Settings
from glyphvae.startup import settle
from tests.known_model import LATENT_SIZE, decoder, write_model
from tests.service.support import context_of

Z = np.zeros((1, LATENT_SIZE), np.float32)
J = np.array([19])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_model(tmp_path)
    write_model(tmp_path, "vae", conditional=False)
    return tmp_path


@pytest.fixture
def own(folder: Path) -> Context:
    return context_of(folder)


def replace(folder: Path, **facts: object) -> None:
    """Another version of the model in the place of the old one."""
    for part in ("encoder", "decoder"):
        shutil.rmtree(folder / f"cvae-{part}")
    write_model(folder, **({"version": 2} | facts))  # type: ignore[arg-type]


async def test_new_models_take_the_place_of_the_old_ones(own: Context, folder: Path) -> None:
    old = own.registry.get(None)
    replace(folder)
    told: list[bool] = []
    reloader = Reloader(own, lambda: told.append(True))
    assert await asyncio.to_thread(reloader.reload_all) is own.registry
    assert own.registry.get(None).title == "cvae/2"
    assert told == [True]
    # A request that has begun with the old one ends with it.
    for model in (old, own.registry.get(None)):
        assert run_now(model.decode(Z, J))[0, 0, 0] == 119


async def test_the_models_of_the_start_go_though_the_collector_was_told_to_pass_them_over(
    own: Context, folder: Path
) -> None:
    old = weakref.ref(own.registry.get(None))
    settle()
    try:
        replace(folder)
        await asyncio.to_thread(Reloader(own).reload)
        gc.collect()
        assert old() is None
    finally:
        gc.unfreeze()


def test_models_in_use_are_ready_again(own: Context) -> None:
    own.registry.get("vae").sessions.build()
    Reloader(own).reload()
    assert list(own.registry.loaded) == ["cvae", "vae"]


def test_a_model_that_is_gone_is_gone(own: Context, folder: Path) -> None:
    own.registry.get("vae").sessions.build()
    (folder / "vae.json").unlink()
    Reloader(own).reload_all()
    assert list(own.registry.models) == ["cvae"]


@pytest.mark.parametrize("how", ["spoilt", "not running", "missing"])
def test_a_broken_model_is_refused_and_the_old_one_serves_on(
    own: Context, folder: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    old = own.registry
    if how == "not running":
        replace(folder, files={"decoder": decoder(rows=0)})
    elif how == "spoilt":
        (folder / "cvae-decoder" / "1" / "model.onnx").write_bytes(b"spoilt")
    else:
        (folder / "cvae.json").unlink()
    told: list[bool] = []
    with pytest.raises(ReloadRefused, match="the old models serve on"):
        Reloader(own, lambda: told.append(True)).reload_all()
    assert own.registry is old
    assert told == []
    assert "the new models are refused" in caplog.text


@pytest.mark.parametrize("name", ["cvae.json", "cvae-decoder/1/model.onnx"])
def test_a_fifo_is_not_waited_for_and_the_next_reload_works(own: Context, folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    (folder / name).unlink()
    os.mkfifo(folder / name)
    reloader = Reloader(own)
    with pytest.raises(ReloadRefused, match=f"{name}: not a regular file; the old models serve on"):
        reloader.reload()
    (folder / name).unlink()
    (folder / name).write_bytes(content)
    assert reloader.reload() is own.registry


async def test_one_reload_at_a_time(own: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go = threading.Event(), threading.Event()

    def slow(settings: Settings, also: object) -> object:
        begun.set()
        assert go.wait(60)
        return load_registry(settings, also=list(also))  # type: ignore[call-overload]

    monkeypatch.setattr("glyphvae.server.reload.load_registry", slow)
    reloader = Reloader(own)
    first = asyncio.create_task(asyncio.to_thread(reloader.reload))
    await asyncio.to_thread(begun.wait, 60)
    with pytest.raises(ReloadRefused, match="Another reload is under way"):
        reloader.reload()
    go.set()
    assert await first is own.registry
