"""Fixtures: the service on a socket over known models, and a page of Chromium that must stay free of errors."""

import contextlib
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp

from glyphvae.api.context import Context
from glyphvae.application import create_app
from glyphvae.models.registry import load_registry
from glyphvae.settings import Settings
from tests.browser.pages import Playground
from tests.known_model import classifier, decoder, encoder, write_model, write_more

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESKTOP = (1280, 860)
PHONE = (390, 844)

SERIES = "5e81e5" * 2
# Models that differ in beta alone, and by how much lighter than the known model each writes.
OF_BETA = {0.001: 0, 1.0: 1, 1024.0: 2}

# Ten times what a page needs, for machines that do other work meanwhile.
expect.set_options(timeout=20_000)

Opener = Callable[..., Playground]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs Chromium."""
    missing = pytest.mark.skip(reason="Chromium is not installed (Debian: apt-get install chromium)")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if CHROMIUM is None:
                item.add_marker(missing)


def _write_all(folder: Path) -> None:
    axes = ["slant", "narrow to wide", "height", "weight", "loop", "serif"]
    write_model(folder, "cvae", metrics={"axes": axes})
    for beta, lighter in OF_BETA.items():
        # Each writes another grey, so that a picture tells which of them made it.
        files = {"decoder": decoder(base=100 + lighter)}
        active = {"kl_per_unit": [1 / beta] * 6}
        write_model(folder, f"cvae-beta-{beta:g}", files=files, beta=beta, series=SERIES, metrics=active)
    write_more(folder, hand_size=2)
    for name, size in (("vae-z2", 2), ("vae-z23", 23)):
        parts = {
            "encoder": encoder(conditional=False, latent_size=size),
            "decoder": decoder(conditional=False, latent_size=size),
        }
        # The later a latent, the more active; the second goes from one thing to another.
        metrics = {
            "kl_per_unit": np.arange(size).tolist(),
            "axes": ["strokes", "low to tall", *["strokes"] * (size - 2)],
        }
        write_model(folder, name, conditional=False, files=parts, latent_size=size, metrics=metrics)


@contextlib.contextmanager
def _serving(folder: Path, mounted_at: str = "") -> Iterator[str]:
    """The service over the models in `folder`, perhaps within another application; yields its address."""
    settings = Settings(models=folder, default_model="cvae", device="cpu")
    app: ASGIApp = create_app(Context(settings, load_registry(settings)))
    if mounted_at:
        app = Starlette(routes=[Mount(mounted_at, app)])
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}{mounted_at}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="package")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service with every model that the page has a place for."""
    folder = tmp_path_factory.mktemp("exported")
    _write_all(folder)
    with _serving(folder) as address:
        yield address


@pytest.fixture(scope="package")
def bare_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service with the default model alone."""
    folder = tmp_path_factory.mktemp("bare")
    write_model(folder)
    with _serving(folder) as address:
        yield address


@pytest.fixture(scope="package")
def doubting_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service whose model doubts whatever it is shown."""
    folder = tmp_path_factory.mktemp("doubting")
    measure = {"evidence": 1, "kl": -1, "percentiles": [0, 100], "labels": {}, "others": [1, 2]}
    metrics = {"likeness": {"encoded": measure, "reconstructed": measure}}
    write_model(folder, files={"classifier": classifier()}, metrics=metrics)
    with _serving(folder) as address:
        yield address


@pytest.fixture(scope="package")
def mounted_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service below a path of another application, with the default model alone."""
    folder = tmp_path_factory.mktemp("mounted")
    write_model(folder)
    with _serving(folder, "/hand/writing") as address:
        yield address


# Not wider than this package: the driver keeps an event loop running, which asynchronous tests would trip over.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def desktop(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(viewport={"width": DESKTOP[0], "height": DESKTOP[1]}, accept_downloads=True)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield context
    context.close()


@pytest.fixture
def phone(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(
        viewport={"width": PHONE[0], "height": PHONE[1]}, has_touch=True, is_mobile=True, device_scale_factor=2
    )
    yield context
    context.close()


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What the pages of a test complained of; it must be empty in the end, so a test that provokes some clears it."""
    found: list[str] = []
    yield found
    assert found == []


@pytest.fixture
def open_page(desktop: BrowserContext, address: str, complaints: list[str]) -> Opener:
    """Opens the playground: `open_page("text?text=HI", context=phone)`."""

    def open_it(state: str = "", *, context: BrowserContext = desktop, base: str = address) -> Playground:
        page = watched(context.new_page(), complaints)
        page.goto(f"{base}/playground#{state}")
        playground = Playground(page)
        playground.wait_until_ready()
        return playground

    return open_it


def watched(page: Page, complaints: list[str]) -> Page:
    """`page`, with console errors, warnings and uncaught exceptions collected in `complaints`."""

    def hear(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return page
