"""LitServe, BentoML and MLServer around the decoder, each in an environment that holds no other of them.

`python -m benchmarks.servers.frameworks PORT BATCH` runs LitServe; a batch of 1 turns its batching off.
"""

import sys
from base64 import b64encode
from importlib.util import find_spec
from typing import Any

from benchmarks.servers.glyphs import Glyphs, png

if find_spec("bentoml"):
    import bentoml  # type: ignore[import-not-found]

    @bentoml.service(workers=1, traffic={"timeout": 60}, logging={"access": {"enabled": False}})
    class GlyphService:
        """BentoML with adaptive batching; a batched endpoint responds in JSON, so PNGs are sent in base 64."""

        def __init__(self) -> None:
            self.glyphs = Glyphs()

        @bentoml.api(batchable=True, max_batch_size=64, max_latency_ms=60_000)  # type: ignore[untyped-decorator]
        def generate(self, label: list[int]) -> list[str]:
            """Return a new glyph of each label."""
            return [b64encode(png(glyph)).decode() for glyph in self.glyphs.draw(label)]


if find_spec("mlserver"):
    from mlserver import MLModel  # type: ignore[import-not-found]
    from mlserver.codecs import NumpyCodec  # type: ignore[import-not-found]
    from mlserver.types import InferenceRequest, InferenceResponse  # type: ignore[import-not-found]

    class GlyphModel(MLModel):  # type: ignore[misc]
        """MLServer's Open Inference Protocol: label in, 784 grey levels out."""

        async def load(self) -> bool:
            """Load the model in the process that runs it."""
            self.glyphs = Glyphs()
            return True

        async def predict(self, payload: InferenceRequest) -> InferenceResponse:
            """Return a row of pixels for each label."""
            labels = NumpyCodec.decode_input(payload.inputs[0]).ravel()
            pixels = self.glyphs.draw(labels).reshape(len(labels), -1)
            return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("pixels", pixels)])


if find_spec("litserve"):
    import litserve as ls  # type: ignore[import-not-found]
    from fastapi import Response

    class GlyphAPI(ls.LitAPI):  # type: ignore[misc]
        """LitServe: labels in JSON to PNGs."""

        def setup(self, device: str) -> None:  # noqa: ARG002
            """Load the model in the worker."""
            self.glyphs = Glyphs()

        def decode_request(self, request: dict[str, int]) -> int:
            """Return the label of one request."""
            return request["label"]

        def predict(self, x: Any) -> Any:  # noqa: ANN401 (one label, or a batch of them)
            """Return one PNG, or one of each label."""
            return png(self.glyphs.draw([x])[0]) if isinstance(x, int) else [png(one) for one in self.glyphs.draw(x)]

        def encode_response(self, output: bytes) -> Response:
            """Return the response to one request."""
            return Response(output, media_type="image/png")

    if __name__ == "__main__":
        port, batch = map(int, sys.argv[1:])
        # Measured best for this model: no wait for a batch to fill, and the queue over ZeroMQ.
        api = GlyphAPI(max_batch_size=batch, batch_timeout=0) if batch > 1 else GlyphAPI()
        server = ls.LitServer(api, accelerator="cpu", workers_per_device=1, fast_queue=True, timeout=60)
        server.run(host="127.0.0.1", port=port, num_api_servers=1, log_level="warning", generate_client_file=False)
