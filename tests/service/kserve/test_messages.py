"""The messages of the gRPC service, and the description that they are made from."""

from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

from glyphvae.kserve import messages
from glyphvae.kserve.messages import request_of, response_of

PROTO = Path(messages.__file__).parent / "proto"


def test_the_committed_description_is_that_of_the_proto_files(tmp_path: Path) -> None:
    made = tmp_path / "made.binpb"
    arguments = [f"--proto_path={PROTO}", f"--proto_path={files('grpc_tools') / '_proto'}", "--include_imports"]
    assert protoc.main(["protoc", *arguments, f"--descriptor_set_out={made}", "grpc_service.proto"]) == 0
    assert made.read_bytes() == (PROTO / "grpc_service.binpb").read_bytes(), "run `make grpc`"


def test_methods_have_their_messages() -> None:
    assert request_of("ServerLive").DESCRIPTOR.full_name == "inference.ServerLiveRequest"
    assert response_of("ModelConfig").DESCRIPTOR.fields_by_name["config"].message_type.name == "ModelConfig"
