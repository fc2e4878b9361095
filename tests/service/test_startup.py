import gc
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from glyphvae.errors import StartError
from glyphvae.settings import MEBIBYTE, Settings
from glyphvae.startup import check_address_space, settle
from tests.service.processes import ROOT, plain_environment

WITHIN = """
import sys
from glyphvae.startup import without_pydantic_v1
with without_pydantic_v1():
    try:
        from pydantic import v1
    except ImportError:
        print("refused")
import pydantic.v1
print(pydantic.v1.BaseModel.__name__)
"""

AFTER_AN_IMPORT = """
import pydantic.v1
from glyphvae.startup import without_pydantic_v1
with without_pydantic_v1():
    from pydantic import v1
print(v1 is pydantic.v1)
"""

COMMAND = """
import gc, sys
sys.argv = ["glyphvae", "render", "--help"]
from glyphvae.__main__ import main
try:
    main()
except SystemExit:
    from glyphvae.application import Application
    Application(None)
    print(gc.isenabled(), gc.get_freeze_count() > 0, "pydantic.v1" in sys.modules)
"""


SPAWNED = """
import multiprocessing, sys
from glyphvae.__main__ import main
def look():
    import glyphvae.server.server
    print("pydantic.v1" in sys.modules)
if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=look)
    process.start()
    process.join()
"""


def run(code: str) -> list[str]:
    return python("-c", code)


def python(*arguments: str | Path) -> list[str]:
    environment = plain_environment() | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=True)
    return done.stdout.split("\n")[:-1]


def test_pydantic_v1_is_absent_within_and_there_after_it() -> None:
    assert run(WITHIN) == ["refused", "BaseModel"]


def test_pydantic_v1_stays_where_somebody_has_it_already() -> None:
    assert run(AFTER_AN_IMPORT) == ["True"]


def test_the_command_and_the_application_start_without_pydantic_v1_and_with_the_collector() -> None:
    assert run(COMMAND)[-1] == "True True False"


def test_so_do_other_processes(tmp_path: Path) -> None:
    script = tmp_path / "glyphvae"
    script.write_text(SPAWNED)
    assert python(script) == ["False"]


def test_what_there_is_after_the_start_is_collected_no_more() -> None:
    before = gc.get_freeze_count()
    try:
        settle()
        assert gc.get_freeze_count() > before
    finally:
        gc.unfreeze()


@pytest.mark.parametrize("platform", ["darwin", "linux"])
def test_other_c_libraries_have_no_such_call(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())
    try:
        settle()
    finally:
        gc.unfreeze()


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc gives memory back on request")
def test_memory_that_was_freed_goes_back_to_the_system() -> None:
    code = (
        "from glyphvae.startup import settle\n"
        "def resident():\n"
        "    return next(int(line.split()[1]) for line in open('/proc/self/status') if line.startswith('VmRSS'))\n"
        "kept = []\n"
        "for _ in range(50_000):\n"
        "    kept.append(bytes(2000))\n"
        "    last = bytes(2000)\n"
        "kept[:-1] = []\n"
        "before = resident()\n"
        "settle()\n"
        "print(before - resident() > 10_000)"
    )
    assert run(code) == ["True"]


def test_too_little_address_space_stops_the_start_and_the_need_is_named() -> None:
    code = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_AS, (800 << 20, 800 << 20))\n"
        "sys.argv = ['glyphvae', 'serve', '--port', '0']\n"
        "from glyphvae.commands.main import main\n"
        "main()"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "is 800 MiB, but 1024 MiB are needed" in result.stderr


@pytest.mark.parametrize("more", [0, 1])
def test_lower_settings_need_less(more: int, monkeypatch: pytest.MonkeyPatch) -> None:
    lower = Settings(max_held_bytes=MEBIBYTE, max_queued_bytes=MEBIBYTE + more, max_unsent_bytes=MEBIBYTE)
    monkeypatch.setattr("resource.getrlimit", lambda _: (675 * MEBIBYTE, 675 * MEBIBYTE))
    with pytest.raises(StartError, match="675 MiB are needed") if more else nullcontext():
        check_address_space(lower)
