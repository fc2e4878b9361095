"""Proof on an NVIDIA GPU: where each node of each exported graph runs, and whether the GPU gives what the CPU gives.

The sessions are the service's own, so what is proved is what it runs.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import distributions
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from benchmarks.processes import BenchmarkError
from benchmarks.server import Subject, console
from glyphvae.errors import StartError
from glyphvae.models.gpu_session import Session
from glyphvae.models.manifest import File, Manifest, read_manifest
from glyphvae.models.providers import Gpu, Runtime, choose_runtime
from glyphvae_training.export.quantise import to_float16
from glyphvae_training.export.storage import expanded

BATCHES = (1, 32, 4096)
PROFILED = 32
OUTPUTS = {"decoder": ("pixels", "logits"), "encoder": ("mu", "logvar")}
# The largest allowed difference. Float32 sums of another order differ by up to 5e-5 here, which moves the pixels that
# lie between two grey levels.
TOLERANCES = {"pixels": 1.0, "logits": 1e-3, "mu": 1e-3, "logvar": 1e-3}
# A tensor of ONNX Runtime has at most eight axes, so a shape has at most eight numbers.
MOST_AXES = 8

Arrays = dict[str, NDArray[Any]]
Rows = list[dict[str, Any]]


def measure(subject: Subject, seconds: float = 0.2) -> dict[str, Any]:
    """Prove that the exported graphs run on an NVIDIA GPU and give what the CPU gives.

    Args:
        subject: The service.
        seconds: Duration of each measurement of throughput.

    Raises:
        BenchmarkError: No GPU is present, or ONNX Runtime cannot use it; the message says why.
    """
    file = subject.decoder
    try:
        cuda = choose_runtime("cuda", 1, file.read_bytes(), file.name, Gpu(from_rows=1))
    except StartError as error:
        raise BenchmarkError(str(error)) from None
    plain = Runtime("cuda", 1, Gpu(from_rows=1, graphs=False))
    cpu = Runtime("cpu", len(os.sched_getaffinity(0)))
    return {**device(), **prove(subject.models, cpu, {"on": cuda, "off": plain}, seconds)}


def device() -> dict[str, Any]:
    """Return the name and driver of the GPU, and the versions of the libraries that use it."""
    query = ("nvidia-smi", "--query-gpu=name,driver_version,memory.total,compute_cap", "--format=csv,noheader")
    said = subprocess.run(query, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    names = ("name", "driver", "memory", "compute_capability")
    versions = {one.metadata["Name"].lower(): one.version for one in distributions()}
    libraries = {name: version for name, version in versions.items() if name.startswith(("nvidia-", "onnxruntime"))}
    facts = dict(zip(names, (part.strip() for part in said.split(",")), strict=True))
    return {"device": facts, "libraries": dict(sorted(libraries.items()))}


def prove(
    models: Path, reference: Runtime, measured: Mapping[str, Runtime], seconds: float, batches: Sequence[int] = BATCHES
) -> dict[str, Any]:
    """Compare runtimes on all exported models, and find where each node of their graphs runs.

    Args:
        models: The repository of exported models.
        reference: The runtime whose outputs are expected.
        measured: The runtimes under test by whether they replay CUDA graphs, `on` or `off`.
        seconds: Duration of each measurement of throughput.
        batches: Batch sizes.

    Returns:
        `graphs`, the nodes of each graph by provider and operator; `parity`, the differences of each output; `float16`,
        those of decoders converted to half precision; `throughput` of decoders; `failures`, a sentence for each.
    """
    graphs: dict[str, Any] = {}
    parity, float16, throughput = Rows(), Rows(), Rows()
    for facts in (read_manifest(path) for path in sorted(models.glob("*.json"))):
        contents = {part: (models / file.file).read_bytes() for part, file in on_gpu(facts).items()}
        expected = {part: reference.session(content, f"{facts.name} {part}") for part, content in contents.items()}
        contents["half"] = to_float16(expanded(onnx.load_from_string(contents["decoder"]))).SerializeToString()
        graphs |= placements(models, facts, measured["off"], inputs(facts, expected["decoder"], PROFILED))
        for replayed, runtime in measured.items():
            found = {part: runtime.session(content, f"{facts.name} {part}") for part, content in contents.items()}
            for batch in batches:
                feeds = inputs(facts, expected["decoder"], batch)
                shared = {"model": facts.name, "batch": batch, "cuda_graphs": replayed}
                for part, outputs in OUTPUTS.items():
                    for row in differences(expected[part], found[part], feeds[part], outputs):
                        tolerance = TOLERANCES[row["output"]]
                        passed = row["difference"] <= tolerance
                        parity.append(shared | row | {"tolerance": tolerance, "passed": passed})
                for row in differences(expected["decoder"], found["half"], feeds["decoder"], ["pixels"]):
                    float16.append(shared | row)
                for part, half in (("decoder", "off"), ("half", "on")):
                    rate = batch / median_seconds(found[part], feeds["decoder"], seconds)
                    throughput.append(shared | {"float16": half, "images_per_second": rate})
        console.print(f"compared {facts.name}")
    rows = {"parity": parity, "float16": float16, "throughput": throughput}
    return {"graphs": graphs, **rows, "failures": list(failures(graphs, parity))}


def on_gpu(facts: Manifest) -> dict[str, File]:
    """Return the files that the service runs on a GPU, by part."""
    files = {"decoder": facts.decoder_for("cuda", "auto"), "encoder": facts.encoder_for("cuda", "auto")}
    return files | ({"strokes": facts.strokes} if facts.strokes else {})


def inputs(facts: Manifest, decoder: Session, batch: int) -> dict[str, Arrays]:
    """Draw the inputs of each part at a batch size; images are those that `decoder` draws."""
    z = np.random.default_rng(0).standard_normal((batch, facts.latent_size), dtype=np.float32)
    label = {"label": np.arange(batch) % len(facts.labels)} if facts.labels else {}
    (pixels,) = decoder.run(["pixels"], {"z": z} | label)
    images = {"pixels": pixels}
    latents = {"z": z} | label
    return {"decoder": latents, "strokes": latents, "encoder": images | label, "classifier": images}


def failures(graphs: Mapping[str, Any], parity: Rows) -> Iterator[str]:
    """Yield a sentence for each graph with nodes on the wrong provider, and for each difference that is too large."""
    for file, graph in graphs.items():
        if graph["unexpected"]:
            yield f"{file}: {', '.join(graph['unexpected'])} ran on another provider than {graph['provider']}"
    for row in parity:
        if not row["passed"]:
            at = f"{row['model']}, batch {row['batch']}, CUDA graphs {row['cuda_graphs']}"
            yield f"{at}: {row['output']} differ by {row['difference']:.3g}, more than {row['tolerance']:g}"


def placements(models: Path, facts: Manifest, runtime: Runtime, feeds: Mapping[str, Arrays]) -> dict[str, Any]:
    """Return where the nodes of each file of a model run on `runtime`.

    Args:
        models: The repository of exported models.
        facts: The manifest of the model.
        runtime: The runtime; all nodes of the files that the service runs on a GPU are expected on its first provider.
        feeds: Inputs by part.
    """
    served = {file.file for file in on_gpu(facts).values()}
    provider = next(iter(runtime.providers()))
    graphs = {}
    for name, file in vars(facts).items():
        if isinstance(file, File):
            content = (models / file.file).read_bytes()
            nodes = placement(content, runtime.providers(), feeds[name.split("_")[0]])
            counts: dict[str, Counter[str]] = {}
            for node in nodes:
                counts.setdefault(node["provider"], Counter())[node["op_name"]] += 1
            on_provider = file.file in served
            graphs[file.file] = {
                "served_on": runtime.device if on_provider else "cpu",
                "provider": provider,
                "nodes": counts,
                "unexpected": unexpected(nodes, provider) if on_provider else [],
            }
    return graphs


def placement(model: bytes, providers: Mapping[str, Mapping[str, str]], feed: Arrays) -> Rows:
    """Run a graph once and return the profile of each node that ran: `op_name`, `provider` and shapes.

    Args:
        model: A serialised graph.
        providers: The execution providers in order of preference, with their options.
        feed: Its inputs.
    """
    with tempfile.TemporaryDirectory() as folder:
        options = ort.SessionOptions()
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder, "profile"))
        session = ort.InferenceSession(model, options, providers=list(providers.items()))
        session.run(None, feed)
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    return [event["args"] for event in events if event["cat"] == "Node" and event["name"].endswith("_kernel_time")]


def unexpected(nodes: Rows, provider: str) -> list[str]:
    """Return the operators that ran on another provider, without those that compute shapes.

    ONNX Runtime runs those on the CPU on purpose, because their results are needed there.
    """
    others = (node for node in nodes if node["provider"] != provider)
    return sorted({node["op_name"] for node in others if not _computes_shapes(node)})


def _computes_shapes(node: Mapping[str, Any]) -> bool:
    outputs = [item for output in node["output_type_shape"] for item in output.items()]
    return all(kind == "int64" and prod(shape) <= MOST_AXES for kind, shape in outputs)


def differences(expected: Session, found: Session, feed: Arrays, outputs: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the largest difference of each output of two sessions."""
    pairs = zip(outputs, expected.run(outputs, feed), found.run(outputs, feed), strict=True)
    for name, one, other in pairs:
        # 8-bit differences would wrap around. JSON has neither infinity nor NaN.
        largest = float(np.abs(one.astype(np.float64) - other.astype(np.float64)).max())
        yield {"output": name, "difference": largest if np.isfinite(largest) else sys.float_info.max}


def median_seconds(session: Session, feed: Arrays, seconds: float) -> float:
    """Return the median duration of a run that returns 8-bit pixels."""
    for _ in range(3):  # the first runs allocate and capture
        session.run(["pixels"], feed)
    taken: list[float] = []
    while len(taken) < 5 or sum(taken) < seconds:
        start = time.perf_counter()
        session.run(["pixels"], feed)
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))
