"""An empty method: `grpc.aio` in an event loop like the service's, returning nothing for whatever it gets."""

import sys

import grpc
import uvloop

METHOD = "/empty.Empty/Nothing"


async def nothing(_content: bytes, _call: object) -> bytes:
    """Return nothing."""
    return b""


async def serve() -> None:
    """Listen on a free port of this machine, and print it."""
    server = grpc.aio.server()
    _, service, name = METHOD.split("/")
    handler = grpc.method_handlers_generic_handler(service, {name: grpc.unary_unary_rpc_method_handler(nothing)})
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(serve())
