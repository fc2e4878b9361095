import asyncio
import gc
import os
import shutil
import sys
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glyphvae.api.context import Context
from glyphvae.application import create_app
from glyphvae.errors import ReloadRefused
from glyphvae.models.registry import load_registry
from glyphvae.scheduling.steps import run_now
from glyphvae.server.reload import Reloader
from glyphvae.settings import MEBIBYTE, SHIPPED_MODELS, Settings
from glyphvae.startup import settle
from tests.known_model import LATENT_SIZE, decoder, write_model
from tests.service.processes import python
from tests.service.support import PATIENCE, caller, context_of, grey, image_file

Z = np.zeros((1, LATENT_SIZE), np.float32)
J = np.array([19])
J_FILE = image_file(grey(119)[0])


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


async def test_old_models_go_with_their_last_request_and_need_no_collector(own: Context) -> None:
    app = create_app(own)
    settle()  # the collector passes over all that was there at the start
    gc.disable()
    try:
        async with caller(app) as client:
            threads, old = set(threading.enumerate()), list[weakref.ref[Any]]()
            for _ in range(5):
                held = own.registry.get(None)
                old += [weakref.ref(held), weakref.ref(held.sessions), weakref.ref(own.registry)]
                for path in ("/generate?label=J", "/generate?label=J&seed=7", "/generate?label=J&n=200"):
                    assert (await client.post(path)).status_code == 200
                assert (await client.post("/encode?preprocess=none", content=J_FILE)).status_code == 200
                await asyncio.to_thread(Reloader(own).reload)
                assert run_now(held.decode(Z, J))[0, 0, 0] == 119
                del held
                assert [ref for ref in old if ref() is not None] == []
            # A pool without a registry wakes its threads, and they end.
            for thread in set(threading.enumerate()) - threads:
                if thread.name.startswith(("glyphvae-rows", "glyphvae-build")):
                    thread.join(PATIENCE)
                    assert not thread.is_alive()
    finally:
        gc.enable()
        gc.unfreeze()


# What a reload takes and frees is ten times what stays, so the resident set shows whether it goes back.
RELOADS = """
import json
import sys
from pathlib import Path
from threading import Thread

from glyphvae.api.context import Context
from glyphvae.application import create_app
from glyphvae.errors import ReloadRefused
from glyphvae.models.registry import load_registry
from glyphvae.server.reload import Reloader
from glyphvae.settings import MEBIBYTE, SHIPPED_MODELS, Settings
from glyphvae.startup import settle

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

def reload():
    try:
        reloader.reload()
    except ReloadRefused as error:
        assert "sha256" in error.detail

settings = Settings(models=sys.argv[1], device="cpu", default_model="pen")
context = Context(settings, load_registry(settings))
reloader = Reloader(context)
settle()
for round in range(3):
    for _ in range(10):
        thread = Thread(target=reload)
        thread.start()
        thread.join()
    print(resident())
    if round == 1:
        # Refused after the first model is built, because the second one's files are wrong.
        facts = json.loads(Path(sys.argv[1], "pen.json").read_text())
        facts["name"], facts["encoder"]["sha256"] = "z", "0" * 64
        Path(sys.argv[1], "z.json").write_text(json.dumps(facts))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc gives memory back on request")
def test_memory_is_as_much_after_twenty_reloads_as_after_ten(tmp_path: Path) -> None:
    script = tmp_path / "reloads.py"
    script.write_text(RELOADS)
    folder = tmp_path / "models"
    folder.mkdir()
    for path in SHIPPED_MODELS.glob("pen*"):
        (shutil.copytree if path.is_dir() else shutil.copy)(path, folder / path.name)
    result = python(script, folder)
    assert result.returncode == 0, result.stderr
    ten, twenty, refused = map(int, result.stdout.split())
    assert twenty - ten < 8 * MEBIBYTE
    assert refused - ten < 8 * MEBIBYTE


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

    def slow(settings: Settings, **more: Any) -> object:  # noqa: ANN401
        begun.set()
        assert go.wait(60)
        return load_registry(settings, **more)

    monkeypatch.setattr("glyphvae.server.reload.load_registry", slow)
    reloader = Reloader(own)
    first = asyncio.create_task(asyncio.to_thread(reloader.reload))
    await asyncio.to_thread(begun.wait, 60)
    with pytest.raises(ReloadRefused, match="Another reload is under way"):
        reloader.reload()
    go.set()
    assert await first is own.registry
