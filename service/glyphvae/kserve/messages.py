"""The messages of `GRPCInferenceService`, made from Triton's description of them.

`make grpc` writes `proto/grpc_service.binpb` from the `.proto` files beside it. Classes are made from that when this
module is imported, in a pool of their own: so they work with any version of protobuf, and beside `tritonclient`, whose
messages have the same names.
"""

from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

_DESCRIBED = Path(__file__).with_name("proto") / "grpc_service.binpb"
SERVICE = "inference.GRPCInferenceService"


def _pool() -> DescriptorPool:
    pool = DescriptorPool()
    for file in FileDescriptorSet.FromString(_DESCRIBED.read_bytes()).file:
        pool.Add(file)
    return pool


_methods = _pool().FindServiceByName(SERVICE).methods_by_name


def request_of(method: str) -> Any:  # noqa: ANN401 (a class that protobuf makes)
    """Return the class of the requests of a method."""
    return GetMessageClass(_methods[method].input_type)


def response_of(method: str) -> Any:  # noqa: ANN401
    """Return the class of the responses of a method."""
    return GetMessageClass(_methods[method].output_type)
