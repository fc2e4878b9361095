"""LitServe: `python -m benchmarks.servers.litserve_app PORT BATCH`; a batch of 1 turns its batching off."""

import sys
from typing import Any

import litserve as ls  # type: ignore[import-not-found]  # in its own environment only
from fastapi import Response

from benchmarks.servers.glyphs import Glyphs, png


class GlyphAPI(ls.LitAPI):  # type: ignore[misc]
    """Labels in JSON to PNGs."""

    def setup(self, device: str) -> None:  # noqa: ARG002
        """Load the model in the worker."""
        self.glyphs = Glyphs()

    def decode_request(self, request: dict[str, int]) -> int:
        """The label of one request."""
        return request["label"]

    def batch(self, inputs: list[int]) -> list[int]:
        """Labels need no stacking."""
        return inputs

    def predict(self, x: Any) -> Any:  # noqa: ANN401 (one label, or a batch of them)
        """One PNG, or one of each label."""
        if isinstance(x, int):
            return png(self.glyphs.draw([x])[0])
        return [png(glyph) for glyph in self.glyphs.draw(x)]

    def unbatch(self, output: list[bytes]) -> list[bytes]:
        """PNGs need no taking apart."""
        return output

    def encode_response(self, output: bytes) -> Response:
        """The answer of one request."""
        return Response(output, media_type="image/png")


if __name__ == "__main__":
    port, batch = map(int, sys.argv[1:])
    # Measured best for this model: no wait for a batch to fill, and the queue over ZeroMQ.
    api = GlyphAPI(max_batch_size=batch, batch_timeout=0) if batch > 1 else GlyphAPI()
    server = ls.LitServer(api, accelerator="cpu", workers_per_device=1, fast_queue=True, timeout=60)
    server.run(host="127.0.0.1", port=port, num_api_servers=1, log_level="warning", generate_client_file=False)
