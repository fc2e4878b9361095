"""The `config.pbtxt` that makes an exported graph an entry of a Triton Inference Server model repository.

Format: https://github.com/triton-inference-server/common/blob/main/protobuf/model_config.proto
"""

from collections.abc import Iterable

import onnx
from onnx import TensorProto

# Ten times a grid of 36 x 12 glyphs would fit; the largest activations of such a batch are a few megabytes.
MAX_BATCH_SIZE = 4096
# What a run of the service's own batcher holds at most: from here on a row costs next to nothing less. No call waits
# for others to join it.
PREFERRED_BATCH_SIZE = 128
# The service's own deadline and queue.
TIMEOUT_MICROSECONDS = 5_000_000
MAX_QUEUE_SIZE = 4096
# TensorRT chooses among kernels that need scratch memory; for layers as small as ours this is plenty.
WORKSPACE_BYTES = 256 << 20
TYPES: dict[int, str] = {
    TensorProto.UINT8: "TYPE_UINT8",
    TensorProto.INT64: "TYPE_INT64",
    TensorProto.FLOAT: "TYPE_FP32",
}


def config_pbtxt(name: str, model: onnx.ModelProto) -> str:
    """Format the configuration of one entry, its inputs and outputs read from the graph itself.

    Args:
        name: of the entry, which is also its folder.
        model: an exported graph whose first axis of every input and output is the batch.

    Returns:
        Protobuf text. `KIND_AUTO` puts an instance on every GPU there is, or one on the CPU; on a GPU, TensorRT runs
        what it can.
    """
    return f"""\
name: "{name}"
platform: "onnxruntime_onnx"
max_batch_size: {MAX_BATCH_SIZE}
{tensors("input", model.graph.input)}
{tensors("output", model.graph.output)}
dynamic_batching {{
  preferred_batch_size: [ {PREFERRED_BATCH_SIZE} ]
  max_queue_delay_microseconds: 0
  default_queue_policy {{
    timeout_action: REJECT
    default_timeout_microseconds: {TIMEOUT_MICROSECONDS}
    allow_timeout_override: true
    max_queue_size: {MAX_QUEUE_SIZE}
  }}
}}
instance_group [
  {{
    count: 1
    kind: KIND_AUTO
  }}
]
optimization {{
  execution_accelerators {{
    gpu_execution_accelerator: [
      {{
        name: "tensorrt"
        parameters {{ key: "precision_mode" value: "FP32" }}
        parameters {{ key: "max_workspace_size_bytes" value: "{WORKSPACE_BYTES}" }}
        parameters {{ key: "trt_engine_cache_enable" value: "true" }}
        parameters {{ key: "trt_engine_cache_path" value: "/tmp/{name}" }}
      }}
    ]
  }}
}}
"""


def tensors(field: str, values: Iterable[onnx.ValueInfoProto]) -> str:
    """Format the field `input` or `output`."""
    return f"{field} [\n" + ",\n".join(tensor(value) for value in values) + "\n]"


def tensor(value: onnx.ValueInfoProto) -> str:
    """Format one input or output without its batch axis."""
    sizes = [axis.dim_value for axis in value.type.tensor_type.shape.dim][1:]
    lines = [
        f'    name: "{value.name}"',
        f"    data_type: {TYPES[value.type.tensor_type.elem_type]}",
        f"    dims: [ {', '.join(map(str, sizes or [1]))} ]",
    ]
    if not sizes:
        # Triton has no scalars: a request carries one element per row, which is taken away before the graph sees it.
        lines.append("    reshape: { shape: [ ] }")
    return "  {\n" + "\n".join(lines) + "\n  }"
