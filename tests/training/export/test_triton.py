"""The configuration is read back with protobuf's own text parser and Triton's own schema, which its client brings."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import onnx
import pytest
import tritonclient
from google.protobuf import text_format

from glyphvae_training.export.graphs import Part
from glyphvae_training.export.triton import config_pbtxt
from tests.training.examples import graph

EXPORTED = Path(__file__).parents[3] / "exported"
ENTRIES = sorted(path.parent for path in EXPORTED.glob("*/config.pbtxt"))


def triton_schema() -> ModuleType:
    """The module that protoc made of Triton's model_config.proto; its package would import gRPC too."""
    spec = spec_from_file_location("model_config_pb2", Path(tritonclient.__path__[0], "grpc/model_config_pb2.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TRITON = triton_schema()


def parsed(text: str) -> Any:  # noqa: ANN401 (its class is made by protoc)
    return text_format.Parse(text, TRITON.ModelConfig())


def config(part: Part) -> Any:  # noqa: ANN401
    return parsed(config_pbtxt(f"cvae-{part}", graph(part)))


def test_the_encoder() -> None:
    encoder = config("encoder")
    assert (encoder.name, encoder.platform, encoder.max_batch_size) == ("cvae-encoder", "onnxruntime_onnx", 4096)
    pixels, label = encoder.input
    assert (pixels.name, pixels.data_type, list(pixels.dims)) == ("pixels", TRITON.TYPE_UINT8, [28, 28])
    assert not pixels.HasField("reshape")
    assert (label.name, label.data_type, list(label.dims)) == ("label", TRITON.TYPE_INT64, [1])
    assert label.HasField("reshape")
    assert list(label.reshape.shape) == []
    assert [(o.name, o.data_type, list(o.dims)) for o in encoder.output] == [
        ("mu", TRITON.TYPE_FP32, [6]),
        ("logvar", TRITON.TYPE_FP32, [6]),
    ]


def test_the_strokes_of_a_pen() -> None:
    strokes = parsed(config_pbtxt("pen-strokes", graph("strokes", "pen")))
    assert [(i.name, list(i.dims)) for i in strokes.input] == [("z", [6]), ("label", [1])]
    assert [(o.name, o.data_type, list(o.dims)) for o in strokes.output] == [
        ("control", TRITON.TYPE_FP32, [2, 5, 2]),
        ("radius", TRITON.TYPE_FP32, [2, 4]),
        ("presence", TRITON.TYPE_FP32, [2]),
        ("proportions", TRITON.TYPE_FP32, [4]),
    ]
    assert not any(output.HasField("reshape") for output in strokes.output)


def test_the_decoder() -> None:
    decoder = config("decoder")
    assert [(i.name, list(i.dims)) for i in decoder.input] == [("z", [6]), ("label", [1])]
    assert [(o.name, o.data_type, list(o.dims)) for o in decoder.output] == [
        ("pixels", TRITON.TYPE_UINT8, [28, 28]),
        ("logits", TRITON.TYPE_FP32, [28, 28]),
    ]


def test_requests_are_batched_without_waiting_and_refused_in_time() -> None:
    batching = config("decoder").dynamic_batching
    assert list(batching.preferred_batch_size) == [128]
    assert batching.max_queue_delay_microseconds == 0
    policy = batching.default_queue_policy
    assert policy.timeout_action == TRITON.ModelQueuePolicy.REJECT
    assert (policy.default_timeout_microseconds, policy.max_queue_size) == (5_000_000, 4096)


def test_it_runs_on_whatever_device_there_is_and_on_a_gpu_by_tensorrt() -> None:
    decoder = config("decoder")
    assert [(group.count, group.kind) for group in decoder.instance_group] == [(1, TRITON.ModelInstanceGroup.KIND_AUTO)]
    (accelerator,) = decoder.optimization.execution_accelerators.gpu_execution_accelerator
    assert (accelerator.name, accelerator.parameters["precision_mode"]) == ("tensorrt", "FP32")


@pytest.mark.parametrize("folder", ENTRIES, ids=lambda folder: folder.name)
def test_what_is_shipped_is_a_repository_that_triton_reads(folder: Path) -> None:
    text = (folder / "config.pbtxt").read_text(encoding="utf-8")
    entry = parsed(text)
    assert entry.name == folder.name
    versions = [path for path in folder.iterdir() if path.is_dir()]
    assert versions
    for version in versions:
        assert version.name.isdigit()
        assert text == config_pbtxt(folder.name, onnx.load(version / "model.onnx"))
