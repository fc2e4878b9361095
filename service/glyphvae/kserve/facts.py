"""Metadata, configuration, statistics and index of the graphs, in the words of the Open Inference Protocol."""

from collections.abc import Iterable
from typing import Any

from glyphvae import __version__
from glyphvae.api.context import Context
from glyphvae.kserve.graphs import Graph
from glyphvae.kserve.inference import most_rows
from glyphvae.kserve.tensors import Spec
from glyphvae.models.statistics import Duration, Phase, Statistics
from glyphvae.scheduling.steps import MAX_ROWS

PLATFORM = "onnxruntime_onnx"
_EXTENSIONS = ["binary_tensor_data", "model_configuration", "model_repository", "statistics"]
_PHASES: tuple[Phase, ...] = ("success", "fail", "queue", "compute_input", "compute_infer", "compute_output")


def server_facts() -> dict[str, Any]:
    """Describe the server."""
    return {"name": "glyphvae", "version": __version__, "extensions": _EXTENSIONS}


def model_facts(graph: Graph) -> dict[str, Any]:
    """Describe the inputs and outputs of a graph."""
    return {
        "name": graph.name,
        "versions": [graph.version],
        "platform": PLATFORM,
        "inputs": [spec.described() for spec in graph.inputs.values()],
        "outputs": [spec.described() for spec in graph.outputs.values()],
    }


def configuration(graph: Graph, context: Context) -> dict[str, Any]:
    """Describe how a graph is run, as Triton's `ModelConfig`."""
    kind = "KIND_CPU" if graph.model.device == "cpu" else "KIND_GPU"
    return {
        "name": graph.name,
        "platform": PLATFORM,
        "backend": "onnxruntime",
        "version_policy": {"latest": {"num_versions": 1}},
        "max_batch_size": most_rows(graph, context),
        "input": [_tensor(spec) for spec in graph.inputs.values()],
        "output": [_tensor(spec) for spec in graph.outputs.values()],
        "instance_group": [{"name": graph.name, "kind": kind, "count": 1}],
        "dynamic_batching": {"preferred_batch_size": [MAX_ROWS]},
    }


def _tensor(spec: Spec) -> dict[str, Any]:
    # The axis of the batch is not among the dimensions.
    return {"name": spec.name, "data_type": f"TYPE_{spec.datatype}", "dims": list(spec.shape[1:])}


def statistics(graphs: Iterable[Graph]) -> dict[str, Any]:
    """Return what graphs have computed since their models were loaded."""
    return {"model_stats": [_statistics(graph, graph.statistics) for graph in graphs]}


def _statistics(graph: Graph, counts: Statistics) -> dict[str, Any]:
    batches = sorted(dict(counts.batches).items())
    return {
        "name": graph.name,
        "version": graph.version,
        "last_inference": counts.last,
        "inference_count": counts.rows,
        "execution_count": sum(runs.count for _, runs in batches),
        "inference_stats": {phase: _duration(counts.phases[phase]) for phase in _PHASES},
        "batch_stats": [{"batch_size": rows, "compute_infer": _duration(runs)} for rows, runs in batches],
    }


def _duration(duration: Duration) -> dict[str, int]:
    return {"count": duration.count, "ns": duration.nanoseconds}


def index(graphs: Iterable[Graph], *, ready: bool) -> list[dict[str, str]]:
    """List graphs with their states; with `ready`, those alone that answer."""
    return [entry for graph in graphs if (entry := _entry(graph))["state"] == "READY" or not ready]


def _entry(graph: Graph) -> dict[str, str]:
    sessions = graph.model.sessions
    state = "UNAVAILABLE" if sessions.unloaded else "READY"
    reason = "unloaded" if sessions.unloaded else "" if sessions.loaded else "loads on first use"
    return {"name": graph.name, "version": graph.version, "state": state, "reason": reason}
