"""The configuration is read back with protobuf's own text parser, by the field names, numbers and types of Triton's
model_config.proto as far as we use them: whatever else stood in the text would be an error.
"""

from typing import Any

from google.protobuf import (  # type: ignore[import-untyped]
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    text_format,
)

from tests.training.examples import graph
from training.graphs import Part
from training.triton import config_pbtxt

Field = descriptor_pb2.FieldDescriptorProto
ENUMS = {
    "DataType": {"TYPE_INVALID": 0, "TYPE_UINT8": 2, "TYPE_INT64": 9, "TYPE_FP32": 11},
    "Kind": {"KIND_AUTO": 0, "KIND_GPU": 1, "KIND_CPU": 2, "KIND_MODEL": 3},
}
# Message: field: (number, type, repeated)
MESSAGES: dict[str, dict[str, tuple[int, str, bool]]] = {
    "ModelTensorReshape": {"shape": (1, "int64", True)},
    "ModelInput": {
        "name": (1, "string", False),
        "data_type": (2, "DataType", False),
        "dims": (4, "int64", True),
        "reshape": (5, "ModelTensorReshape", False),
    },
    "ModelOutput": {
        "name": (1, "string", False),
        "data_type": (2, "DataType", False),
        "dims": (3, "int64", True),
        "reshape": (5, "ModelTensorReshape", False),
    },
    "ModelDynamicBatching": {"preferred_batch_size": (1, "int32", True)},
    "ModelInstanceGroup": {"name": (1, "string", False), "count": (2, "int32", False), "kind": (4, "Kind", False)},
    "ModelConfig": {
        "name": (1, "string", False),
        "platform": (2, "string", False),
        "max_batch_size": (4, "int32", False),
        "input": (5, "ModelInput", True),
        "output": (6, "ModelOutput", True),
        "instance_group": (7, "ModelInstanceGroup", True),
        "dynamic_batching": (11, "ModelDynamicBatching", False),
    },
}
SCALARS = {"string": Field.TYPE_STRING, "int32": Field.TYPE_INT32, "int64": Field.TYPE_INT64}


def model_config() -> Any:  # noqa: ANN401 (its class is made here)
    file = descriptor_pb2.FileDescriptorProto(name="model_config.proto", package="inference", syntax="proto3")
    for name, values in ENUMS.items():
        enum = file.enum_type.add(name=name)
        for value, number in values.items():
            enum.value.add(name=value, number=number)
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind, repeated) in fields.items():
            label = Field.LABEL_REPEATED if repeated else Field.LABEL_OPTIONAL
            added = message.field.add(name=field, number=number, label=label)
            if kind in SCALARS:
                added.type = SCALARS[kind]
            else:
                added.type = Field.TYPE_ENUM if kind in ENUMS else Field.TYPE_MESSAGE
                added.type_name = f".inference.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("inference.ModelConfig"))()


def parsed(part: Part) -> Any:  # noqa: ANN401
    return text_format.Parse(config_pbtxt(f"cvae-{part}", graph(part)), model_config())


def test_the_encoder() -> None:
    config = parsed("encoder")
    assert (config.name, config.platform, config.max_batch_size) == ("cvae-encoder", "onnxruntime_onnx", 4096)
    pixels, label = config.input
    assert (pixels.name, pixels.data_type, list(pixels.dims)) == ("pixels", ENUMS["DataType"]["TYPE_UINT8"], [28, 28])
    assert not pixels.HasField("reshape")
    assert (label.name, label.data_type, list(label.dims)) == ("label", ENUMS["DataType"]["TYPE_INT64"], [1])
    assert label.HasField("reshape")
    assert list(label.reshape.shape) == []
    assert [(o.name, o.data_type, list(o.dims)) for o in config.output] == [
        ("mu", ENUMS["DataType"]["TYPE_FP32"], [6]),
        ("logvar", ENUMS["DataType"]["TYPE_FP32"], [6]),
    ]


def test_the_decoder() -> None:
    config = parsed("decoder")
    assert [(i.name, list(i.dims)) for i in config.input] == [("z", [6]), ("label", [1])]
    assert [(o.name, o.data_type, list(o.dims)) for o in config.output] == [
        ("pixels", ENUMS["DataType"]["TYPE_UINT8"], [28, 28]),
        ("logits", ENUMS["DataType"]["TYPE_FP32"], [28, 28]),
    ]


def test_requests_are_batched_on_whatever_device_there_is() -> None:
    config = parsed("decoder")
    assert config.HasField("dynamic_batching")
    assert [(group.count, group.kind) for group in config.instance_group] == [(1, ENUMS["Kind"]["KIND_AUTO"])]
