import gc
import socket
import subprocess
import sys
from contextlib import nullcontext
from math import inf
from pathlib import Path

import pytest

from glyphvae import startup
from glyphvae.errors import StartError
from glyphvae.settings import MEBIBYTE, Settings
from glyphvae.startup import check_address_space, check_memory, check_ports, memory_limit, settle
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


UNLIMITED = 9223372036854771712  # as version 1 says it


@pytest.mark.parametrize(
    ("groups", "files", "limit"),
    [
        ("0::/\n", {"memory.max": f"{640 * MEBIBYTE}\n"}, 640 * MEBIBYTE),
        ("0::/pod/one\n", {"pod/one/memory.max": "max\n", "pod/memory.max": "7\n", "memory.max": "max\n"}, 7),
        ("0::/docker/host\n", {"memory.max": "9\n"}, 9),
        ("0::/../outside\n", {}, inf),
        ("5:memory:/a\n1:cpu:/\n0::/\n", {"memory/a/memory.limit_in_bytes": "5", "cpu/memory.max": "1"}, 5),
        ("5:memory:/\n", {"memory/memory.limit_in_bytes": str(UNLIMITED)}, UNLIMITED),
        ("", {}, inf),
    ],
)
def test_the_limit_of_the_container_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, groups: str, files: dict[str, str], limit: float
) -> None:
    monkeypatch.setattr(startup, "GROUPS", tmp_path / "groups")
    monkeypatch.setattr(startup, "MOUNTED", tmp_path / "mounted")
    if groups:
        (tmp_path / "groups").write_text(groups, "utf-8")
    for name, text in files.items():
        file = tmp_path / "mounted" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    assert memory_limit() == limit


@pytest.mark.parametrize(
    ("limit", "workers", "outcome"),
    [
        (640, 1, ""),
        (512, 1, ""),
        (511, 1, "warned"),
        (160, 1, "warned"),
        (159, 1, "refused"),
        (1024, 2, ""),
        (1023, 2, "warned"),
        (319, 2, "refused"),
    ],
)
def test_a_container_with_too_little_memory_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, limit: int, workers: int, outcome: str
) -> None:
    monkeypatch.setattr(startup, "memory_limit", lambda: limit * MEBIBYTE)
    named = f"of this container is {limit} MiB, but"
    with pytest.raises(StartError, match=named) if outcome == "refused" else nullcontext():
        check_memory(Settings(workers=workers))
    assert (named in caplog.text) == (outcome == "warned")
    assert (f"{workers * 512} MiB" in caplog.text) == (outcome == "warned")


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(StartError, match=f"port {port} of 127.0.0.1: Address already in use; choose others by"):
            check_ports(Settings(host="127.0.0.1", port=port))
        check_ports(Settings(host="127.0.0.1", port=port, unix_socket=Path("service.sock")))


def test_the_port_for_grpc_is_checked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings = Settings(port=0, grpc_port=other.getsockname()[1])
        with pytest.raises(StartError, match="Address already in use; choose others by --grpc-port and --host"):
            check_ports(settings)
    monkeypatch.setattr(startup, "find_spec", lambda _: None)
    with pytest.raises(StartError, match=r"^setting GLYPHVAE_GRPC_PORT: gRPC needs `pip install 'glyphvae\[grpc\]'`$"):
        check_ports(settings)


def test_a_free_port_is_left_free() -> None:
    check_ports(Settings(host="127.0.0.1", port=0))
