"""`python requirements/cuda_kernels.py LOCK FILE`: the CUDA kernels of the onnxruntime-gpu wheel in a lock.

The kernels are read from the wheel's own registry, without a GPU: its libraries are loaded with a stand-in for those of
CUDA, cuDNN and TensorRT (no_gpu.c). Needs a C compiler, `nm`, the network, and an interpreter for which the lock has
a wheel and which has pip and what ONNX Runtime imports.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

PACKAGE = "onnxruntime-gpu"
STAND_IN = Path(__file__).with_name("no_gpu.c")
# What the libraries of CUDA and TensorRT link to, beside the system's own.
LIBRARIES = re.compile(r"Shared library: \[(lib(?:cu|nv)[^\]]*)\]")
# Those of the system's libraries have other versions, and Provider_GetHost is ONNX Runtime's own.
IMPORTED = re.compile(r"^ +U ((?!Provider_)\w+)(?:@lib\S+)?$", re.MULTILINE)
DEFINED = re.compile(r"\b([A-Za-z_]\w+)\(")
# Run beside the stand-in. `2147483647` stands for a kernel of the newest version of its operator.
LIST = """
import json
from onnxruntime.capi.onnxruntime_pybind11_state import get_all_opkernel_def
kernels = [k for k in get_all_opkernel_def() if k.provider == "CUDAExecutionProvider" and not k.domain]
print(json.dumps([[k.op_name, *k.version_range, k.type_constraints] for k in kernels]))
"""
NEWEST = 2**31 - 1


def locked(lock: str) -> str:
    """Return the entry of the package in the lock, hashes and all."""
    (entry,) = re.findall(rf"^{PACKAGE}==(?:.*\\\n)*.*", lock, re.MULTILINE)
    return entry


def output(*command: str | Path, **environment: str) -> str:
    """Return what a command prints."""
    return subprocess.run(command, env=os.environ | environment, stdout=subprocess.PIPE, text=True, check=True).stdout


def compile_stand_in(wheel: Path, folder: Path) -> None:
    """Compile the stand-in under the name of each library that the providers in `wheel` link to."""
    providers = sorted(wheel.glob("onnxruntime/capi/libonnxruntime_providers_*.so"))
    imported = {name for path in providers for name in IMPORTED.findall(output("nm", "--dynamic", path))}
    own = STAND_IN.read_text(encoding="utf-8")
    rest = sorted(imported - set(DEFINED.findall(own)))
    source = folder / "stand-in.c"
    source.write_text("\n".join([own, *(f"int {name}(void) {{ return 0; }}" for name in rest)]), encoding="utf-8")
    library = folder / "stand-in.so"
    output("cc", "-w", "-shared", "-fPIC", "-o", library, source)
    for path in providers:
        for name in LIBRARIES.findall(output("readelf", "--dynamic", "--wide", path)):
            (folder / name).unlink(missing_ok=True)
            (folder / name).symlink_to(library)


def table(rows: list[list[Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return the kernels by operator: `since` and `until` (null: the newest) of its versions, and `types`."""
    kernels: dict[str, list[dict[str, Any]]] = {}
    for name, since, until, types in sorted(rows, key=json.dumps):
        short = {key: sorted(kind.removeprefix("tensor(").rstrip(")") for kind in types[key]) for key in sorted(types)}
        kernel = {"since": since, "until": None if until == NEWEST else until, "types": short}
        kernels.setdefault(name, []).append(kernel)
    return kernels


def listed(lock: str) -> dict[str, Any]:
    """Download the wheel, and return its name, version, hash and kernels."""
    entry = locked(lock)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "lock.txt").write_text(entry, encoding="utf-8")
        pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download")
        output(*pip, "--no-deps", "--require-hashes", "--dest", folder, "--requirement", folder / "lock.txt")
        (wheel,) = folder.glob("*.whl")
        unpacked = folder / "wheel"
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(unpacked)
        compile_stand_in(unpacked, folder)
        paths = {"LD_LIBRARY_PATH": name, "PYTHONPATH": str(unpacked)}
        rows = json.loads(output(sys.executable, "-c", LIST, ORT_DISABLE_TELEMETRY="1", **paths))
        with wheel.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
    version = entry.removeprefix(f"{PACKAGE}==").split()[0]
    return {
        "package": PACKAGE,
        "version": version,
        "wheel": wheel.name,
        "sha256": digest,
        "kernels": table(rows),
    }


if __name__ == "__main__":
    content = listed(Path(sys.argv[1]).read_text(encoding="utf-8"))
    # A line for each kernel, so that a change of version shows as what it changes.
    text = json.dumps(content | {"kernels": None}, indent=1).removesuffix("null\n}")
    rows = [
        f'  "{name}": [\n   ' + ",\n   ".join(json.dumps(kernel) for kernel in kernels) + "\n  ]"
        for name, kernels in content["kernels"].items()
    ]
    Path(sys.argv[2]).write_text(text + "{\n" + ",\n".join(rows) + "\n }\n}\n", encoding="utf-8")
